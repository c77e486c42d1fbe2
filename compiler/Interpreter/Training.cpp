// The formulas of losses, gradients and updates (dialects/NN/NNTrainingOps.td),
// one function each.
#include "compiler/Interpreter/Evaluate.h"

#include "dialects/NN/Activation.h"
#include "dialects/NN/Optimizers.h"
#include "llvm/ADT/TypeSwitch.h"

#include <algorithm>
#include <cmath>

using namespace mlir;
using namespace tl::nn;

namespace tl {

namespace {
/// The labels as classes, checked against their number (sigmoid losses: 2).
FailureOr<std::vector<int64_t>> classesOf(Operation *op, const NNValue &labels,
                                          int64_t classes) {
  std::vector<int64_t> result;
  for (double label : labels.data) {
    if (!(label >= 0 && label < double(classes)))
      return op->emitError() << "label " << int64_t(label)
                             << " is not one of the " << classes << " classes";
    result.push_back(int64_t(label));
  }
  return result;
}

/// Smoothed one-hot target: (1 - s) [c = label] + s / M.
double target(double smoothing, int64_t classes, bool hit) {
  return (hit ? 1 - smoothing : 0) + smoothing / double(classes);
}

/// log(sum_c exp(z_c)), shifted by the maximum.
double logSumExp(ArrayRef<double> logits) {
  double largest = *std::max_element(logits.begin(), logits.end()), sum = 0;
  for (double z : logits)
    sum += std::exp(z - largest);
  return largest + std::log(sum);
}

template <typename Loss, typename Body>
LogicalResult forEachLabel(Loss op, Frame &f, int64_t classes, Body body) {
  auto labels = classesOf(op, f[op.getLabels()], classes);
  if (failed(labels))
    return failure();
  for (auto [n, label] : llvm::enumerate(*labels))
    body(int64_t(n), label);
  return success();
}

LogicalResult evaluate(SoftmaxCrossEntropyOp op, Frame &f) {
  ArrayRef<double> z = f[op.getLogits()].data;
  int64_t classes = f[op.getLogits()].shape[1];
  double smoothing = op.getLabelSmoothing().convertToDouble();
  return forEachLabel(op, f, classes, [&](int64_t n, int64_t label) {
    ArrayRef<double> row = z.slice(n * classes, classes);
    double loss = logSumExp(row);
    for (int64_t c = 0; c < classes; ++c)
      loss -= target(smoothing, classes, c == label) * row[c];
    f.result(op).data[n] = loss;
  });
}

LogicalResult evaluate(SoftmaxCrossEntropyGradOp op, Frame &f) {
  ArrayRef<double> z = f[op.getLogits()].data;
  int64_t classes = f[op.getLogits()].shape[1];
  double batch = double(f[op.getLogits()].shape[0]);
  double smoothing = op.getLabelSmoothing().convertToDouble();
  return forEachLabel(op, f, classes, [&](int64_t n, int64_t label) {
    ArrayRef<double> row = z.slice(n * classes, classes);
    double normaliser = logSumExp(row);
    for (int64_t c = 0; c < classes; ++c)
      f.result(op).data[n * classes + c] =
          (std::exp(row[c] - normaliser) -
           target(smoothing, classes, c == label)) /
          batch;
  });
}

LogicalResult evaluate(SigmoidCrossEntropyOp op, Frame &f) {
  double smoothing = op.getLabelSmoothing().convertToDouble();
  return forEachLabel(op, f, 2, [&](int64_t n, int64_t label) {
    double z = f[op.getLogits()].data[n];
    double t = target(smoothing, 2, label == 1);
    f.result(op).data[n] =
        std::max(z, 0.0) - z * t + std::log1p(std::exp(-std::abs(z)));
  });
}

LogicalResult evaluate(SigmoidCrossEntropyGradOp op, Frame &f) {
  double batch = double(f[op.getLogits()].shape[0]);
  double smoothing = op.getLabelSmoothing().convertToDouble();
  return forEachLabel(op, f, 2, [&](int64_t n, int64_t label) {
    double z = f[op.getLogits()].data[n];
    double t = target(smoothing, 2, label == 1);
    f.result(op).data[n] = (1 / (1 + std::exp(-z)) - t) / batch;
  });
}

LogicalResult evaluate(DenseGradInputOp op, Frame &f) {
  const NNValue &dy = f[op.getGradient()], &w = f[op.getWeight()];
  NNValue &dx = f.result(op);
  int64_t rows = w.shape[0], columns = w.shape[1];
  int64_t tokens = int64_t(dy.data.size()) / columns;
  for (int64_t n = 0; n < tokens; ++n)
    for (int64_t k = 0; k < rows; ++k)
      for (int64_t m = 0; m < columns; ++m)
        dx.data[n * rows + k] +=
            dy.data[n * columns + m] * w.data[k * columns + m];
  return success();
}

LogicalResult evaluate(DenseGradWeightOp op, Frame &f) {
  const NNValue &x = f[op.getInput()], &dy = f[op.getGradient()];
  NNValue &dw = f.result(op);
  int64_t rows = x.shape.back(), columns = dy.shape.back();
  int64_t tokens = int64_t(x.data.size()) / rows;
  for (int64_t n = 0; n < tokens; ++n)
    for (int64_t k = 0; k < rows; ++k)
      for (int64_t m = 0; m < columns; ++m)
        dw.data[k * columns + m] +=
            x.data[n * rows + k] * dy.data[n * columns + m];
  return success();
}

LogicalResult evaluate(BiasGradOp op, Frame &f) {
  const NNValue &dy = f[op.getGradient()];
  for (size_t i = 0; i < dy.data.size(); ++i)
    f.result(op).data[i % dy.shape.back()] += dy.data[i];
  return success();
}

LogicalResult evaluate(ActivationGradOp op, Frame &f) {
  const NNValue &dy = f[op.getGradient()], &value = f[op.getValue()];
  for (size_t i = 0; i < dy.data.size(); ++i)
    f.result(op).data[i] = dy.data[i] * evaluateActivationGradient(
                                            op.getActivation(), value.data[i]);
  return success();
}

LogicalResult evaluate(GlobalAvgPoolGradOp op, Frame &f) {
  const NNValue &dy = f[op.getGradient()];
  NNValue &dx = f.result(op);
  int64_t places = dx.shape[1] * dx.shape[2], channels = dx.shape[3];
  for (size_t i = 0; i < dx.data.size(); ++i) {
    int64_t n = i / (places * channels), c = i % channels;
    dx.data[i] = dy.data[n * channels + c] / double(places);
  }
  return success();
}

LogicalResult evaluate(SoftmaxGradOp op, Frame &f) {
  const NNValue &dy = f[op.getGradient()], &y = f[op.getValue()];
  int64_t classes = y.shape.back();
  for (size_t row = 0; row < y.data.size(); row += classes) {
    double sum = 0;
    for (int64_t c = 0; c < classes; ++c)
      sum += dy.data[row + c] * y.data[row + c];
    for (int64_t c = 0; c < classes; ++c)
      f.result(op).data[row + c] = y.data[row + c] * (dy.data[row + c] - sum);
  }
  return success();
}

LogicalResult evaluate(UpdateOp op, Frame &f) {
  schema::StepBlock block = stepBlock(f[op.getStep()]);
  StepScalars step{block.learningRate, block.biasCorrection1,
                   block.biasCorrection2};
  const NNValue &gradient = f[op.getGradient()];
  for (size_t i = 0; i < gradient.data.size(); ++i) {
    double parameter = f[op.getParameter()].data[i];
    SmallVector<double> slots;
    for (Value slot : op.getSlots())
      slots.push_back(f[slot].data[i]);
    evaluateUpdate(op.getOptimizer(), step, gradient.data[i], parameter, slots);
    f.result(op, 0).data[i] = parameter;
    for (auto [s, slot] : llvm::enumerate(slots))
      f.result(op, 1 + s).data[i] = slot;
  }
  return success();
}
} // namespace

LogicalResult evaluateTraining(Operation *op, Frame &frame) {
  return TypeSwitch<Operation *, LogicalResult>(op)
      .Case<SoftmaxCrossEntropyOp, SoftmaxCrossEntropyGradOp,
            SigmoidCrossEntropyOp, SigmoidCrossEntropyGradOp, DenseGradInputOp,
            DenseGradWeightOp, BiasGradOp, ActivationGradOp,
            GlobalAvgPoolGradOp, SoftmaxGradOp, SliceGradOp, MaxPoolGradOp,
            AvgPoolGradOp, UpdateOp>(
          [&](auto known) { return evaluate(known, frame); })
      .Case<LayerNormGradInputOp, LayerNormGradAffineOp, AttentionGradOp,
            BatchSumOp>([&](auto known) { return evaluate(known, frame); })
      .Default([](Operation *unknown) {
        return unknown->emitError(
            "the interpreter does not know this operation");
      });
}

} // namespace tl
