// Verifiers of the layers: every constraint that an op's description states.
// Each has a case in test/lit/dialects/nn-invalid.mlir or, newer ones, in
// nn-slices-tokens-invalid.mlir.
#include "dialects/NN/Expect.h"

using namespace mlir;

namespace tl::nn {

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
  if (failed(expectRank(*this, "weight", getWeight(), 2)))
    return failure();
  ArrayRef<int64_t> in = shapeOf(getInput()), w = shapeOf(getWeight());
  if (in.size() < 2)
    return emitOpError() << "input must have at least 2 dimensions, found "
                         << text(in);
  if (in.back() != w[0])
    return emitOpError() << "weight must have " << in.back()
                         << " rows, one an input feature, found " << w[0];
  if (getBias() && failed(expectShape(*this, "bias", getBias(), {w[1]})))
    return failure();
  SmallVector<int64_t> out(in);
  out.back() = w[1];
  return expectShape(*this, "result", getResult(), out);
}

LogicalResult MaxPoolOp::verify() {
  return expectPool(*this, getInput(), getResult(), getWindow(), getStrides(),
                    getPads());
}

LogicalResult AvgPoolOp::verify() {
  return expectPool(*this, getInput(), getResult(), getWindow(), getStrides(),
                    getPads());
}

LogicalResult AdaptiveAvgPoolOp::verify() {
  return expectAdaptivePool(*this, getInput(), getResult());
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

LogicalResult MultiplyOp::verify() {
  ArrayRef<int64_t> in = shapeOf(getInput()), gate = shapeOf(getGate());
  if (gate != in && failed(expectShape(*this, "gate", getGate(), gateOf(in))))
    return failure();
  return expectShape(*this, "result", getResult(), in);
}

LogicalResult ScaleChannelsOp::verify() {
  ArrayRef<int64_t> in = shapeOf(getInput());
  if (failed(expectShape(*this, "scale", getScale(), {in.back()})))
    return failure();
  return expectShape(*this, "result", getResult(), in);
}

LogicalResult RescaleOp::verify() {
  ArrayRef<int64_t> in = shapeOf(getInput());
  for (auto [name, numbers] :
       {std::pair<StringRef, ArrayRef<float>>{"scale", getScale()},
        {"offset", getOffset()}})
    if (numbers.size() != 1 && int64_t(numbers.size()) != in.back())
      return emitOpError() << name << " must have 1 or " << in.back()
                           << " numbers, found " << numbers.size();
  return expectShape(*this, "result", getResult(), in);
}

LogicalResult StandardizeOp::verify() {
  ArrayRef<int64_t> in = shapeOf(getInput());
  if (failed(expectShape(*this, "variance", getVariance(), {in.back()})) ||
      (getMean() && failed(expectShape(*this, "mean", getMean(), {in.back()}))))
    return failure();
  return expectShape(*this, "result", getResult(), in);
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

LogicalResult SliceOp::verify() {
  ArrayRef<int64_t> in = shapeOf(getInput()), out = shapeOf(getResult());
  return expectSlice(*this, in, out, getOffsets(), getStrides());
}

LogicalResult PadChannelsOp::verify() {
  if (int64_t(getBefore()) < 0 || int64_t(getAfter()) < 0)
    return emitOpError("before and after must be at least 0");
  SmallVector<int64_t> out(shapeOf(getInput()));
  out.back() += int64_t(getBefore() + getAfter());
  return expectShape(*this, "result", getResult(), out);
}

LogicalResult LayerNormOp::verify() {
  int64_t channels = shapeOf(getInput()).back();
  if (failed(expectShape(*this, "gamma", getGamma(), {channels})) ||
      failed(expectShape(*this, "beta", getBeta(), {channels})))
    return failure();
  if (!(getEpsilon().convertToDouble() > 0))
    return emitOpError("epsilon must be positive");
  return expectShape(*this, "result", getResult(), shapeOf(getInput()));
}

LogicalResult AttentionOp::verify() {
  if (failed(expectHeads(*this, getQkv(), getHeads())))
    return failure();
  ArrayRef<int64_t> in = shapeOf(getQkv());
  return expectShape(*this, "result", getResult(), {in[0], in[1], in[2] / 3});
}

LogicalResult PrependTokenOp::verify() {
  if (failed(expectRank(*this, "input", getInput(), 3)))
    return failure();
  ArrayRef<int64_t> in = shapeOf(getInput());
  if (failed(expectShape(*this, "token", getToken(), {in[2]})))
    return failure();
  return expectShape(*this, "result", getResult(), {in[0], in[1] + 1, in[2]});
}

LogicalResult AddPositionOp::verify() {
  ArrayRef<int64_t> in = shapeOf(getInput());
  if (failed(expectShape(*this, "position", getPosition(), in.drop_front())))
    return failure();
  return expectShape(*this, "result", getResult(), in);
}

} // namespace tl::nn
