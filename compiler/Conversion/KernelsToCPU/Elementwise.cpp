// nn.add and nn.batch_norm: a few operations an element, bound by memory.
#include "compiler/Conversion/KernelsToCPU/Emitters.h"
#include "compiler/Conversion/KernelsToCPU/PictureTiles.h"
#include "compiler/Conversion/KernelsToCPU/VectorMath.h"
#include "llvm/Support/MathExtras.h"

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

// Each tile first computes gamma / sqrt(variance + epsilon) of all channels
// into its scratch: `[C]`.
llvm::FailureOr<Grid> emitBatchNorm(KernelBuilder &b, mlir::Operation *op) {
  auto norm = mlir::cast<nn::BatchNormOp>(op);
  Buffer x = b.buffer(norm.getInput()), y = b.buffer(norm.getResult());
  Value gamma = b.buffer(norm.getGamma()).pointer;
  Value beta = b.buffer(norm.getBeta()).pointer;
  Value mean = b.buffer(norm.getMean()).pointer;
  Value variance = b.buffer(norm.getVariance()).pointer;
  double epsilon = norm.getEpsilon().convertToDouble();
  RowShape shape(y);
  b.forEachVector(shape.channels, [&](Value c, int64_t lanes) {
    Value deviation = sqrt(
        b, b.addF(b.load(b.at(variance, c), lanes), b.splat(epsilon, lanes)));
    Value scale = b.divF(b.load(b.at(gamma, c), lanes), deviation);
    b.store(scale, b.at(b.scratch(), c));
  });
  Grid grid =
      forEachRow(b, y, {x}, [&](Value to, llvm::ArrayRef<Value> from, int64_t) {
        b.loop(0, shape.rowElements(), shape.channels, [&](Value place) {
          b.forEachVector(shape.channels, [&](Value c, int64_t lanes) {
            Value i = b.add(place, c);
            Value centred = b.subF(b.load(b.at(from[0], i), lanes),
                                   b.load(b.at(mean, c), lanes));
            Value scale = b.load(b.at(b.scratch(), c), lanes);
            Value shift = b.load(b.at(beta, c), lanes);
            b.store(b.fma(centred, scale, shift), b.at(to, i));
          });
        });
      });
  grid.scratch = llvm::alignTo(shape.channels * 4, 64);
  return grid;
}

} // namespace tl::cpu
