// The formulas of batch normalisation in training (dialects/NN/
// NNTrainingOps.td), one function each. A value is rows of channels: every
// place of every picture is a row.
#include "compiler/Interpreter/Evaluate.h"

#include "llvm/ADT/TypeSwitch.h"

#include <cmath>

using namespace mlir;
using namespace tl::nn;

namespace tl {

namespace {
/// N places: over how many rows the statistics of a channel go.
double rowsOf(const NNValue &value) {
  return double(value.data.size()) / double(value.shape.back());
}

/// (x - mean) / sqrt(variance + epsilon) of element i.
template <typename Norm> double normalised(Norm op, const Frame &f, size_t i) {
  const NNValue &x = f[op.getInput()];
  size_t c = i % x.shape.back();
  return (x.data[i] - f[op.getMean()].data[c]) /
         std::sqrt(f[op.getVariance()].data[c] +
                   op.getEpsilon().convertToDouble());
}

LogicalResult evaluate(BatchStatsOp op, Frame &f) {
  const NNValue &x = f[op.getInput()];
  NNValue &mean = f.result(op, 0), &variance = f.result(op, 1);
  size_t channels = x.shape.back();
  double rows = rowsOf(x);
  for (size_t i = 0; i < x.data.size(); ++i)
    mean.data[i % channels] += x.data[i] / rows;
  for (size_t i = 0; i < x.data.size(); ++i) {
    double centred = x.data[i] - mean.data[i % channels];
    variance.data[i % channels] += centred * centred / rows;
  }
  return success();
}

LogicalResult evaluate(MovingAverageOp op, Frame &f) {
  double momentum = op.getMomentum().convertToDouble();
  double rows = rowsOf(f[op.getInput()]);
  double factor = op.getUnbiased() && rows > 1 ? rows / (rows - 1) : 1;
  NNValue &result = f.result(op);
  for (size_t c = 0; c < result.data.size(); ++c)
    result.data[c] = momentum * f[op.getOld()].data[c] +
                     (1 - momentum) * factor * f[op.getBatch()].data[c];
  return success();
}

LogicalResult evaluate(BatchNormGradAffineOp op, Frame &f) {
  const NNValue &dy = f[op.getGradient()];
  size_t channels = dy.shape.back();
  for (size_t i = 0; i < dy.data.size(); ++i) {
    f.result(op, 0).data[i % channels] += dy.data[i] * normalised(op, f, i);
    f.result(op, 1).data[i % channels] += dy.data[i];
  }
  return success();
}

LogicalResult evaluate(BatchNormGradInputOp op, Frame &f) {
  const NNValue &dy = f[op.getGradient()];
  size_t channels = dy.shape.back();
  double rows = rowsOf(dy), epsilon = op.getEpsilon().convertToDouble();
  for (size_t i = 0; i < dy.data.size(); ++i) {
    size_t c = i % channels;
    double centred = dy.data[i];
    if (op.getInput())
      centred -= (f[op.getDbeta()].data[c] +
                  normalised(op, f, i) * f[op.getDgamma()].data[c]) /
                 rows;
    f.result(op).data[i] = centred * f[op.getGamma()].data[c] /
                           std::sqrt(f[op.getVariance()].data[c] + epsilon);
  }
  return success();
}
} // namespace

LogicalResult evaluateBatchNorm(Operation *op, Frame &frame) {
  return TypeSwitch<Operation *, LogicalResult>(op)
      .Case<BatchStatsOp, MovingAverageOp, BatchNormGradAffineOp,
            BatchNormGradInputOp>(
          [&](auto norm) { return evaluate(norm, frame); });
}

} // namespace tl
