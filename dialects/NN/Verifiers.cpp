// Verifiers of the NN dialect: every constraint that an op's description
// states. Each has a case in test/lit/dialects/nn-invalid.mlir.
#include "dialects/NN/NN.h"
#include "dialects/NN/Optimizers.h"

using namespace mlir;

namespace tl::nn {

namespace {
RankedTensorType typeOf(Value value) {
  return cast<RankedTensorType>(value.getType());
}
ArrayRef<int64_t> shapeOf(Value value) { return typeOf(value).getShape(); }

std::string text(ArrayRef<int64_t> shape) {
  std::string result;
  llvm::raw_string_ostream os(result);
  os << "[";
  llvm::interleaveComma(shape, os, [&](int64_t d) {
    if (ShapedType::isDynamic(d))
      os << "N";
    else
      os << d;
  });
  os << "]";
  return result;
}

LogicalResult expectShape(Operation *op, StringRef what, Value value,
                          ArrayRef<int64_t> expected) {
  if (shapeOf(value) == expected)
    return success();
  return op->emitOpError() << what << " must be " << text(expected)
                           << ", found " << text(shapeOf(value));
}

LogicalResult expectRank(Operation *op, StringRef what, Value value,
                         int64_t rank) {
  if (typeOf(value).getRank() == rank)
    return success();
  return op->emitOpError() << what << " must have " << rank
                           << " dimensions, found " << text(shapeOf(value));
}

LogicalResult expectPositive(Operation *op, StringRef what,
                             ArrayRef<int64_t> values, size_t count,
                             int64_t least) {
  if (values.size() == count &&
      llvm::all_of(values, [&](int64_t v) { return v >= least; }))
    return success();
  return op->emitOpError() << what << " must be " << count
                           << " numbers of at least " << least;
}

/// Output size of a window operation along one dimension, or -1.
int64_t windowOutput(int64_t size, int64_t window, int64_t dilation,
                     int64_t stride, int64_t before, int64_t after) {
  int64_t reach = (window - 1) * dilation + 1;
  int64_t room = size + before + after - reach;
  return room < 0 ? -1 : room / stride + 1;
}

LogicalResult verifyPool(Operation *op, Value input, Value result,
                         ArrayRef<int64_t> window, ArrayRef<int64_t> strides,
                         ArrayRef<int64_t> pads) {
  if (failed(expectRank(op, "input", input, 4)) ||
      failed(expectPositive(op, "window", window, 2, 1)) ||
      failed(expectPositive(op, "strides", strides, 2, 1)) ||
      failed(expectPositive(op, "pads", pads, 4, 0)))
    return failure();
  ArrayRef<int64_t> in = shapeOf(input);
  SmallVector<int64_t> out{in[0], 0, 0, in[3]};
  for (int d : {0, 1}) {
    if (pads[2 * d] >= window[d])
      return op->emitOpError("a window must hold at least one input element: "
                             "padding before must be less than the window");
    out[1 + d] = windowOutput(in[1 + d], window[d], 1, strides[d], pads[2 * d],
                              pads[2 * d + 1]);
    if ((out[1 + d] - 1) * strides[d] >= in[1 + d] + pads[2 * d])
      return op->emitOpError("a window must hold at least one input element: "
                             "the last one starts past the input");
  }
  return expectShape(op, "result", result, out);
}
} // namespace

LogicalResult HaloAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                               int64_t top, int64_t bottom, int64_t left,
                               int64_t right) {
  if (std::min({top, bottom, left, right}) < 0)
    return emitError() << "a halo must not be negative";
  return success();
}

LogicalResult ParameterOp::verify() {
  auto type = getTensorType();
  if (!type.hasStaticShape())
    return emitOpError() << "a parameter needs a static shape, found "
                         << text(type.getShape());
  if (auto value = getValueAttr())
    if (value.getShapedType().getShape() != type.getShape())
      return emitOpError() << "value must be " << text(type.getShape())
                           << ", found "
                           << text(value.getShapedType().getShape());
  return success();
}

static LogicalResult verifyUse(Operation *op, FlatSymbolRefAttr symbol,
                               Type type, SymbolTableCollection &tables) {
  auto parameter = tables.lookupNearestSymbolFrom<ParameterOp>(op, symbol);
  if (!parameter)
    return op->emitOpError() << "no parameter named " << symbol;
  if (parameter.getTensorType() != type)
    return op->emitOpError() << "parameter " << symbol << " is "
                             << parameter.getTensorType() << ", found " << type;
  return success();
}

LogicalResult GetOp::verifySymbolUses(SymbolTableCollection &tables) {
  return verifyUse(*this, getParameterAttr(), getType(), tables);
}

