// Batch and layer norms, and means over places.
#include "frontends/onnx/Importer.h"

#include "frontends/weights/Message.h"

#include <numeric>

namespace tl::onnx {

using frontend::Initializer;
using frontend::LayerKind;
using weights::shapeText;

static constexpr Initializer kOnes{Initializer::Kind::Fill, 1};
static constexpr Initializer kZeros{Initializer::Kind::Fill, 0};

static Reader plainReader(Constant constant) {
  return [constant](std::span<float> out) {
    std::vector<float> values = constant.floats();
    std::copy(values.begin(), values.end(), out.begin());
  };
}

Status Importer::batchNorm(const Node &node) {
  auto value = operand(node, 0);
  if (!value)
    return value.error();
  if (node.integer("training_mode", 0) != 0 || node.integer("spatial", 1) != 1)
    return node.error("only statistics that are stored, one a channel, are "
                      "supported");
  if (value->layout.rank() < 2 || !value->layout.isInnermost(1, true))
    return node.error("the channels of " + shapeText(value->layout.shape()) +
                      " would have to move in memory");
  double epsilon = node.real("epsilon", 1e-5);
  if (!(epsilon > 0))
    return node.error("expected an epsilon above 0");
  int64_t channels = value->layout.extent(1);
  frontend::Shape shape = shapeOf(*value);
  if (shape.back() != channels)
    shape = {value->layout.perPicture() / channels, channels};
  Draft draft(LayerKind::BatchNorm, "BatchNormalization",
              shaped(node, value->layer, shape));
  draft.layer.shape = shape;
  draft.layer.epsilon = epsilon;
  const char *roles[] = {"gamma", "beta", "moving_mean", "moving_variance"};
  for (size_t i = 0; i < 4; ++i) {
    auto constant = constantOperand(node, i + 1, roles[i]);
    if (!constant)
      return constant.error();
    if (constant->shape() != Extents{channels})
      return node.error("expected " + std::to_string(channels) +
                        " numbers, "
                        "found " +
                        shapeText(constant->shape()));
    draft.parameter(roles[i], {channels}, i == 0 || i == 3 ? kOnes : kZeros,
                    plainReader(*constant));
  }
  define(node, Value{append(node, std::move(draft)), value->layout});
  return weights::Done{};
}

/// Over the innermost dimension; without readers scale 1 and shift 0.
Value Importer::normalise(const Node &node, const Value &value, double epsilon,
                          Reader gamma, Reader beta) {
  int64_t channels = value.layout.extent(value.layout.rank() - 1);
  frontend::Shape shape = shapeOf(value);
  if (shape.back() != channels)
    shape = {value.layout.perPicture() / channels, channels};
  Draft draft(LayerKind::LayerNorm, "LayerNormalization",
              shaped(node, value.layer, shape));
  draft.layer.shape = shape;
  draft.layer.epsilon = epsilon;
  if (gamma)
    draft.parameter("gamma", {channels}, kOnes, std::move(gamma));
  else
    draft.fixed("gamma", {channels}, 1);
  if (beta)
    draft.parameter("beta", {channels}, kZeros, std::move(beta));
  else
    draft.fixed("beta", {channels}, 0);
  return {append(node, std::move(draft)), value.layout};
}

Status Importer::layerNorm(const Node &node) {
  auto value = operand(node, 0);
  if (!value)
    return value.error();
  Layout layout = value->layout;
  auto axis = readAxis(node, node.integer("axis", -1), layout.rank());
  if (!axis)
    return axis.error();
  // Several dimensions are normalised as one.
  Extents joined = layout.shape(), scale(joined.begin() + *axis, joined.end());
  joined.resize(*axis + 1);
  joined.back() = countElements(scale);
  auto flat = layout.reshaped(joined);
  if (!flat || !flat->isInnermost(*axis, true))
    return node.error("the axes from " + std::to_string(*axis) + " on of " +
                      shapeText(layout.shape()) +
                      " would have to move in memory");
  double epsilon = node.real("epsilon", 1e-5);
  if (!(epsilon > 0))
    return node.error("expected an epsilon above 0");
  Reader readers[2];
  for (size_t i : {0, 1}) {
    if (node.input(i + 1).empty())
      continue;
    auto constant = constantOperand(node, i + 1, i == 0 ? "scale" : "shift");
    if (!constant)
      return constant.error();
    if (constant->count() != joined.back() || constant->shape() != scale)
      return node.error("expected the shape " + shapeText(scale) + ", found " +
                        shapeText(constant->shape()));
    readers[i] = plainReader(*constant);
  }
  Value result =
      normalise(node, {value->layer, *flat}, epsilon, readers[0], readers[1]);
  define(node, Value{result.layer, layout});
  return weights::Done{};
}

/// The mean over dimensions, which become 1.
Result<Value> Importer::mean(const Node &node, const Value &value,
                             const std::vector<bool> &dims) {
  auto layout = value.layout.reduced(dims);
  if (!layout)
    return node.error("a mean over these axes of " +
                      shapeText(value.layout.shape()) + " is not supported");
  int64_t channels = layout->perPicture();
  int64_t places = value.layout.perPicture() / channels;
  frontend::Shape shape = shapeOf(value);
  if (shape.size() != 3 || shape[2] != channels)
    shape = {places, 1, channels};
  Draft draft(LayerKind::GlobalAvgPool, "GlobalAveragePooling2D",
              shaped(node, value.layer, shape));
  draft.layer.shape = {channels};
  // Still a picture, of one place.
  if (layout->rank() == 4)
    draft.layer.shape = {1, 1, channels};
  return Value{append(node, std::move(draft)), *layout};
}

Status Importer::reduceMean(const Node &node) {
  auto value = operand(node, 0);
  if (!value)
    return value.error();
  const Constant *second = constant(node.input(1));
  if (!node.input(1).empty() && !second)
    return node.error("expected constant axes");
  size_t rank = value->layout.rank();
  auto axes = readAxes(node, second, rank);
  if (!axes)
    return axes.error();
  if (!*axes || (*axes)->empty()) {
    if (node.integer("noop_with_empty_axes", 0) != 0) {
      define(node, *value);
      return weights::Done{};
    }
    return node.error("a mean over the batch is not supported");
  }
  std::vector<bool> dims(rank, false);
  for (size_t axis : **axes)
    dims[axis] = true;
  auto result = mean(node, *value, dims);
  if (!result)
    return result.error();
  if (node.integer("keepdims", 1) == 0)
    result->layout = result->layout.dropped(dims);
  define(node, *result);
  return weights::Done{};
}

Status Importer::globalAveragePool(const Node &node) {
  auto value = operand(node, 0);
  if (!value)
    return value.error();
  std::vector<bool> dims(value->layout.rank(), true);
  for (size_t i = 0; i < std::min<size_t>(2, dims.size()); ++i)
    dims[i] = false;
  auto result = mean(node, *value, dims);
  if (!result)
    return result.error();
  define(node, *result);
  return weights::Done{};
}

} // namespace tl::onnx
