// nn.update: one step of an optimizer, in place, over the stored elements of a
// parameter whatever its form.
#include "compiler/Conversion/KernelsToCPU/Emitters.h"
#include "compiler/Conversion/KernelsToCPU/PictureTiles.h"
#include "compiler/Conversion/KernelsToCPU/UpdateRule.h"
#include "llvm/Support/MathExtras.h"

namespace tl::cpu {

llvm::FailureOr<Grid> emitUpdate(KernelBuilder &b, mlir::Operation *op) {
  auto node = mlir::cast<nn::UpdateOp>(op);
  Buffer parameter = b.buffer(node.getParameter());
  Value gradient = b.buffer(node.getGradient()).pointer;
  UpdateBuffers buffers{parameter.pointer, {}};
  for (Value slot : node.getSlots())
    buffers.slots.push_back(b.buffer(slot).pointer);
  UpdateRule rule = loadRule(b, node.getOptimizer(),
                             b.buffer(node.getStep()).pointer, node.getRate());
  if (node.getScale())
    rule.scale = b.loadScalar(b.buffer(node.getScale()).pointer);
  int64_t elements = parameter.storage.elements;
  Value begin = b.mul(b.tile(), kTileElements);
  Value count =
      b.min(b.sub(b.constant(elements), begin), b.constant(kTileElements));
  b.forEachVector(count, [&](Value offset, int64_t lanes) {
    Value i = b.add(begin, offset);
    updateElements(b, rule, buffers, i, b.load(b.at(gradient, i), lanes),
                   lanes);
  });
  b.describe("vectors, in place, a range a tile");
  return Grid{int64_t(llvm::divideCeil(elements, kTileElements)), 1, 0, 0};
}

} // namespace tl::cpu
