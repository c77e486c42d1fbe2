// The losses and their gradients (dialects/NN/NNTrainingOps.td): what a picture
// should be, from its label and its weights, in one place; then a formula each.
#include "compiler/Interpreter/Evaluate.h"

#include "llvm/ADT/TypeSwitch.h"

#include <algorithm>
#include <cmath>

using namespace mlir;
using namespace tl::nn;

namespace tl {

namespace {
/// Refuses labels that are not one of the classes (sigmoid losses: of two).
LogicalResult checkLabels(Operation *op, const NNValue &labels,
                          int64_t classes) {
  for (double label : labels.data)
    if (!(label >= 0 && label < double(classes)))
      return op->emitError() << "label " << int64_t(label)
                             << " is not one of the " << classes << " classes";
  return success();
}

/// log(sum_c exp(z_c)), shifted by the maximum.
double logSumExp(ArrayRef<double> logits) {
  double largest = *std::max_element(logits.begin(), logits.end()), sum = 0;
  for (double z : logits)
    sum += std::exp(z - largest);
  return largest + std::log(sum);
}

/// The targets and weights of a loss's pictures.
template <typename Loss> class Targets {
public:
  Targets(Loss op, Frame &f, int64_t classes)
      : op(op), f(f), classes(classes),
        smoothing(op.getLabelSmoothing().convertToDouble()) {}

  LogicalResult check() {
    if (failed(checkLabels(op, f[op.getLabels()], classes)))
      return failure();
    return op.getMixLabels() ? checkLabels(op, f[op.getMixLabels()], classes)
                             : success();
  }

  /// Smoothed, and of two labels where there is a mix:
  /// mix t(label) + (1 - mix) t(mix label), t = (1 - s) [c = label] + s / M.
  double target(int64_t n, int64_t c) {
    double hit = f[op.getLabels()].data[n] == double(c);
    if (op.getMix()) {
      double mix = f[op.getMix()].data[n];
      hit = mix * hit + (1 - mix) * (f[op.getMixLabels()].data[n] == double(c));
    }
    return (1 - smoothing) * hit + smoothing / double(classes);
  }

  double weight(int64_t n) {
    return op.getWeights() ? f[op.getWeights()].data[n] : 1;
  }

private:
  Loss op;
  Frame &f;
  int64_t classes;
  double smoothing;
};

LogicalResult evaluate(SoftmaxCrossEntropyOp op, Frame &f) {
  const NNValue &z = f[op.getLogits()];
  int64_t classes = z.shape[1];
  Targets targets(op, f, classes);
  if (failed(targets.check()))
    return failure();
  for (int64_t n = 0; n < z.shape[0]; ++n) {
    ArrayRef<double> row = ArrayRef(z.data).slice(n * classes, classes);
    double loss = logSumExp(row);
    for (int64_t c = 0; c < classes; ++c)
      loss -= targets.target(n, c) * row[c];
    f.result(op).data[n] = targets.weight(n) * loss;
  }
  return success();
}

LogicalResult evaluate(SoftmaxCrossEntropyGradOp op, Frame &f) {
  const NNValue &z = f[op.getLogits()];
  int64_t classes = z.shape[1];
  Targets targets(op, f, classes);
  if (failed(targets.check()))
    return failure();
  for (int64_t n = 0; n < z.shape[0]; ++n) {
    ArrayRef<double> row = ArrayRef(z.data).slice(n * classes, classes);
    double normaliser = logSumExp(row);
    for (int64_t c = 0; c < classes; ++c)
      f.result(op).data[n * classes + c] =
          targets.weight(n) *
          (std::exp(row[c] - normaliser) - targets.target(n, c)) /
          double(z.shape[0]);
  }
  return success();
}

LogicalResult evaluate(SigmoidCrossEntropyOp op, Frame &f) {
  const NNValue &logits = f[op.getLogits()];
  Targets targets(op, f, 2);
  if (failed(targets.check()))
    return failure();
  for (int64_t n = 0; n < logits.shape[0]; ++n) {
    double z = logits.data[n];
    f.result(op).data[n] =
        targets.weight(n) * (std::max(z, 0.0) - z * targets.target(n, 1) +
                             std::log1p(std::exp(-std::abs(z))));
  }
  return success();
}

LogicalResult evaluate(SigmoidCrossEntropyGradOp op, Frame &f) {
  const NNValue &logits = f[op.getLogits()];
  Targets targets(op, f, 2);
  if (failed(targets.check()))
    return failure();
  for (int64_t n = 0; n < logits.shape[0]; ++n)
    f.result(op).data[n] =
        targets.weight(n) *
        (1 / (1 + std::exp(-logits.data[n])) - targets.target(n, 1)) /
        double(logits.shape[0]);
  return success();
}
} // namespace

LogicalResult evaluateLoss(Operation *op, Frame &frame) {
  return TypeSwitch<Operation *, LogicalResult>(op)
      .Case<SoftmaxCrossEntropyOp, SoftmaxCrossEntropyGradOp,
            SigmoidCrossEntropyOp, SigmoidCrossEntropyGradOp>(
          [&](auto loss) { return evaluate(loss, frame); });
}

} // namespace tl
