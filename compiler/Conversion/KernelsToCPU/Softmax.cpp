// nn.softmax and nn.softmax_grad, along the last dimension. Sums run in the
// order that the number of classes and the ISA fix.
#include "compiler/Conversion/KernelsToCPU/Emitters.h"
#include "compiler/Conversion/KernelsToCPU/PictureTiles.h"
#include "compiler/Conversion/KernelsToCPU/VectorMath.h"

namespace tl::cpu {

// A NaN or an infinity among the logits makes the whole row NaN.
llvm::FailureOr<Grid> emitSoftmax(KernelBuilder &b, mlir::Operation *op) {
  auto softmax = mlir::cast<nn::SoftmaxOp>(op);
  Buffer x = b.buffer(softmax.getInput()), y = b.buffer(softmax.getResult());
  int64_t classes = y.channels();
  return forEachPlace(b, y, {x}, [&](Value to, llvm::ArrayRef<Value> from) {
    Value largest = maximumOf(b, from[0], classes);
    Value sum = sumOver(b, classes, [&](Value c, int64_t lanes) {
      Value z = b.load(b.at(from[0], c), lanes);
      Value e = exp(b, b.subF(z, b.broadcast(largest, lanes)));
      b.store(e, b.at(to, c));
      return e;
    });
    b.forEachVector(classes, [&](Value c, int64_t lanes) {
      Value e = b.load(b.at(to, c), lanes);
      b.store(b.divF(e, b.broadcast(sum, lanes)), b.at(to, c));
    });
  });
}

// dx = y (dy - sum(dy y))
llvm::FailureOr<Grid> emitSoftmaxGrad(KernelBuilder &b, mlir::Operation *op) {
  auto softmax = mlir::cast<nn::SoftmaxGradOp>(op);
  Buffer dy = b.buffer(softmax.getGradient());
  Buffer y = b.buffer(softmax.getValue()), dx = b.buffer(softmax.getResult());
  int64_t classes = dx.channels();
  return forEachPlace(
      b, dx, {dy, y}, [&](Value to, llvm::ArrayRef<Value> from) {
        auto load = [&](Value pointer, Value c, int64_t lanes) {
          return b.load(b.at(pointer, c), lanes);
        };
        Value sum = sumOver(b, classes, [&](Value c, int64_t lanes) {
          return b.mulF(load(from[0], c, lanes), load(from[1], c, lanes));
        });
        b.forEachVector(classes, [&](Value c, int64_t lanes) {
          Value centred =
              b.subF(load(from[0], c, lanes), b.broadcast(sum, lanes));
          b.store(b.mulF(load(from[1], c, lanes), centred), b.at(to, c));
        });
      });
}

} // namespace tl::cpu
