// Verifiers of losses, gradients and updates (NNTrainingOps.td). Each
// constraint has a case in test/lit/dialects: nn-invalid.mlir,
// nn-gradients-invalid.mlir or nn-training-invalid.mlir.
#include "dialects/NN/Expect.h"
#include "dialects/NN/Optimizers.h"

using namespace mlir;

namespace tl::nn {

/// Shared by the four loss operations; `sigmoid` ones want a single logit.
template <typename Loss>
static LogicalResult verifyLoss(Loss op, bool sigmoid, bool gradient) {
  Value logits = op.getLogits(), labels = op.getLabels();
  Value result = op.getResult();
  double smoothing = op.getLabelSmoothing().convertToDouble();
  if (failed(expectRank(op, "logits", logits, 2)))
    return failure();
  ArrayRef<int64_t> shape = shapeOf(logits);
  if (sigmoid && shape[1] != 1)
    return op.emitOpError()
           << "binary crossentropy wants 1 logit, found " << shape[1];
  if (!sigmoid && shape[1] < 2)
    return op.emitOpError()
           << "categorical crossentropy wants at least 2 logits, found "
           << shape[1];
  if (!(smoothing >= 0 && smoothing < 1))
    return op.emitOpError("label_smoothing must be at least 0 and below 1");
  if (failed(expectShape(op, "labels", labels, {shape[0]})))
    return failure();
  if (bool(op.getMixLabels()) != bool(op.getMix()))
    return op.emitOpError("mix labels and mix must come together");
  for (auto [name, value] :
       {std::pair<StringRef, Value>{"weights", op.getWeights()},
        {"mix labels", op.getMixLabels()},
        {"mix", op.getMix()}})
    if (value && failed(expectShape(op, name, value, {shape[0]})))
      return failure();
  if (gradient)
    return expectShape(op, "result", result, shape);
  return expectShape(op, "result", result, {shape[0]});
}

#define TL_VERIFY_LOSS(OP, SIGMOID, GRADIENT)                                  \
  LogicalResult OP::verify() { return verifyLoss(*this, SIGMOID, GRADIENT); }
TL_VERIFY_LOSS(SoftmaxCrossEntropyOp, false, false)
TL_VERIFY_LOSS(SoftmaxCrossEntropyGradOp, false, true)
TL_VERIFY_LOSS(SigmoidCrossEntropyOp, true, false)
TL_VERIFY_LOSS(SigmoidCrossEntropyGradOp, true, true)
#undef TL_VERIFY_LOSS

LogicalResult DenseGradInputOp::verify() {
  if (failed(expectRank(*this, "weight", getWeight(), 2)))
    return failure();
  SmallVector<int64_t> dy(shapeOf(getGradient()));
  ArrayRef<int64_t> w = shapeOf(getWeight());
  if (dy.size() < 2 || dy.back() != w[1])
    return emitOpError() << "gradient must have " << w[1]
                         << " columns, as the weight, found " << text(dy);
  dy.back() = w[0];
  return expectShape(*this, "result", getResult(), dy);
}

LogicalResult DenseGradWeightOp::verify() {
  ArrayRef<int64_t> x = shapeOf(getInput()), dy = shapeOf(getGradient());
  if (x.size() < 2 || x.size() != dy.size() || x.drop_back() != dy.drop_back())
    return emitOpError() << "input and gradient must agree in all but their "
                            "last dimension, found "
                         << text(x) << " and " << text(dy);
  return expectShape(*this, "result", getResult(), {x.back(), dy.back()});
}

LogicalResult BiasGradOp::verify() {
  return expectShape(*this, "result", getResult(),
                     {shapeOf(getGradient()).back()});
}

LogicalResult GlobalAvgPoolGradOp::verify() {
  if (failed(expectRank(*this, "result", getResult(), 4)))
    return failure();
  ArrayRef<int64_t> out = shapeOf(getResult());
  return expectShape(*this, "gradient", getGradient(), {out[0], out[3]});
}

LogicalResult TransposeFilterOp::verify() {
  if (failed(expectRank(*this, "filter", getFilter(), 4)))
    return failure();
  ArrayRef<int64_t> w = shapeOf(getFilter());
  int64_t groups = getGroups();
  if (groups < 1 || w[3] % groups)
    return emitOpError() << "groups (" << groups << ") must divide the " << w[3]
                         << " output channels";
  return expectShape(*this, "result", getResult(),
                     {w[0], w[1], w[3] / groups, w[2] * groups});
}

LogicalResult Conv2DGradInputOp::verify() {
  if (failed(expectRank(*this, "filter", getFilter(), 4)))
    return failure();
  ArrayRef<int64_t> f = shapeOf(getFilter());
  int64_t groups = getGroups();
  if (groups < 1 || f[3] % groups)
    return emitOpError() << "groups (" << groups << ") must divide the " << f[3]
                         << " input channels";
  return expectConvolution(
      *this, shapeOf(getResult()), {f[0], f[1], f[3] / groups, f[2] * groups},
      shapeOf(getGradient()), getStrides(), getPads(), getDilations(), groups);
}

LogicalResult Conv2DGradFilterOp::verify() {
  return expectConvolution(*this, shapeOf(getInput()), shapeOf(getResult()),
                           shapeOf(getGradient()), getStrides(), getPads(),
                           getDilations(), getGroups());
}

LogicalResult BatchStatsOp::verify() {
  int64_t channels = shapeOf(getInput()).back();
  if (failed(expectShape(*this, "mean", getMean(), {channels})))
    return failure();
  return expectShape(*this, "variance", getVariance(), {channels});
}

LogicalResult MovingAverageOp::verify() {
  int64_t channels = shapeOf(getInput()).back();
  double momentum = getMomentum().convertToDouble();
  if (!(momentum >= 0 && momentum <= 1))
    return emitOpError() << "momentum must be between 0 and 1, found "
                         << momentum;
  for (auto [name, value] : {std::pair<StringRef, Value>{"old", getOld()},
                             {"batch", getBatch()},
                             {"result", getResult()}})
    if (failed(expectShape(*this, name, value, {channels})))
      return failure();
  return success();
}

/// Vectors of one value a channel (those that are not null).
static LogicalResult
expectChannels(Operation *op, int64_t channels,
               ArrayRef<std::pair<StringRef, Value>> vectors) {
  for (auto [name, value] : vectors)
    if (value && failed(expectShape(op, name, value, {channels})))
      return failure();
  return success();
}

LogicalResult BatchNormGradAffineOp::verify() {
  if (failed(
          expectShape(*this, "gradient", getGradient(), shapeOf(getInput()))))
    return failure();
  return expectChannels(*this, shapeOf(getInput()).back(),
                        {{"mean", getMean()},
                         {"variance", getVariance()},
                         {"gamma", getGamma()},
                         {"beta", getBeta()}});
}

LogicalResult BatchNormGradInputOp::verify() {
  ArrayRef<int64_t> dy = shapeOf(getGradient());
  bool through = bool(getInput());
  for (Value other : {getMean(), getDgamma(), getDbeta()})
    if (bool(other) != through)
      return emitOpError("input, mean, dgamma and dbeta must come together");
  if (getInput() && failed(expectShape(*this, "input", getInput(), dy)))
    return failure();
  if (failed(expectChannels(*this, dy.back(),
                            {{"gamma", getGamma()},
                             {"variance", getVariance()},
                             {"mean", getMean()},
                             {"dgamma", getDgamma()},
                             {"dbeta", getDbeta()}})))
    return failure();
  return expectShape(*this, "result", getResult(), dy);
}

LogicalResult LayerNormGradInputOp::verify() {
  ArrayRef<int64_t> dy = shapeOf(getGradient());
  if (failed(expectShape(*this, "input", getInput(), dy)) ||
      failed(expectShape(*this, "gamma", getGamma(), {dy.back()})))
    return failure();
  return expectShape(*this, "result", getResult(), dy);
}

LogicalResult LayerNormGradAffineOp::verify() {
  ArrayRef<int64_t> dy = shapeOf(getGradient());
  if (failed(expectShape(*this, "input", getInput(), dy)))
    return failure();
  return expectChannels(*this, dy.back(),
                        {{"gamma", getGamma()}, {"beta", getBeta()}});
}

LogicalResult AttentionGradOp::verify() {
  if (failed(expectHeads(*this, getQkv(), getHeads())))
    return failure();
  ArrayRef<int64_t> in = shapeOf(getQkv());
  if (failed(expectShape(*this, "gradient", getGradient(),
                         {in[0], in[1], in[2] / 3})))
    return failure();
  return expectShape(*this, "result", getResult(), in);
}

LogicalResult MaxPoolGradOp::verify() {
  if (failed(expectPool(*this, getInput(), getGradient(), getWindow(),
                        getStrides(), getPads())))
    return failure();
  return expectShape(*this, "result", getResult(), shapeOf(getInput()));
}

LogicalResult AvgPoolGradOp::verify() {
  return expectPool(*this, getResult(), getGradient(), getWindow(),
                    getStrides(), getPads());
}

LogicalResult AdaptiveAvgPoolGradOp::verify() {
  return expectAdaptivePool(*this, getResult(), getGradient());
}

LogicalResult SliceGradOp::verify() {
  return expectSlice(*this, shapeOf(getResult()), shapeOf(getGradient()),
                     getOffsets(), getStrides());
}

LogicalResult BatchSumOp::verify() {
  return expectShape(*this, "result", getResult(),
                     shapeOf(getGradient()).drop_front());
}

LogicalResult SumSquaresOp::verify() {
  if (!typeOf(getGradient()).hasStaticShape())
    return emitOpError() << "gradient must not depend on the batch, found "
                         << text(shapeOf(getGradient()));
  return expectShape(*this, "result", getResult(),
                     {squareSums(typeOf(getGradient()))});
}

LogicalResult MultiplyGradGateOp::verify() {
  ArrayRef<int64_t> in = shapeOf(getInput());
  if (failed(expectShape(*this, "gradient", getGradient(), in)))
    return failure();
  return expectShape(*this, "result", getResult(), gateOf(in));
}

LogicalResult ScaleChannelsGradOp::verify() {
  ArrayRef<int64_t> in = shapeOf(getInput());
  if (failed(expectShape(*this, "gradient", getGradient(), in)))
    return failure();
  return expectShape(*this, "result", getResult(), {in.back()});
}

LogicalResult ClipScaleOp::verify() {
  if (!(getMaxNorm().convertToDouble() > 0))
    return emitOpError("max_norm must be positive");
  return expectShape(*this, "result", getResult(), {1});
}

/// Of the two updates: slots, results and `others` are as the rule and the
/// parameter want them.
template <typename Update>
static LogicalResult verifyUpdate(Update op, StringRef named,
                                  SmallVector<Type> others) {
  unsigned slots = slotCount(op.getOptimizer());
  if (op.getSlots().size() != slots)
    return op.emitOpError()
           << stringifyOptimizerKind(op.getOptimizer().getKind()) << " keeps "
           << slots << " slots, found " << op.getSlots().size();
  if (op.getNumResults() != slots + 1)
    return op.emitOpError()
           << "must give the parameter and " << slots << " slots, found "
           << op.getNumResults() << " results";
  if (op.getRate() > 1)
    return op.emitOpError() << "rate must be 0 (head) or 1 (backbone), found "
                            << int64_t(op.getRate());
  Type type = op.getParameter().getType();
  llvm::append_range(others, op.getSlots().getTypes());
  llvm::append_range(others, op->getResultTypes());
  for (Type other : others)
    if (other != type)
      return op.emitOpError() << named << " must be " << type
                              << ", as the parameter, found " << other;
  return success();
}

LogicalResult UpdateOp::verify() {
  if (getScale() && failed(expectShape(*this, "scale", getScale(), {1})))
    return failure();
  return verifyUpdate(*this, "slots, gradient and results",
                      {getGradient().getType()});
}

LogicalResult DenseUpdateOp::verify() {
  if (failed(expectRank(*this, "input", getInput(), 2)) ||
      failed(expectRank(*this, "gradient", getGradient(), 2)))
    return failure();
  ArrayRef<int64_t> x = shapeOf(getInput()), dy = shapeOf(getGradient());
  if (failed(expectShape(*this, "gradient", getGradient(), {x[0], dy[1]})) ||
      failed(expectShape(*this, "parameter", getParameter(), {x[1], dy[1]})))
    return failure();
  return verifyUpdate(*this, "slots and results", {});
}

} // namespace tl::nn