LogicalResult SetOp::verifySymbolUses(SymbolTableCollection &tables) {
  return verifyUse(*this, getParameterAttr(), getValue().getType(), tables);
}

LogicalResult Conv2DOp::verify() {
  if (failed(expectRank(*this, "input", getInput(), 4)) ||
      failed(expectRank(*this, "filter", getFilter(), 4)) ||
      failed(expectPositive(*this, "strides", getStrides(), 2, 1)) ||
      failed(expectPositive(*this, "dilations", getDilations(), 2, 1)) ||
      failed(expectPositive(*this, "pads", getPads(), 4, 0)))
    return failure();
  ArrayRef<int64_t> in = shapeOf(getInput()), w = shapeOf(getFilter());
  int64_t groups = getGroups();
  if (groups < 1 || in[3] % groups || w[3] % groups)
    return emitOpError() << "groups (" << groups << ") must divide the "
                         << in[3] << " input and " << w[3]
                         << " output channels";
  if (w[2] != in[3] / groups)
    return emitOpError() << "filter must have " << in[3] / groups
                         << " input channels, found " << w[2];
  if (getBias() && failed(expectShape(*this, "bias", getBias(), {w[3]})))
    return failure();
  SmallVector<int64_t> out{in[0], 0, 0, w[3]};
  for (int d : {0, 1})
    out[1 + d] =
        windowOutput(in[1 + d], w[d], getDilations()[d], getStrides()[d],
                     getPads()[2 * d], getPads()[2 * d + 1]);
  if (std::min(out[1], out[2]) < 1)
    return emitOpError("the filter is larger than the padded input");
  if (getResidual() &&
      failed(expectShape(*this, "residual", getResidual(), out)))
    return failure();
  return expectShape(*this, "result", getResult(), out);
}

LogicalResult BatchNormOp::verify() {
  int64_t channels = shapeOf(getInput()).back();
  for (auto [name, value] : {std::pair<StringRef, Value>{"gamma", getGamma()},
                             {"beta", getBeta()},
                             {"mean", getMean()},
                             {"variance", getVariance()}})
    if (failed(expectShape(*this, name, value, {channels})))
      return failure();
  if (!(getEpsilon().convertToDouble() > 0))
    return emitOpError("epsilon must be positive");
  return expectShape(*this, "result", getResult(), shapeOf(getInput()));
}

LogicalResult DenseOp::verify() {
  if (failed(expectRank(*this, "input", getInput(), 2)) ||
      failed(expectRank(*this, "weight", getWeight(), 2)))
    return failure();
  ArrayRef<int64_t> in = shapeOf(getInput()), w = shapeOf(getWeight());
  if (in[1] != w[0])
    return emitOpError() << "weight must have " << in[1]
                         << " rows, one an input feature, found " << w[0];
  if (getBias() && failed(expectShape(*this, "bias", getBias(), {w[1]})))
    return failure();
  return expectShape(*this, "result", getResult(), {in[0], w[1]});
}

LogicalResult MaxPoolOp::verify() {
  return verifyPool(*this, getInput(), getResult(), getWindow(), getStrides(),
                    getPads());
}

LogicalResult AvgPoolOp::verify() {
  return verifyPool(*this, getInput(), getResult(), getWindow(), getStrides(),
                    getPads());
}

LogicalResult GlobalAvgPoolOp::verify() {
  if (failed(expectRank(*this, "input", getInput(), 4)))
    return failure();
  ArrayRef<int64_t> in = shapeOf(getInput());
  return expectShape(*this, "result", getResult(), {in[0], in[3]});
}

LogicalResult ReshapeOp::verify() {
  auto elements = [](ArrayRef<int64_t> shape) {
    int64_t count = 1;
    for (int64_t d : shape.drop_front())
      count *= d;
    return count;
  };
  ArrayRef<int64_t> in = shapeOf(getInput()), out = shapeOf(getResult());
  if (in.empty() || out.empty() || in[0] != out[0])
    return emitOpError("the batch must stay the first dimension");
  if (elements(in) != elements(out))
    return emitOpError() << "result must have " << elements(in)
                         << " values a picture, found " << elements(out);
  return success();
}

LogicalResult PadOp::verify() {
  if (failed(expectRank(*this, "input", getInput(), 4)) ||
      failed(expectPositive(*this, "pads", getPads(), 4, 0)))
    return failure();
  ArrayRef<int64_t> in = shapeOf(getInput()), p = getPads();
  return expectShape(*this, "result", getResult(),
                     {in[0], in[1] + p[0] + p[1], in[2] + p[2] + p[3], in[3]});
}

