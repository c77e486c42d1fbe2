// nn.add: an operation an element, bound by memory.
#include "compiler/Conversion/KernelsToCPU/Emitters.h"
#include "compiler/Conversion/KernelsToCPU/PictureTiles.h"
#include "compiler/Conversion/KernelsToCPU/VectorMath.h"

namespace tl::cpu {

llvm::FailureOr<Grid> emitAdd(KernelBuilder &b, mlir::Operation *op) {
  auto add = mlir::cast<nn::AddOp>(op);
  Buffer lhs = b.buffer(add.getLhs()), rhs = b.buffer(add.getRhs());
  Buffer y = b.buffer(add.getResult());
  return forEachRow(
      b, y, {lhs, rhs},
      [&](Value to, llvm::ArrayRef<Value> from, int64_t elements) {
        b.forEachVector(elements, [&](Value i, int64_t lanes) {
          Value sum = b.addF(b.load(b.at(from[0], i), lanes),
                             b.load(b.at(from[1], i), lanes));
          b.store(activate(b, add.getActivationAttr(), sum), b.at(to, i));
        });
      });
}

} // namespace tl::cpu
