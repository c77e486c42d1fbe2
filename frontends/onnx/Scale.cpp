// Sums and products, with constants and of values. `scale * x + shift` with
// constants is a layer of its own: for each channel where the constants are the
// same at each place, else for each element. Numbers that are the same
// everywhere are part of the network and are never trained.
#include "frontends/onnx/Importer.h"

#include "frontends/weights/Message.h"

namespace tl::onnx {

using frontend::Initializer;
using frontend::LayerKind;
using weights::shapeText;

constexpr size_t kMostTerms = 4096;

/// Which dimensions of the layout a constant varies along.
Result<std::vector<bool>> Importer::varying(const Node &node,
                                            const Layout &layout,
                                            const Constant &constant) const {
  std::vector<bool> varies(layout.rank(), false);
  const Extents &shape = constant.shape();
  bool fits = shape.size() <= layout.rank() && constant.count() >= 1;
  for (size_t i = 0; fits && i < shape.size(); ++i) {
    size_t dim = layout.rank() - shape.size() + i;
    if (shape[i] == 1)
      continue;
    varies[dim] = true;
    fits = shape[i] == layout.extent(dim) &&
           !llvm::is_contained(layout.dimensions()[dim], 0);
  }
  if (fits)
    return varies;
  return node.error("the constant " + shapeText(shape) + " does not fit " +
                    shapeText(layout.shape()));
}

/// The constant for each of the innermost elements of a picture.
Reader Importer::spread(const Layout &layout, int64_t period,
                        const Constant &constant) const {
  return [=](std::span<float> out) {
    std::vector<float> values = constant.floats();
    layout.forEach(period, [&](int64_t i, llvm::ArrayRef<int64_t> at) {
      out[i] = values[broadcastIndex(at.vec(), constant.shape())];
    });
  };
}

Result<Value> Importer::scaleShift(const Node &node, const Value &value,
                                   const Constant *scale,
                                   const Constant *shift) {
  std::vector<bool> varies(value.layout.rank(), false);
  for (const Constant *one : {scale, shift}) {
    if (!one)
      continue;
    auto own = varying(node, value.layout, *one);
    if (!own)
      return own.error();
    for (size_t i = 0; i < varies.size(); ++i)
      varies[i] = varies[i] || (*own)[i];
  }
  // Constants for all need no channels; those of the layer save a reshape.
  int64_t channels = value.layout.period(varies);
  if (channels == 1)
    channels = shapeOf(value).back();
  else if (!budget.spend(channels))
    return node.error("too many values to compute");
  Draft draft(LayerKind::ScaleShift, "ScaleShift", value.layer);
  draft.layer.shape = shapeOf(value);
  frontend::Shape shape{1, 1, 1, channels};
  auto parameter = [&](const char *role, const Constant *one, double neutral,
                       frontend::Shape shape) {
    if (!one || one->count() == 1)
      return draft.fixed(role, shape, one ? *one->scalar() : neutral);
    draft.parameter(role, shape, {Initializer::Kind::Fill, neutral},
                    spread(value.layout, channels, *one));
  };
  parameter("kernel", scale, 1, shape);
  draft.layer.bias = shift != nullptr;
  if (shift)
    parameter("bias", shift, 0, {channels});
  return Value{append(node, std::move(draft)), value.layout};
}

Value Importer::scaled(const Node &node, const Value &value, double scale,
                       double shift) {
  Constant factor = Constant::reals({}, {scale});
  Constant addend = Constant::reals({}, {shift});
  return *scaleShift(node, value, &factor, shift != 0 ? &addend : nullptr);
}

/// The scale of a layer norm that has none yet (Patterns.cpp).
bool Importer::absorbScale(const Value &value, const std::string &name,
                           const Constant &scale) {
  if (!isExclusive(name))
    return false;
  frontend::Layer &layer = network.layers[value.layer];
  size_t last = value.layout.rank() - 1;
  if (layer.kind != LayerKind::LayerNorm || !layer.parameters[0].fixed ||
      !layer.parameters[1].fixed || !value.layout.isInnermost(last, true) ||
      scale.shape() != Extents{layer.shape.back()} ||
      value.layout.extent(last) != layer.shape.back())
    return false;
  layer.parameters[0].fixed = false;
  readers[value.layer]["gamma"] =
      spread(value.layout, layer.shape.back(), scale);
  return true;
}

/// The shift behind it, or behind a scale of the same kind.
bool Importer::absorbShift(const Value &value, const std::string &name,
                           const Constant &shift) {
  if (!isExclusive(name))
    return false;
  frontend::Layer &layer = network.layers[value.layer];
  int64_t channels =
      layer.parameters.empty() ? 0 : layer.parameters[0].shape.back();
  size_t last = value.layout.rank() - 1;
  bool perChannel = value.layout.isInnermost(last, true) &&
                    value.layout.extent(last) == channels &&
                    shift.shape() == Extents{channels};
  if (layer.kind == LayerKind::LayerNorm && perChannel &&
      layer.parameters[1].fixed) {
    layer.parameters[1].fixed = false;
    readers[value.layer]["beta"] = spread(value.layout, channels, shift);
    return true;
  }
  if (layer.kind != LayerKind::ScaleShift || layer.bias)
    return false;
  auto varies = varying(*current, value.layout, shift);
  if (!varies ||
      (shift.count() > 1 && value.layout.period(*varies) != channels))
    return false;
  layer.bias = true;
  bool one = shift.count() == 1;
  layer.parameters.push_back(
      {"bias",
       {channels},
       {Initializer::Kind::Fill, one ? *shift.scalar() : 0},
       one});
  readers[value.layer]["bias"] = spread(value.layout, channels, shift);
  return true;
}

Result<Value> Importer::addValues(const Node &node, Value a, const Value &b) {
  if (a.layout != b.layout)
    return node.error("expected values of one shape in one order in memory, "
                      "found " +
                      shapeText(a.layout.shape()) + " and " +
                      shapeText(b.layout.shape()));
  frontend::Shape shape = shapeOf(a);
  int other = shaped(node, b.layer, shape);
  Draft draft(LayerKind::Add, "Add", {a.layer, other});
  draft.layer.shape = shape;
  return Value{append(node, std::move(draft)), a.layout};
}

/// The value that a gate of one number a channel multiplies: [N, C, 1, 1] for
/// [N, C, H, W], [N, 1, C] for [N, T, C]. The gate's channels are the innermost
/// ones of the value.
static bool isGateOf(const Layout &gate, const Layout &layout) {
  if (gate.rank() != layout.rank())
    return false;
  std::vector<bool> repeats(layout.rank(), false);
  for (size_t i = 0; i < repeats.size(); ++i)
    repeats[i] = gate.extent(i) == 1 && layout.extent(i) != 1;
  auto rest = layout.reduced(repeats);
  return rest && *rest == gate;
}

/// Of one shape, or one of them a gate.
Result<Value> Importer::multiplyValues(const Node &node, Value a, Value b) {
  if (a.layout != b.layout && !isGateOf(b.layout, a.layout))
    std::swap(a, b);
  frontend::Shape shape = shapeOf(a), gate = shape;
  if (a.layout != b.layout) {
    if (!isGateOf(b.layout, a.layout))
      return node.error("expected values of one shape in one order in memory, "
                        "or one number a channel for one of them, found " +
                        shapeText(b.layout.shape()) + " and " +
                        shapeText(a.layout.shape()));
    int64_t channels = b.layout.perPicture();
    if (shape.back() != channels)
      shape = {a.layout.perPicture() / channels, channels};
    gate.assign(shape.size(), 1);
    gate.back() = channels;
  }
  int value = shaped(node, a.layer, shape);
  Draft draft(LayerKind::Multiply, "Multiply",
              {value, shaped(node, b.layer, gate)});
  draft.layer.shape = shape;
  return Value{append(node, std::move(draft)), a.layout};
}

Status Importer::add(const Node &node) {
  size_t first = constant(node.input(0)) ? 1 : 0;
  auto value = operand(node, first);
  if (!value)
    return value.error();
  const std::string &other = node.input(1 - first);
  if (const Constant *shift = constant(other)) {
    if (absorbBias(node, *value, node.input(first), *shift) ||
        absorbShift(*value, node.input(first), *shift)) {
      define(node, *value);
      return weights::Done{};
    }
    auto result = scaleShift(node, *value, nullptr, shift);
    if (!result)
      return result.error();
    define(node, *result);
    return weights::Done{};
  }
  auto second = operand(node, 1 - first);
  if (!second)
    return second.error();
  auto result = addValues(node, *value, *second);
  if (!result)
    return result.error();
  define(node, *result);
  return weights::Done{};
}

Status Importer::sum(const Node &node) {
  std::optional<Value> total;
  if (node.inputs() > kMostTerms)
    return node.error("expected at most " + std::to_string(kMostTerms) +
                      " operands, found " + std::to_string(node.inputs()));
  for (size_t i = 0; i < node.inputs(); ++i) {
    auto value = operand(node, i);
    if (!value)
      return value.error();
    if (!total) {
      total = *value;
      continue;
    }
    auto result = addValues(node, *total, *value);
    if (!result)
      return result.error();
    total = *result;
  }
  if (!total)
    return node.error("expected an operand");
  define(node, *total);
  return weights::Done{};
}

Result<Constant> Importer::mapped(const Node &node, const Constant &constant,
                                  llvm::function_ref<double(double)> f) {
  if (!budget.spend(constant.count()))
    return node.error("too many values to compute");
  std::vector<double> values = constant.reals();
  for (double &value : values)
    value = f(value);
  return Constant::reals(constant.shape(), std::move(values));
}

Status Importer::subtract(const Node &node) {
  Result<Value> result = Error{};
  if (const Constant *right = constant(node.input(1))) {
    auto value = operand(node, 0);
    if (!value)
      return value.error();
    auto shift = mapped(node, *right, [](double x) { return -x; });
    if (!shift)
      return shift.error();
    result = scaleShift(node, *value, nullptr, &*shift);
  } else if (const Constant *left = constant(node.input(0))) {
    auto value = operand(node, 1);
    if (!value)
      return value.error();
    Constant minus = Constant::reals({}, {-1});
    result = scaleShift(node, *value, &minus, left);
  } else {
    auto a = operand(node, 0), b = operand(node, 1);
    if (!a || !b)
      return a ? b.error() : a.error();
    if (a->layout != b->layout)
      return node.error("expected values of one shape");
    named = true; // the sum has the node's name
    Value minus = scaled(node, *b, -1, 0);
    named = false;
    result = addValues(node, *a, minus);
  }
  if (!result)
    return result.error();
  define(node, *result);
  return weights::Done{};
}

Status Importer::multiply(const Node &node) {
  if (scaleScores(node))
    return weights::Done{};
  size_t first = constant(node.input(0)) ? 1 : 0;
  auto value = operand(node, first);
  if (!value)
    return value.error();
  const Constant *scale = constant(node.input(1 - first));
  if (!scale) {
    auto second = operand(node, 1 - first);
    if (!second)
      return second.error();
    auto product = multiplyValues(node, *value, *second);
    if (!product)
      return product.error();
    define(node, *product);
    return weights::Done{};
  }
  if (absorbScale(*value, node.input(first), *scale)) {
    define(node, *value);
    return weights::Done{};
  }
  auto result = scaleShift(node, *value, scale, nullptr);
  if (!result)
    return result.error();
  define(node, *result);
  return weights::Done{};
}

Status Importer::divide(const Node &node) {
  if (scaleScores(node))
    return weights::Done{};
  auto value = operand(node, 0);
  auto divisor = constantOperand(node, 1, "divisor");
  if (!value || !divisor)
    return value ? divisor.error() : value.error();
  if (divisor->isInteger())
    return node.error("a division of integers is not supported");
  auto scale = mapped(node, *divisor, [](double x) { return 1 / x; });
  if (!scale)
    return scale.error();
  auto result = scaleShift(node, *value, &*scale, nullptr);
  if (!result)
    return result.error();
  define(node, *result);
  return weights::Done{};
}

Status Importer::negate(const Node &node) {
  auto value = operand(node, 0);
  if (!value)
    return value.error();
  define(node, scaled(node, *value, -1, 0));
  return weights::Done{};
}

} // namespace tl::onnx
