// Operators that rename, regroup, cut and join values.
#include "frontends/onnx/Importer.h"

#include "frontends/weights/Message.h"

#include <algorithm>
#include <numeric>

namespace tl::onnx {

using frontend::LayerKind;
using weights::shapeText;

constexpr int64_t kMostPadding = 1 << 16;
constexpr size_t kMostParts = 4096, kMostIndices = 1 << 24;

Status Importer::identity(const Node &node) {
  const Item *input = item(node.input(0));
  if (!input)
    return node.error("expected an operand");
  items[node.output(0)] = *input;
  return weights::Done{};
}

/// Without its mask: at inference nothing is dropped.
Status Importer::dropout(const Node &node) {
  if (const Constant *training = constant(node.input(2));
      !node.input(2).empty() && (!training || training->scalar() != 0.0))
    return node.error("training mode is not supported");
  return identity(node);
}

Status Importer::cast(const Node &node) {
  if (node.integer("to", 0) != pb::TensorProto::FLOAT)
    return node.error("expected a cast to float, found type " +
                      std::to_string(node.integer("to", 0)) +
                      " (TensorProto.DataType)");
  return identity(node);
}

Status Importer::shape(const Node &node) {
  auto value = operand(node, 0);
  if (!value)
    return value.error();
  Constant stand = Constant::reals(value->layout.shape(), {});
  auto result =
      fold({node, {&stand}, model->opset, batch, budget, model, *external});
  if (!result)
    return result.error();
  define(node, (*result)[0]);
  return weights::Done{};
}

/// Another shape of a value. Features of a picture become a layer at once, so
/// that a list of layers has its flatten.
Status Importer::regroup(const Node &node, const Value &value,
                         const Extents &shape) {
  auto layout = value.layout.reshaped(shape);
  if (!layout)
    return node.error("values of " + shapeText(value.layout.shape()) +
                      " would have to move in memory to become " +
                      shapeText(shape));
  int layer = value.layer;
  if (shape.size() == 2 && layout->batchFirst() && shapeOf(value).size() > 1) {
    Draft draft(LayerKind::Flatten, "Flatten", layer);
    draft.layer.shape = {layout->perPicture()};
    layer = append(node, std::move(draft));
  }
  define(node, Value{layer, *layout});
  return weights::Done{};
}

Status Importer::flatten(const Node &node) {
  auto value = operand(node, 0);
  if (!value)
    return value.error();
  Extents shape = value->layout.shape();
  int64_t rank = int64_t(shape.size()), axis = node.integer("axis", 1);
  if (axis < -rank || axis > rank)
    return node.error("the axis " + std::to_string(axis) + " is outside " +
                      shapeText(shape));
  axis += axis < 0 ? rank : 0;
  auto product = [&](int64_t first, int64_t last) {
    return countElements(Extents(shape.begin() + first, shape.begin() + last));
  };
  return regroup(node, *value, {product(0, axis), product(axis, rank)});
}

Status Importer::reshape(const Node &node) {
  auto value = operand(node, 0);
  auto wanted = constantOperand(node, 1, "shape");
  if (!value || !wanted)
    return value ? wanted.error() : value.error();
  auto extents = readIntegers(node, *wanted);
  if (!extents)
    return extents.error();
  auto shape = resolveReshape(node, value->layout.shape(), *extents);
  if (!shape)
    return shape.error();
  return regroup(node, *value, *shape);
}

Status Importer::transpose(const Node &node) {
  auto value = operand(node, 0);
  if (!value)
    return value.error();
  size_t rank = value->layout.rank();
  std::vector<size_t> order(rank);
  std::iota(order.rbegin(), order.rend(), 0);
  if (auto given = node.integers("perm")) {
    Extents sorted = *given;
    std::sort(sorted.begin(), sorted.end());
    bool whole = sorted.size() == rank;
    for (size_t i = 0; whole && i < rank; ++i)
      whole = sorted[i] == int64_t(i);
    if (!whole)
      return node.error("expected an order of all dimensions");
    order.assign(given->begin(), given->end());
  }
  define(node, Value{value->layer, value->layout.transposed(order)});
  return weights::Done{};
}

Status Importer::squeeze(const Node &node) {
  auto value = operand(node, 0);
  if (!value)
    return value.error();
  const Constant *second = constant(node.input(1));
  if (!node.input(1).empty() && !second)
    return node.error("expected constant axes");
  bool adds = node.op() == "Unsqueeze";
  size_t rank = value->layout.rank();
  size_t added = second ? second->count()
                        : node.integers("axes").value_or(Extents()).size();
  if (added > kHighestRank)
    return node.error("too many axes");
  auto axes = readAxes(node, second, rank + (adds ? added : 0));
  if (!axes || (adds && !*axes))
    return axes ? node.error("expected axes") : axes.error();
  if (adds) {
    std::sort((*axes)->begin(), (*axes)->end());
    define(node, Value{value->layer, value->layout.inserted(**axes)});
    return weights::Done{};
  }
  std::vector<bool> dropped(rank, false);
  for (size_t i = 0; i < rank; ++i) {
    bool batch = llvm::is_contained(value->layout.dimensions()[i], 0);
    dropped[i] = *axes ? llvm::is_contained(**axes, i)
                       : value->layout.extent(i) == 1 && !batch;
    if (dropped[i] && (batch || value->layout.extent(i) != 1))
      return node.error("the dimension " + std::to_string(i) + " of " +
                        shapeText(value->layout.shape()) +
                        " cannot be dropped");
  }
  define(node, Value{value->layer, value->layout.dropped(dropped)});
  return weights::Done{};
}

/// The learnt token before those of each picture: [1, 1, C], [N, T, C].
Status Importer::classToken(const Node &node, size_t axis) {
  const Constant *token = constant(node.input(0));
  auto value = operand(node, 1);
  if (!value)
    return value.error();
  const Layout &layout = value->layout;
  if (node.inputs() != 2 || !token || layout.rank() != 3 || axis != 1 ||
      layout != Layout::plain(layout.shape()) ||
      token->shape() != Extents{1, 1, layout.extent(2)})
    return node.error("expected values that depend on the picture, or one "
                      "token before those of each picture");
  int64_t tokens = layout.extent(1), channels = layout.extent(2);
  Draft draft(LayerKind::ClassToken, "ClassToken",
              shaped(node, value->layer, {tokens, channels}));
  draft.layer.shape = {tokens + 1, channels};
  draft.parameter(
      "token", {channels}, {},
      spread(Layout::plain({batch, 1, channels}), channels, *token));
  define(node, Value{append(node, std::move(draft)),
                     Layout::plain({layout.extent(0), tokens + 1, channels})});
  return weights::Done{};
}

Status Importer::concat(const Node &node) {
  std::vector<Value> values;
  for (size_t i = 0; i < node.inputs(); ++i)
    if (const Value *one = value(node.input(i)))
      values.push_back(*one);
  if (values.empty())
    return node.error("expected values that depend on the picture");
  size_t rank = values[0].layout.rank();
  auto axis = readAxis(node, node.integer("axis", 1), rank);
  if (!axis)
    return axis.error();
  if (values.size() != node.inputs())
    return classToken(node, *axis);
  int64_t channels = 0, places = 0;
  Draft draft(LayerKind::Concat, "Concatenate", {});
  Layout rest;
  for (const Value &one : values) {
    if (one.layout.rank() != rank || !one.layout.isInnermost(*axis, true))
      return node.error("the axis " + std::to_string(*axis) + " of " +
                        shapeText(one.layout.shape()) +
                        " would have to move in memory");
    Layout around = one.layout.withInnermost(*axis, 1);
    if (channels > 0 && around != rest)
      return node.error("expected values that fit together, found " +
                        shapeText(values[0].layout.shape()) + " and " +
                        shapeText(one.layout.shape()));
    rest = around;
    channels += one.layout.extent(*axis);
    places = one.layout.perPicture() / one.layout.extent(*axis);
  }
  frontend::Shape shape = shapeOf(values[0]);
  bool fits = shape.back() == values[0].layout.extent(*axis);
  for (const Value &one : values) {
    int64_t own = one.layout.extent(*axis);
    if (fits)
      shape.back() = own;
    else
      shape = {places, own};
    draft.layer.inputs.push_back(shaped(node, one.layer, shape));
  }
  shape.back() = channels;
  draft.layer.shape = shape;
  define(node, Value{append(node, std::move(draft)),
                     rest.withInnermost(*axis, channels)});
  return weights::Done{};
}

/// Every step-th of a dimension's places from `first` on.
Result<Value> Importer::cut(const Node &node, const Value &value, size_t dim,
                            int64_t first, int64_t count, int64_t step) {
  int64_t extent = value.layout.extent(dim);
  if (first == 0 && count == extent && step == 1)
    return value;
  auto place = value.layout.place(dim);
  if (!place || count < 1 || first < 0 || step < 1 ||
      first + (count - 1) * step >= extent)
    return node.error("a part of dimension " + std::to_string(dim) + " of " +
                      shapeText(value.layout.shape()) + " is not supported");
  Draft draft(LayerKind::Slice, "Slice", {});
  frontend::Shape shape = shapeOf(value);
  if (step == 1 && shape.back() == extent * place->inside) {
    // Channels, or groups of them.
    draft.layer.inputs = {value.layer};
    draft.layer.firstChannel = first * place->inside;
    shape.back() = count * place->inside;
  } else {
    shape = {place->outside, extent, place->inside};
    draft.layer.inputs = {shaped(node, value.layer, shape)};
    draft.layer.firstPlace = {0, first};
    draft.layer.strides = {1, step};
    shape[1] = count;
  }
  draft.layer.shape = shape;
  return Value{append(node, std::move(draft)),
               value.layout.resized(dim, count)};
}

Status Importer::slice(const Node &node) {
  auto value = operand(node, 0);
  if (!value)
    return value.error();
  auto list = [&](size_t i, llvm::StringRef name) {
    std::optional<Extents> numbers = node.integers(name);
    if (const Constant *given = constant(node.input(i));
        given && given->isInteger() && given->count() <= 16)
      numbers = given->integers();
    return numbers;
  };
  auto starts = list(1, "starts"), ends = list(2, "ends"),
       axes = list(3, "axes"), steps = list(4, "steps");
  size_t rank = value->layout.rank(), count = starts ? starts->size() : 0;
  if (!axes) {
    axes.emplace(count);
    std::iota(axes->begin(), axes->end(), 0);
  }
  if (!starts || !ends || ends->size() != count || axes->size() != count ||
      (steps && steps->size() != count) || count > rank)
    return node.error("expected as many constant starts, ends, axes and steps");
  Value result = *value;
  for (size_t i = 0; i < count; ++i) {
    auto dim = readAxis(node, (*axes)[i], rank);
    if (!dim)
      return dim.error();
    int64_t extent = result.layout.extent(*dim);
    int64_t step = steps ? (*steps)[i] : 1;
    auto clamp = [&](int64_t at) {
      return std::clamp<int64_t>(at < 0 ? at + extent : at, 0, extent);
    };
    int64_t first = clamp((*starts)[i]), span = clamp((*ends)[i]) - first;
    if (step < 1 || span < 1)
      return node.error("expected steps of at least 1 and something left of " +
                        shapeText(value->layout.shape()));
    auto part = cut(node, result, *dim, first, (span - 1) / step + 1, step);
    if (!part)
      return part.error();
    result = *part;
  }
  define(node, result);
  return weights::Done{};
}

Status Importer::split(const Node &node) {
  auto value = operand(node, 0);
  if (!value)
    return value.error();
  auto axis = readAxis(node, node.integer("axis", 0), value->layout.rank());
  if (!axis)
    return axis.error();
  int64_t extent = value->layout.extent(*axis);
  int64_t parts = node.integer("num_outputs", int64_t(node.outputs()));
  std::optional<Extents> sizes = node.integers("split");
  if (node.outputs() > kMostParts)
    return node.error("expected at most " + std::to_string(kMostParts) +
                      " outputs, found " + std::to_string(node.outputs()));
  if (const Constant *given = constant(node.input(1))) {
    auto integers = readIntegers(node, *given, kMostParts);
    if (!integers)
      return integers.error();
    sizes = *integers;
  }
  if (!sizes && parts >= 1 && parts == int64_t(node.outputs())) {
    // Equal parts, the last one perhaps smaller.
    int64_t part = (extent + parts - 1) / parts;
    sizes.emplace(parts, part);
    sizes->back() = extent - (parts - 1) * part;
  }
  if (!sizes || sizes->size() != node.outputs())
    return node.error("expected a constant size for each output");
  int64_t first = 0;
  for (size_t i = 0; i < sizes->size(); ++i) {
    int64_t size = (*sizes)[i];
    if (size < 1 || size > extent - first)
      return node.error("the parts " + shapeText(*sizes) + " do not fit " +
                        shapeText(value->layout.shape()));
    auto part = cut(node, *value, *axis, first, size, 1);
    if (!part)
      return part.error();
    items[node.output(i)] = *part;
    first += size;
  }
  return weights::Done{};
}

/// One place of a dimension, or a run of them (in any shape).
Status Importer::gather(const Node &node) {
  auto value = operand(node, 0);
  auto index = constantOperand(node, 1, "index");
  if (!value || !index)
    return value ? index.error() : value.error();
  size_t rank = value->layout.rank();
  auto axis = readAxis(node, node.integer("axis", 0), rank);
  if (!axis)
    return axis.error();
  int64_t extent = value->layout.extent(*axis);
  auto integers = readIntegers(node, *index, kMostIndices);
  if (!integers)
    return integers.error();
  if (!budget.spend(index->count()))
    return node.error("too many values to compute");
  Extents indices = *integers;
  if (indices.empty())
    return node.error("expected an index");
  for (size_t i = 0; i < indices.size(); ++i) {
    if (indices[i] < -extent || indices[i] >= extent)
      return node.error("an index is outside a dimension of " +
                        std::to_string(extent));
    indices[i] += indices[i] < 0 ? extent : 0;
    if (indices[i] != indices[0] + int64_t(i))
      return node.error("only neighbours in order can be gathered");
  }
  if (llvm::is_contained(value->layout.dimensions()[*axis], 0) &&
      int64_t(indices.size()) != extent)
    return node.error("some pictures of the batch cannot be taken");
  auto part = cut(node, *value, *axis, indices[0], int64_t(indices.size()), 1);
  if (!part)
    return part.error();
  Extents shape = part->layout.shape();
  shape.erase(shape.begin() + *axis);
  shape.insert(shape.begin() + *axis, index->shape().begin(),
               index->shape().end());
  auto layout = part->layout.reshaped(shape);
  if (!layout)
    return node.error("values would have to move in memory to become " +
                      shapeText(shape));
  part->layout = *layout;
  define(node, *part);
  return weights::Done{};
}

Result<Value> Importer::padded(const Node &node, const Value &value, size_t dim,
                               int64_t before, int64_t after) {
  if (before == 0 && after == 0)
    return value;
  auto place = value.layout.place(dim);
  if (!place || before < 0 || after < 0 || before > kMostPadding ||
      after > kMostPadding ||
      llvm::is_contained(value.layout.dimensions()[dim], 0))
    return node.error("the pads of dimension " + std::to_string(dim) + " of " +
                      shapeText(value.layout.shape()) + " are not supported");
  frontend::Shape shape = shapeOf(value);
  int64_t extent = place->extent + before + after;
  Layout layout = value.layout.resized(dim, extent);
  if (place->inside == 1 && shape.back() == place->extent) {
    Draft draft(LayerKind::PadChannels, "PadChannels", value.layer);
    draft.layer.channelPads = {before, after};
    shape.back() = extent;
    draft.layer.shape = shape;
    return Value{append(node, std::move(draft)), layout};
  }
  shape = {place->outside, place->extent, place->inside};
  Draft draft(LayerKind::ZeroPad, "ZeroPadding2D",
              shaped(node, value.layer, shape));
  draft.layer.pads = {0, 0, before, after};
  draft.layer.shape = {shape[0], extent, shape[2]};
  return Value{append(node, std::move(draft)), layout};
}

/// Top, bottom, left and right where nothing else is padded.
static std::optional<std::array<int64_t, 4>>
picturePads(const Extents &pads, const std::vector<size_t> &dims) {
  std::array<int64_t, 4> sides{0, 0, 0, 0};
  for (size_t i = 0; i < dims.size(); ++i)
    for (size_t end : {0, 1}) {
      int64_t pad = pads[i + end * dims.size()];
      if (pad < 0 || pad > kMostPadding || (pad > 0 && dims[i] < 2))
        return std::nullopt;
      if (dims[i] >= 2)
        sides[2 * (dims[i] - 2) + end] = pad;
    }
  return sides;
}

Status Importer::pad(const Node &node) {
  auto value = operand(node, 0);
  if (!value)
    return value.error();
  size_t rank = value->layout.rank();
  std::optional<Extents> pads = node.integers("pads");
  if (const Constant *given = constant(node.input(1));
      given && given->isInteger() && given->count() <= 16)
    pads = given->integers();
  double fill = node.real("value", 0);
  if (!node.input(2).empty()) {
    const Constant *given = constant(node.input(2));
    fill = given && given->scalar() ? *given->scalar() : 1;
  }
  if (node.text("mode", "constant") != "constant" || fill != 0)
    return node.error("only constant zeros are supported");
  std::vector<size_t> dims(rank);
  std::iota(dims.begin(), dims.end(), 0);
  auto axes = readAxes(node, constant(node.input(3)), rank);
  if (!axes)
    return axes.error();
  if (!node.input(3).empty())
    dims = axes->value_or(std::vector<size_t>());
  if (!pads || pads->size() != 2 * dims.size())
    return node.error("expected two constant pads a dimension");
  Value result = *value;
  if (auto place = picture(node, result); place && rank == 4) {
    if (auto sides = picturePads(*pads, dims)) {
      Draft draft(LayerKind::ZeroPad, "ZeroPadding2D", *place);
      draft.layer.pads = *sides;
      const frontend::Shape &in = network.shapeOf(*place);
      draft.layer.shape = {in[0] + (*sides)[0] + (*sides)[1],
                           in[1] + (*sides)[2] + (*sides)[3], in[2]};
      Layout layout = Layout::picture(batch, in[2], draft.layer.shape[0],
                                      draft.layer.shape[1]);
      define(node, Value{append(node, std::move(draft)), layout});
      return weights::Done{};
    }
  }
  for (size_t i = 0; i < dims.size(); ++i) {
    int64_t before = (*pads)[i], after = (*pads)[i + dims.size()];
    auto next = padded(node, result, dims[i], before, after);
    if (!next)
      return next.error();
    result = *next;
  }
  define(node, result);
  return weights::Done{};
}

} // namespace tl::onnx
