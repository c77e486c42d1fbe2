// The layers on tokens as NN operations.
#include "frontends/tl/GenerateLayer.h"

#include <cmath>

using namespace mlir;

namespace tl::frontend {

/// Three thirds of channels to attended values, of which head h has the
/// channels from h C / heads on.
Value LayerGenerator::attend(const Layer &layer, Value qkv, Location loc) {
  int64_t width = layer.shape[1];
  double scale =
      layer.attentionScale.value_or(1 / std::sqrt(double(width / layer.heads)));
  return nn::AttentionOp::create(b, loc, tensorType(layer.shape), qkv,
                                 b.getI64IntegerAttr(layer.heads),
                                 b.getF64FloatAttr(scale));
}

/// torch's nn.MultiheadAttention of a value with itself.
Value LayerGenerator::attention(const Layer &layer, Value input, Location loc) {
  SmallVector<Value, 4> values;
  for (const Parameter &parameter : layer.parameters)
    values.push_back(get(layer, parameter, loc));
  int64_t tokens = layer.shape[0], width = layer.shape[1];
  auto dense = [&](Value x, int64_t channels, Value kernel, Value bias) {
    return nn::DenseOp::create(b, loc, tensorType({tokens, channels}), x,
                               kernel, bias, nn::ActivationAttr());
  };
  Value qkv = dense(input, 3 * width, values[0], values[1]);
  return dense(attend(layer, qkv, loc), width, values[2], values[3]);
}

Value LayerGenerator::oneOfTokens(const Layer &layer, Value input,
                                  Location loc) {
  Type type = tensorType(layer.shape);
  ArrayRef<int64_t> tokens =
      cast<RankedTensorType>(input.getType()).getShape().drop_front();
  if (layer.kind == LayerKind::FirstToken) {
    Value first = nn::SliceOp::create(b, loc, tensorType({1, tokens[1]}), input,
                                      b.getDenseI64ArrayAttr({0, 0}),
                                      b.getDenseI64ArrayAttr({1, 1}));
    return nn::ReshapeOp::create(b, loc, type, first);
  }
  int64_t skipped = layer.firstPlace[0], count = tokens[0] - skipped;
  if (skipped > 0)
    input = nn::SliceOp::create(b, loc, tensorType({count, tokens[1]}), input,
                                b.getDenseI64ArrayAttr({skipped, 0}),
                                b.getDenseI64ArrayAttr({1, 1}));
  // A picture of one column.
  Value column =
      nn::ReshapeOp::create(b, loc, tensorType({count, 1, tokens[1]}), input);
  return nn::GlobalAvgPoolOp::create(b, loc, type, column);
}

Value LayerGenerator::tokenLayer(const Layer &layer, Value input,
                                 Location loc) {
  Type type = tensorType(layer.shape);
  auto parameter = [&](unsigned i) {
    return get(layer, layer.parameters[i], loc);
  };
  switch (layer.kind) {
  case LayerKind::Tokens:
    return nn::ReshapeOp::create(b, loc, type, input);
  case LayerKind::ClassToken:
    return nn::PrependTokenOp::create(b, loc, type, input, parameter(0));
  case LayerKind::Position:
    return nn::AddPositionOp::create(b, loc, type, input, parameter(0));
  case LayerKind::LayerNorm: {
    Value gamma = parameter(0), beta = parameter(1);
    return nn::LayerNormOp::create(b, loc, type, input, gamma, beta,
                                   b.getF64FloatAttr(layer.epsilon));
  }
  case LayerKind::Attention:
    return attention(layer, input, loc);
  case LayerKind::SelfAttention:
    return attend(layer, input, loc);
  default:
    return oneOfTokens(layer, input, loc);
  }
}

} // namespace tl::frontend
