// One layer as NN operations; see the header.
#include "frontends/tl/GenerateLayer.h"

using namespace mlir;

namespace tl::frontend {

RankedTensorType LayerGenerator::tensorType(ArrayRef<int64_t> shape) {
  SmallVector<int64_t> full{ShapedType::kDynamic};
  full.append(shape.begin(), shape.end());
  return RankedTensorType::get(full, b.getF32Type());
}

static std::string symbol(const Layer &layer, const Parameter &parameter) {
  return layer.name + "." + parameter.role;
}

static nn::InitKind initKind(Initializer::Kind kind) {
  switch (kind) {
  case Initializer::Kind::Fill:
    return nn::InitKind::Fill;
  case Initializer::Kind::Uniform:
    return nn::InitKind::Uniform;
  case Initializer::Kind::Normal:
    return nn::InitKind::Normal;
  }
  llvm_unreachable("every kind of initializer is listed");
}

void LayerGenerator::parameters(const Layer &layer,
                                std::optional<int64_t> firstPhase) {
  for (const Parameter &parameter : layer.parameters) {
    auto type = RankedTensorType::get(parameter.shape, b.getF32Type());
    auto scale = b.getF32FloatAttr(float(parameter.init.scale));
    // A fixed one (gamma without `scale`) has its value here; the others wait
    // for a file, or start from `init`.
    ElementsAttr value;
    nn::InitAttr init;
    if (parameter.fixed)
      value = DenseElementsAttr::get(type, scale.getValue());
    else
      init = nn::InitAttr::get(b.getContext(), initKind(parameter.init.kind),
                               scale, stream++, IntegerAttr());
    nn::ParameterOp::create(
        b, layer.range.location(b.getContext()),
        b.getStringAttr(symbol(layer, parameter)), TypeAttr::get(type), value,
        init, b.getStringAttr(layer.name), b.getStringAttr(parameter.role),
        firstPhase && !parameter.fixed ? b.getI64IntegerAttr(*firstPhase)
                                       : IntegerAttr(),
        FlatSymbolRefAttr());
  }
}

Value LayerGenerator::get(const Layer &layer, const Parameter &parameter,
                          Location loc) {
  return nn::GetOp::create(
      b, loc, RankedTensorType::get(parameter.shape, b.getF32Type()),
      symbol(layer, parameter));
}

Value LayerGenerator::activate(const Activation &activation, Value input,
                               Location loc) {
  switch (activation.kind) {
  case Activation::Kind::None:
    return input;
  case Activation::Kind::Softmax:
    return nn::SoftmaxOp::create(b, loc, input.getType(), input);
  case Activation::Kind::Elementwise:
    return nn::ActivationOp::create(
        b, loc, input.getType(), input,
        nn::ActivationAttr::get(b.getContext(), activation.function,
                                activation.alpha
                                    ? b.getF32FloatAttr(*activation.alpha)
                                    : FloatAttr()));
  }
  llvm_unreachable("every kind of activation is listed");
}

Value LayerGenerator::convolution(const Layer &layer, Value input,
                                  Location loc) {
  Value kernel = get(layer, layer.parameters[0], loc);
  Value bias = layer.bias ? get(layer, layer.parameters[1], loc) : Value();
  Value result = nn::Conv2DOp::create(
      b, loc, tensorType(layer.shape), input, kernel, bias, Value(),
      b.getDenseI64ArrayAttr(layer.strides), b.getDenseI64ArrayAttr(layer.pads),
      b.getDenseI64ArrayAttr(layer.dilations),
      b.getI64IntegerAttr(layer.groups), nn::ActivationAttr());
  return activate(layer.activation, result, loc);
}

Value LayerGenerator::pool(const Layer &layer, Value input, Location loc) {
  auto window = b.getDenseI64ArrayAttr(layer.window);
  auto strides = b.getDenseI64ArrayAttr(layer.strides);
  auto pads = b.getDenseI64ArrayAttr(layer.pads);
  Type type = tensorType(layer.shape);
  if (layer.kind == LayerKind::MaxPool)
    return nn::MaxPoolOp::create(b, loc, type, input, window, strides, pads);
  return nn::AvgPoolOp::create(b, loc, type, input, window, strides, pads,
                               layer.countPadding ? b.getUnitAttr()
                                                  : UnitAttr());
}

Value LayerGenerator::slice(const Layer &layer, Value input, Location loc) {
  SmallVector<int64_t> offsets(layer.shape.size(), 0);
  SmallVector<int64_t> strides(layer.shape.size(), 1);
  offsets.back() = layer.firstChannel;
  if (layer.shape.size() == 3) {
    std::copy(layer.strides.begin(), layer.strides.end(), strides.begin());
    std::copy(layer.firstPlace.begin(), layer.firstPlace.end(),
              offsets.begin());
  }
  return nn::SliceOp::create(b, loc, tensorType(layer.shape), input, offsets,
                             strides);
}

Value LayerGenerator::batchNorm(const Layer &layer, Value input, Location loc) {
  SmallVector<Value, 4> values;
  for (const Parameter &parameter : layer.parameters)
    values.push_back(get(layer, parameter, loc));
  return nn::BatchNormOp::create(b, loc, tensorType(layer.shape), input,
                                 values[0], values[1], values[2], values[3],
                                 b.getF64FloatAttr(layer.epsilon), UnitAttr());
}

/// kernel * x + bias, as a depthwise convolution of one place: the parameters
/// repeat with the channels, which may be all elements of a picture.
Value LayerGenerator::scaleShift(const Layer &layer, Value input,
                                 Location loc) {
  int64_t channels = layer.parameters[0].shape.back(), places = 1;
  for (int64_t extent : layer.shape)
    places *= extent;
  Shape picture(layer.shape);
  if (picture.size() != 3 || picture[2] != channels)
    picture = {places / channels, 1, channels};
  Type type = tensorType(layer.shape), inside = tensorType(picture);
  auto shaped = [&](Type wanted, Value value) -> Value {
    if (value.getType() == wanted)
      return value;
    return nn::ReshapeOp::create(b, loc, wanted, value);
  };
  Value kernel = get(layer, layer.parameters[0], loc);
  Value bias = layer.bias ? get(layer, layer.parameters[1], loc) : Value();
  Value result = nn::Conv2DOp::create(
      b, loc, inside, shaped(inside, input), kernel, bias, Value(),
      b.getDenseI64ArrayAttr({1, 1}), b.getDenseI64ArrayAttr({0, 0, 0, 0}),
      b.getDenseI64ArrayAttr({1, 1}), b.getI64IntegerAttr(channels),
      nn::ActivationAttr());
  return shaped(type, result);
}

Value LayerGenerator::compute(const Layer &layer, ValueRange inputs,
                              Location loc) {
  Value input = inputs.front();
  Type type = tensorType(layer.shape);
  switch (layer.kind) {
  case LayerKind::Conv:
  case LayerKind::DepthwiseConv:
    return convolution(layer, input, loc);
  case LayerKind::BatchNorm:
    return batchNorm(layer, input, loc);
  case LayerKind::Activation:
    return activate(layer.activation, input, loc);
  case LayerKind::ZeroPad:
    return nn::PadOp::create(b, loc, type, input,
                             b.getDenseI64ArrayAttr(layer.pads));
  case LayerKind::Slice:
    return slice(layer, input, loc);
  case LayerKind::PadChannels:
    return nn::PadChannelsOp::create(b, loc, type, input,
                                     b.getI64IntegerAttr(layer.channelPads[0]),
                                     b.getI64IntegerAttr(layer.channelPads[1]));
  case LayerKind::MaxPool:
  case LayerKind::AvgPool:
    return pool(layer, input, loc);
  case LayerKind::AdaptiveAvgPool:
    return nn::AdaptiveAvgPoolOp::create(b, loc, type, input);
  case LayerKind::GlobalAvgPool: {
    Type flat = tensorType({layer.shape.back()});
    Value mean = nn::GlobalAvgPoolOp::create(b, loc, flat, input);
    return type == flat ? mean : nn::ReshapeOp::create(b, loc, type, mean);
  }
  case LayerKind::LayerScale:
    return nn::ScaleChannelsOp::create(b, loc, type, input,
                                       get(layer, layer.parameters[0], loc));
  case LayerKind::Rescale:
    return nn::RescaleOp::create(b, loc, type, input,
                                 b.getDenseF32ArrayAttr(layer.scale),
                                 b.getDenseF32ArrayAttr(layer.offset));
  case LayerKind::Normalization: {
    Value mean = get(layer, layer.parameters[0], loc);
    Value variance = get(layer, layer.parameters[1], loc);
    return nn::StandardizeOp::create(b, loc, type, input, variance, mean);
  }
  case LayerKind::Multiply:
    return nn::MultiplyOp::create(b, loc, type, input, inputs[1]);
  case LayerKind::Flatten:
  case LayerKind::Reshape:
    return nn::ReshapeOp::create(b, loc, type, input);
  case LayerKind::Dense: {
    if (layer.parameters[0].shape.size() == 4)
      return convolution(layer, input, loc);
    Value kernel = get(layer, layer.parameters[0], loc);
    Value bias = layer.bias ? get(layer, layer.parameters[1], loc) : Value();
    Value result = nn::DenseOp::create(b, loc, type, input, kernel, bias,
                                       nn::ActivationAttr());
    return activate(layer.activation, result, loc);
  }
  case LayerKind::Dropout:
    return nn::DropoutOp::create(
        b, loc, type, input, Value(), Value(), b.getF64FloatAttr(layer.rate),
        b.getI64IntegerAttr(dropouts++),
        layer.perPicture ? b.getUnitAttr() : UnitAttr());
  case LayerKind::Tokens:
  case LayerKind::ClassToken:
  case LayerKind::Position:
  case LayerKind::LayerNorm:
  case LayerKind::Attention:
  case LayerKind::SelfAttention:
  case LayerKind::FirstToken:
  case LayerKind::MeanTokens:
    return tokenLayer(layer, input, loc);
  case LayerKind::Add: {
    Value sum = input;
    for (Value other : inputs.drop_front())
      sum = nn::AddOp::create(b, loc, type, sum, other, nn::ActivationAttr());
    return sum;
  }
  case LayerKind::Concat:
    return nn::ConcatOp::create(b, loc, type, inputs);
  case LayerKind::ScaleShift:
    return scaleShift(layer, input, loc);
  }
  llvm_unreachable("every kind of layer is listed");
}

ask::LayerOp LayerGenerator::layer(const Layer &layer, int64_t index,
                                   ValueRange inputs) {
  Location loc = layer.range.location(b.getContext());
  bool resampled = !layer.resample.empty();
  SmallVector<StringRef> others(layer.otherSources.begin(),
                                layer.otherSources.end());
  bool renamed = !layer.source.empty() && layer.source != layer.name;
  auto op = ask::LayerOp::create(
      b, loc, tensorType(layer.shape), b.getStringAttr(layer.name),
      b.getStringAttr(layer.kerasClass), b.getI64IntegerAttr(index), inputs,
      renamed ? b.getStringAttr(layer.source) : StringAttr(),
      others.empty() ? ArrayAttr() : b.getStrArrayAttr(others),
      resampled ? b.getStringAttr(layer.resample) : StringAttr(),
      resampled ? b.getDenseI64ArrayAttr(layer.grid) : DenseI64ArrayAttr());
  OpBuilder::InsertionGuard guard(b);
  SmallVector<Location> locations(inputs.size(), loc);
  Block *block = b.createBlock(&op.getBody(), {}, inputs.getTypes(), locations);
  Value result = compute(layer, block->getArguments(), loc);
  ask::YieldOp::create(b, loc, result);
  return op;
}

} // namespace tl::frontend
