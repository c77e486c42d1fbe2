// The formulas of products with a factor a channel: gates, layer scale, the
// constants and statistics that a network applies to its input.
#include "compiler/Interpreter/Evaluate.h"

#include <algorithm>
#include <cmath>

using namespace mlir;
using namespace tl::nn;

namespace tl {

namespace {
/// Where the gate of element `i` of `x` lies: at its own place, or at its
/// channel in its picture.
size_t gateAt(const NNValue &x, const NNValue &gate, size_t i) {
  if (gate.data.size() == x.data.size())
    return i;
  size_t channels = x.shape.back();
  return i / x.perPicture() * channels + i % channels;
}

double oneOf(ArrayRef<float> numbers, size_t channel) {
  return numbers.size() == 1 ? numbers[0] : numbers[channel];
}
} // namespace

LogicalResult evaluate(MultiplyOp op, Frame &f) {
  const NNValue &x = f[op.getInput()], &gate = f[op.getGate()];
  NNValue &y = f.result(op);
  for (size_t i = 0; i < x.data.size(); ++i)
    y.data[i] = x.data[i] * gate.data[gateAt(x, gate, i)];
  return success();
}

LogicalResult evaluate(MultiplyGradGateOp op, Frame &f) {
  const NNValue &x = f[op.getInput()], &dy = f[op.getGradient()];
  NNValue &sums = f.result(op);
  for (size_t i = 0; i < x.data.size(); ++i)
    sums.data[gateAt(x, sums, i)] += dy.data[i] * x.data[i];
  return success();
}

LogicalResult evaluate(ScaleChannelsOp op, Frame &f) {
  const NNValue &x = f[op.getInput()], &scale = f[op.getScale()];
  for (size_t i = 0; i < x.data.size(); ++i)
    f.result(op).data[i] = x.data[i] * scale.data[i % scale.data.size()];
  return success();
}

LogicalResult evaluate(ScaleChannelsGradOp op, Frame &f) {
  const NNValue &x = f[op.getInput()], &dy = f[op.getGradient()];
  std::vector<double> &sums = f.result(op).data;
  for (size_t i = 0; i < x.data.size(); ++i)
    sums[i % sums.size()] += dy.data[i] * x.data[i];
  return success();
}

LogicalResult evaluate(RescaleOp op, Frame &f) {
  const NNValue &x = f[op.getInput()];
  for (size_t i = 0; i < x.data.size(); ++i) {
    size_t c = i % x.shape.back();
    f.result(op).data[i] =
        x.data[i] * oneOf(op.getScale(), c) + oneOf(op.getOffset(), c);
  }
  return success();
}

LogicalResult evaluate(StandardizeOp op, Frame &f) {
  const NNValue &x = f[op.getInput()];
  for (size_t i = 0; i < x.data.size(); ++i) {
    size_t c = i % x.shape.back();
    double mean = op.getMean() ? f[op.getMean()].data[c] : 0;
    double deviation = std::sqrt(f[op.getVariance()].data[c]);
    f.result(op).data[i] = (x.data[i] - mean) / std::max(deviation, 1e-7);
  }
  return success();
}

} // namespace tl
