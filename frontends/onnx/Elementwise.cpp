// Functions of each element. Those that the NN dialect lacks are made of those
// that it has, by the identity stated at each.
#include "frontends/onnx/Importer.h"

#include "frontends/weights/Message.h"

#include "llvm/ADT/StringSwitch.h"

#include <cmath>

namespace tl::onnx {

using frontend::LayerKind;
using nn::ActivationKind;

Value Importer::activate(const Node &node, const Value &value,
                         ActivationKind kind, std::optional<double> alpha) {
  Draft draft(LayerKind::Activation, "Activation", value.layer);
  draft.layer.shape = shapeOf(value);
  draft.layer.activation.kind = frontend::Activation::Kind::Elementwise;
  draft.layer.activation.function = kind;
  draft.layer.activation.alpha = alpha;
  return {append(node, std::move(draft)), value.layout};
}

Status Importer::activation(const Node &node) {
  auto value = operand(node, 0);
  if (!value)
    return value.error();
  auto kind = llvm::StringSwitch<ActivationKind>(node.op())
                  .Case("Relu", ActivationKind::Relu)
                  .Case("LeakyRelu", ActivationKind::LeakyRelu)
                  .Case("Elu", ActivationKind::Elu)
                  .Case("Sigmoid", ActivationKind::Sigmoid)
                  .Case("Tanh", ActivationKind::Tanh)
                  .Default(ActivationKind::HardSwish);
  std::optional<double> alpha;
  if (kind == ActivationKind::LeakyRelu)
    alpha = node.real("alpha", 0.01);
  else if (kind == ActivationKind::Elu)
    alpha = node.real("alpha", 1);
  define(node, activate(node, *value, kind, alpha));
  return weights::Done{};
}

/// min(max(x, low), high), by relu6(6 (x - low) / (high - low)) where both are
/// finite, by relu on one side.
Value Importer::clamp(const Node &node, Value value, double low, double high) {
  if (low == 0 && high == 6)
    return activate(node, value, ActivationKind::Relu6);
  if (std::isfinite(low) && std::isfinite(high)) {
    double span = high - low;
    value = scaled(node, value, 6 / span, -6 * low / span);
    value = activate(node, value, ActivationKind::Relu6);
    return scaled(node, value, span / 6, low);
  }
  // low + relu(x - low); high - relu(high - x).
  double bound = std::isfinite(low) ? low : high;
  double sign = std::isfinite(low) ? 1 : -1;
  if (bound != 0 || sign < 0)
    value = scaled(node, value, sign, -sign * bound);
  value = activate(node, value, ActivationKind::Relu);
  return bound != 0 || sign < 0 ? scaled(node, value, sign, bound) : value;
}

Status Importer::clip(const Node &node) {
  auto value = operand(node, 0);
  if (!value)
    return value.error();
  // Exporters write "no bound" as the largest number too.
  double low = node.real("min", -INFINITY), high = node.real("max", INFINITY);
  for (auto [i, bound] : {std::pair<size_t, double *>{1, &low}, {2, &high}}) {
    if (node.input(i).empty())
      continue;
    auto constant = constantOperand(node, i, "bound");
    if (!constant)
      return constant.error();
    if (constant->isInteger() || !constant->scalar())
      return node.error("expected one number as a bound");
    *bound = *constant->scalar();
  }
  constexpr double kNoBound = 3e38;
  low = low < -kNoBound ? -INFINITY : low;
  high = high > kNoBound ? INFINITY : high;
  if (!std::isfinite(low) && !std::isfinite(high)) {
    define(node, *value);
    return weights::Done{};
  }
  if (!(low < high))
    return node.error("expected a lower bound below the upper one");
  define(node, clamp(node, *value, low, high));
  return weights::Done{};
}

/// max(0, min(1, alpha x + beta)).
Status Importer::hardSigmoid(const Node &node) {
  auto value = operand(node, 0);
  if (!value)
    return value.error();
  double alpha = node.real("alpha", 0.2), beta = node.real("beta", 0.5);
  if (std::abs(alpha - 1.0 / 6) < 1e-7 && beta == 0.5)
    define(node, activate(node, *value, ActivationKind::HardSigmoid));
  else
    define(node, clamp(node, scaled(node, *value, alpha, beta), 0, 1));
  return weights::Done{};
}

/// relu(x) - slope relu(-x).
Status Importer::prelu(const Node &node) {
  auto value = operand(node, 0);
  auto slope = constantOperand(node, 1, "slope");
  if (!value || !slope)
    return value ? slope.error() : value.error();
  named = true; // the sum has the node's name
  Value positive = activate(node, *value, ActivationKind::Relu);
  Value negative =
      activate(node, scaled(node, *value, -1, 0), ActivationKind::Relu);
  auto scale = mapped(node, *slope, [](double x) { return -x; });
  if (!scale)
    return scale.error();
  auto part = scaleShift(node, negative, &*scale, nullptr);
  named = false;
  if (!part)
    return part.error();
  auto result = addValues(node, positive, *part);
  if (!result)
    return result.error();
  define(node, *result);
  return weights::Done{};
}

/// gamma elu(x, alpha).
Status Importer::selu(const Node &node) {
  auto value = operand(node, 0);
  if (!value)
    return value.error();
  // ONNX's defaults, in full.
  double alpha = node.real("alpha", 1.67326319217681884765625);
  double gamma = node.real("gamma", 1.05070102214813232421875);
  Value inner = activate(node, *value, ActivationKind::Elu, alpha);
  define(node, scaled(node, inner, gamma, 0));
  return weights::Done{};
}

/// max(0, x) + min(0, alpha (exp(x / alpha) - 1)) = alpha elu(x / alpha, 1).
Status Importer::celu(const Node &node) {
  auto value = operand(node, 0);
  if (!value)
    return value.error();
  double alpha = node.real("alpha", 1);
  if (!(alpha > 0))
    return node.error("expected an alpha above 0");
  Value inner = scaled(node, *value, 1 / alpha, 0);
  inner = activate(node, inner, ActivationKind::Elu, 1);
  define(node, scaled(node, inner, alpha, 0));
  return weights::Done{};
}

Status Importer::gelu(const Node &node) {
  auto value = operand(node, 0);
  if (!value)
    return value.error();
  std::string form = node.text("approximate", "none");
  if (form != "none" && form != "tanh")
    return node.error("the approximation " + weights::inQuotes(form) +
                      " is not known; expected 'none' or 'tanh'");
  define(node, activate(node, *value,
                        form == "none" ? ActivationKind::Gelu
                                       : ActivationKind::GeluTanh));
  return weights::Done{};
}

Status Importer::softmax(const Node &node) {
  const Item *input = item(node.input(0));
  const Scores *attention = input ? std::get_if<Scores>(input) : nullptr;
  auto value = attention ? Result<Value>(attention->queries) : operand(node, 0);
  if (!value)
    return value.error();
  size_t rank = value->layout.rank();
  // Up to version 12 all dimensions from the axis on are one.
  auto axis =
      readAxis(node, node.integer("axis", model->opset < 13 ? 1 : -1), rank);
  if (!axis)
    return axis.error();
  if (attention) {
    if (*axis != rank - 1 || attention->softmax)
      return node.error("expected the last axis for attention");
    Scores after = *attention;
    after.softmax = true;
    define(node, after);
    return weights::Done{};
  }
  Layout layout = value->layout;
  if (model->opset < 13 && *axis + 1 < rank) {
    Extents joined = layout.shape();
    while (joined.size() > *axis + 1) {
      joined[joined.size() - 2] *= joined.back();
      joined.pop_back();
    }
    auto flat = layout.reshaped(joined);
    if (!flat)
      return node.error("the batch cannot be part of the softmax");
    layout = *flat;
  }
  if (!layout.isInnermost(*axis, false))
    return node.error("the axis " + std::to_string(*axis) + " of " +
                      weights::shapeText(value->layout.shape()) +
                      " would have to move in memory");
  int64_t channels = layout.extent(*axis);
  int64_t places = layout.perPicture() / channels;
  frontend::Shape shape = shapeOf(*value);
  if (shape.back() != channels)
    shape = places == 1 ? frontend::Shape{channels}
                        : frontend::Shape{places, channels};
  Draft draft(LayerKind::Activation, "Softmax",
              shaped(node, value->layer, shape));
  draft.layer.shape = shape;
  draft.layer.activation.kind = frontend::Activation::Kind::Softmax;
  define(node, Value{append(node, std::move(draft)), value->layout});
  return weights::Done{};
}

} // namespace tl::onnx
