// nn.batch_norm and the gradient of its input: a few operations an element,
// bound by memory. What belongs to a channel alone each tile first computes
// into its scratch, one row of `[C]` a factor.
#include "compiler/Conversion/KernelsToCPU/Emitters.h"
#include "compiler/Conversion/KernelsToCPU/PictureTiles.h"
#include "compiler/Conversion/KernelsToCPU/VectorMath.h"
#include "llvm/Support/MathExtras.h"

namespace tl::cpu {

namespace {
/// Rows of factors in the scratch, `[rows, C]`.
class ChannelFactors {
public:
  ChannelFactors(KernelBuilder &b, int64_t channels)
      : b(b), channels(channels) {}

  Value load(int64_t row, Value c, int64_t lanes) {
    return b.load(b.at(b.at(b.scratch(), row * channels), c), lanes);
  }
  void store(int64_t row, Value c, Value value) {
    b.store(value, b.at(b.at(b.scratch(), row * channels), c));
  }
  int64_t bytes(int64_t rows) const {
    return llvm::alignTo(rows * channels * 4, 64);
  }

private:
  KernelBuilder &b;
  int64_t channels;
};

/// gamma / sqrt(variance + epsilon), and the divisor.
struct Scale {
  Value scale, deviation;
};
Scale scaleOf(KernelBuilder &b, Value gamma, Value variance, double epsilon,
              Value c, int64_t lanes) {
  Value deviation = sqrt(
      b, b.addF(b.load(b.at(variance, c), lanes), b.splat(epsilon, lanes)));
  return {b.divF(b.load(b.at(gamma, c), lanes), deviation), deviation};
}

/// body(element within the row, its channel, lanes) for each place of a row.
void forEachChannel(KernelBuilder &b, const RowShape &shape,
                    llvm::function_ref<void(Value, Value, int64_t)> body) {
  b.loop(0, shape.rowElements(), shape.channels, [&](Value place) {
    b.forEachVector(shape.channels, [&](Value c, int64_t lanes) {
      body(b.add(place, c), c, lanes);
    });
  });
}
} // namespace

llvm::FailureOr<Grid> emitBatchNorm(KernelBuilder &b, mlir::Operation *op) {
  auto norm = mlir::cast<nn::BatchNormOp>(op);
  Buffer x = b.buffer(norm.getInput()), y = b.buffer(norm.getResult());
  Value gamma = b.buffer(norm.getGamma()).pointer;
  Value beta = b.buffer(norm.getBeta()).pointer;
  Value mean = b.buffer(norm.getMean()).pointer;
  Value variance = b.buffer(norm.getVariance()).pointer;
  double epsilon = norm.getEpsilon().convertToDouble();
  RowShape shape(y);
  ChannelFactors factors(b, shape.channels);
  b.forEachVector(shape.channels, [&](Value c, int64_t lanes) {
    factors.store(0, c, scaleOf(b, gamma, variance, epsilon, c, lanes).scale);
  });
  auto row = [&](Value to, llvm::ArrayRef<Value> from, int64_t) {
    forEachChannel(b, shape, [&](Value i, Value c, int64_t lanes) {
      Value centred =
          b.subF(b.load(b.at(from[0], i), lanes), b.load(b.at(mean, c), lanes));
      Value scale = factors.load(0, c, lanes);
      Value shift = b.load(b.at(beta, c), lanes);
      b.store(b.fma(centred, scale, shift), b.at(to, i));
    });
  };
  Grid grid = forEachRow(b, y, {x}, row);
  grid.scratch = factors.bytes(1);
  return grid;
}

// dx = s dy, s = gamma / deviation; through the statistics of the batch
// dx = s dy + k (x - mean) + t, with k = -s dgamma / (deviation M) and
// t = -s dbeta / M: M the places of the batch.
llvm::FailureOr<Grid> emitBatchNormGradInput(KernelBuilder &b,
                                             mlir::Operation *op) {
  auto node = mlir::cast<nn::BatchNormGradInputOp>(op);
  Buffer dy = b.buffer(node.getGradient()), dx = b.buffer(node.getResult());
  Buffer x = b.bufferOrNone(node.getInput());
  Value gamma = b.buffer(node.getGamma()).pointer;
  Value variance = b.buffer(node.getVariance()).pointer;
  Value mean = b.bufferOrNone(node.getMean()).pointer;
  Value dgamma = b.bufferOrNone(node.getDgamma()).pointer;
  Value dbeta = b.bufferOrNone(node.getDbeta()).pointer;
  double epsilon = node.getEpsilon().convertToDouble();
  RowShape shape(dx);
  ChannelFactors factors(b, shape.channels);
  Value places = mlir::arith::SIToFPOp::create(
      b, b.getF32Type(), b.mul(b.batch(), shape.rows * shape.places));
  b.forEachVector(shape.channels, [&](Value c, int64_t lanes) {
    auto [scale, deviation] = scaleOf(b, gamma, variance, epsilon, c, lanes);
    factors.store(0, c, scale);
    if (!x.pointer)
      return;
    Value share = b.divF(b.negF(scale), b.broadcast(places, lanes));
    Value slope = b.mulF(share, b.load(b.at(dgamma, c), lanes));
    factors.store(1, c, b.divF(slope, deviation));
    factors.store(2, c, b.mulF(share, b.load(b.at(dbeta, c), lanes)));
  });
  auto row = [&](Value to, llvm::ArrayRef<Value> from, int64_t) {
    forEachChannel(b, shape, [&](Value i, Value c, int64_t lanes) {
      Value g = b.load(b.at(from[0], i), lanes);
      Value scale = factors.load(0, c, lanes);
      if (!x.pointer) {
        b.store(b.mulF(g, scale), b.at(to, i));
        return;
      }
      Value centred =
          b.subF(b.load(b.at(from[1], i), lanes), b.load(b.at(mean, c), lanes));
      Value through =
          b.fma(centred, factors.load(1, c, lanes), factors.load(2, c, lanes));
      b.store(b.fma(g, scale, through), b.at(to, i));
    });
  };
  llvm::SmallVector<Buffer> inputs{dy};
  if (x.pointer)
    inputs.push_back(x);
  Grid grid = forEachRow(b, dx, inputs, row);
  grid.scratch = factors.bytes(x.pointer ? 3 : 1);
  return grid;
}

} // namespace tl::cpu
