// The formulas of gradients (dialects/NN/NNTrainingOps.td), one function each;
// those of losses, of batch normalisation and of updates have files of their
// own, and are found from here.
#include "compiler/Interpreter/Evaluate.h"

#include "dialects/NN/Activation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace tl::nn;

namespace tl {

namespace {
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
} // namespace

LogicalResult evaluateTraining(Operation *op, Frame &frame) {
  return TypeSwitch<Operation *, LogicalResult>(op)
      .Case<SoftmaxCrossEntropyOp, SoftmaxCrossEntropyGradOp,
            SigmoidCrossEntropyOp, SigmoidCrossEntropyGradOp>(
          [&](Operation *loss) { return evaluateLoss(loss, frame); })
      .Case<BatchStatsOp, MovingAverageOp, BatchNormGradAffineOp,
            BatchNormGradInputOp>(
          [&](Operation *norm) { return evaluateBatchNorm(norm, frame); })
      .Case<SumSquaresOp, ClipScaleOp, UpdateOp, DenseUpdateOp>(
          [&](Operation *update) { return evaluateUpdate(update, frame); })
      .Case<DenseGradInputOp, DenseGradWeightOp, BiasGradOp, ActivationGradOp,
            GlobalAvgPoolGradOp, SoftmaxGradOp, SliceGradOp, MaxPoolGradOp,
            AvgPoolGradOp, AdaptiveAvgPoolGradOp>(
          [&](auto known) { return evaluate(known, frame); })
      .Case<TransposeFilterOp, Conv2DGradInputOp, Conv2DGradFilterOp>(
          [&](auto known) { return evaluateConvGradient(known, frame); })
      .Case<LayerNormGradInputOp, LayerNormGradAffineOp, AttentionGradOp,
            BatchSumOp, MultiplyGradGateOp, ScaleChannelsGradOp>(
          [&](auto known) { return evaluate(known, frame); })
      .Default([](Operation *unknown) {
        return unknown->emitError(
            "the interpreter does not know this operation");
      });
}

} // namespace tl