LogicalResult ConcatOp::verify() {
  if (getInputs().empty())
    return emitOpError("needs at least one input");
  ArrayRef<int64_t> first = shapeOf(getInputs().front());
  SmallVector<int64_t> out(first);
  out.back() = 0;
  for (Value input : getInputs()) {
    ArrayRef<int64_t> shape = shapeOf(input);
    if (shape.drop_back() != first.drop_back())
      return emitOpError() << "inputs must agree in all but their channels, "
                           << "found " << text(first) << " and " << text(shape);
    out.back() += shape.back();
  }
  return expectShape(*this, "result", getResult(), out);
}

LogicalResult DropoutOp::verify() {
  double rate = getRate().convertToDouble();
  if (!(rate >= 0 && rate < 1))
    return emitOpError() << "rate must be at least 0 and below 1, found "
                         << rate;
  if (bool(getIds()) != bool(getStep()))
    return emitOpError("ids and step come together or not at all");
  return expectShape(*this, "result", getResult(), shapeOf(getInput()));
}

/// Shared by the four loss operations; `sigmoid` ones want a single logit.
static LogicalResult verifyLoss(Operation *op, Value logits, Value labels,
                                Value result, double smoothing, bool sigmoid,
                                bool gradient) {
  if (failed(expectRank(op, "logits", logits, 2)))
    return failure();
  ArrayRef<int64_t> shape = shapeOf(logits);
  if (sigmoid && shape[1] != 1)
    return op->emitOpError()
           << "binary crossentropy wants 1 logit, found " << shape[1];
  if (!sigmoid && shape[1] < 2)
    return op->emitOpError()
           << "categorical crossentropy wants at least 2 logits, found "
           << shape[1];
  if (!(smoothing >= 0 && smoothing < 1))
    return op->emitOpError("label_smoothing must be at least 0 and below 1");
  if (failed(expectShape(op, "labels", labels, {shape[0]})))
    return failure();
  if (gradient)
    return expectShape(op, "result", result, shape);
  return expectShape(op, "result", result, {shape[0]});
}

#define TL_VERIFY_LOSS(OP, SIGMOID, GRADIENT)                                  \
  LogicalResult OP::verify() {                                                 \
    return verifyLoss(*this, getLogits(), getLabels(), getResult(),            \
                      getLabelSmoothing().convertToDouble(), SIGMOID,          \
                      GRADIENT);                                               \
  }
TL_VERIFY_LOSS(SoftmaxCrossEntropyOp, false, false)
TL_VERIFY_LOSS(SoftmaxCrossEntropyGradOp, false, true)
TL_VERIFY_LOSS(SigmoidCrossEntropyOp, true, false)
TL_VERIFY_LOSS(SigmoidCrossEntropyGradOp, true, true)
#undef TL_VERIFY_LOSS

LogicalResult DenseGradInputOp::verify() {
  if (failed(expectRank(*this, "gradient", getGradient(), 2)) ||
      failed(expectRank(*this, "weight", getWeight(), 2)))
    return failure();
  ArrayRef<int64_t> dy = shapeOf(getGradient()), w = shapeOf(getWeight());
  if (dy[1] != w[1])
    return emitOpError() << "gradient must have " << w[1]
                         << " columns, as the weight, found " << dy[1];
  return expectShape(*this, "result", getResult(), {dy[0], w[0]});
}

LogicalResult DenseGradWeightOp::verify() {
  if (failed(expectRank(*this, "input", getInput(), 2)) ||
      failed(expectRank(*this, "gradient", getGradient(), 2)))
    return failure();
  ArrayRef<int64_t> x = shapeOf(getInput()), dy = shapeOf(getGradient());
  if (x[0] != dy[0])
    return emitOpError() << "input and gradient must have one batch, found "
                         << text(x) << " and " << text(dy);
  return expectShape(*this, "result", getResult(), {x[1], dy[1]});
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

LogicalResult UpdateOp::verify() {
  unsigned slots = slotCount(getOptimizer());
  if (getSlots().size() != slots)
    return emitOpError() << stringifyOptimizerKind(getOptimizer().getKind())
                         << " keeps " << slots << " slots, found "
                         << getSlots().size();
  if (getNumResults() != slots + 1)
    return emitOpError() << "must give the parameter and " << slots
                         << " slots, found " << getNumResults() << " results";
  Type type = getParameter().getType();
  SmallVector<Type> others(getSlots().getTypes());
  llvm::append_range(others, getResultTypes());
  others.push_back(getGradient().getType());
  for (Type other : others)
    if (other != type)
      return emitOpError() << "slots, gradient and results must be " << type
                           << ", as the parameter, found " << other;
  return success();
}

} // namespace tl::nn
