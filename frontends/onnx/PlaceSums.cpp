// Adaptive average pools as PyTorch's newer exporter writes them: GatherND
// takes the places of all windows, and ReduceMean, or masks, sums and a
// division where windows differ in size, make their means. Nothing of that is a
// layer. So each element counts here as a sum of places of the picture, with
// factors, and when the sums are those of an adaptive pool they become that
// layer. The exporter may write them in any way that these operators can.
#include "frontends/onnx/Importer.h"

#include <cmath>

namespace tl::onnx {

using frontend::LayerKind;

/// Places that are gathered at once: VGG's pool from 32x32 to 7x7 has 1,764.
constexpr int64_t kMostPlaces = 1 << 20;
/// What one costs, in numbers of what folding may produce.
constexpr int64_t kNumbersAPlace = 16;

const PlaceSums *Importer::placeSums(const std::string &name) const {
  const Item *found = item(name);
  return found ? std::get_if<PlaceSums>(found) : nullptr;
}

static Error unlike(const Node &node) {
  return node.error("of what is gathered from a picture only an adaptive "
                    "average pool is supported");
}

/// Of [H, W, N, C], a transposed picture: pairs of a row and a column.
Status Importer::gatherND(const Node &node) {
  auto value = operand(node, 0);
  auto index = constantOperand(node, 1, "indices");
  if (!value || !index)
    return value ? index.error() : value.error();
  if (value->layout.rank() != 4 || node.integer("batch_dims", 0) != 0 ||
      index->shape().empty() || index->shape().back() != 2)
    return unlike(node);
  PlaceSums result;
  result.picture = {value->layer, value->layout.transposed({2, 3, 0, 1})};
  auto size = result.picture.layout.asPicture();
  if (!size)
    return unlike(node);
  auto numbers = readIntegers(node, *index, 2 * kMostPlaces);
  if (!numbers)
    return numbers.error();
  if (!budget.spend(kNumbersAPlace * index->count()))
    return node.error("too many values to compute");
  result.shape = index->shape();
  result.shape.pop_back();
  for (size_t i = 0; i < numbers->size(); i += 2) {
    int64_t place = 0;
    for (size_t d : {0, 1}) {
      int64_t at = (*numbers)[i + d], extent = (*size)[d];
      if (at < -extent || at >= extent)
        return node.error("an index is outside a dimension of " +
                          std::to_string(extent));
      place = place * extent + at + (at < 0 ? extent : 0);
    }
    result.sums.push_back({{place, 1}});
  }
  define(node, std::move(result));
  return weights::Done{};
}

static void addTo(PlaceSum &sum, const PlaceSum &more, double factor) {
  for (auto [place, weight] : more)
    sum[place] += weight * factor;
}

/// An operator on sums of places; their batch and channels are in front but for
/// the transposition that brings them there.
Status Importer::sumPlaces(const Node &node) {
  const PlaceSums *sums = nullptr;
  int64_t terms = 0;
  for (size_t i = 0; i < node.inputs(); ++i)
    if (const PlaceSums *one = placeSums(node.input(i))) {
      sums = one;
      for (const PlaceSum &sum : one->sums)
        terms += int64_t(sum.size()) + 1;
    }
  if (!budget.spend(kNumbersAPlace * terms))
    return node.error("too many values to compute");
  std::optional<PlaceSums> result;
  if (node.op() == "Transpose")
    result = toFront(node, *sums);
  else if (!sums->inFront)
    return unlike(node);
  else if (node.op() == "Gather")
    result = pickPlaces(node, *sums);
  else if (node.op() == "Where")
    result = maskPlaces(node);
  else if (node.op() == "Add")
    result = addPlaces(node);
  else if (node.op() == "Div")
    result = dividePlaces(node);
  else if (node.op() == "ReduceMean")
    result = meanOfPlaces(node, *sums);
  if (!result)
    return unlike(node);
  if (!adaptivePool(node, *result))
    define(node, std::move(*result));
  return weights::Done{};
}

std::optional<PlaceSums> Importer::toFront(const Node &node,
                                           const PlaceSums &sums) const {
  Extents order = node.integers("perm").value_or(Extents());
  int64_t rank = int64_t(sums.shape.size());
  if (sums.inFront || int64_t(order.size()) != rank + 2)
    return std::nullopt;
  for (int64_t i = 0; i < rank + 2; ++i)
    if (order[i] != (i + rank) % (rank + 2))
      return std::nullopt;
  PlaceSums result = sums;
  result.inFront = true;
  return result;
}

/// Sums of the elements along some dimensions, each of which counts `factor`
/// times, if `takes` says so.
static PlaceSums
reduced(const PlaceSums &sums, const std::vector<bool> &dims, double factor,
        llvm::function_ref<bool(const Extents &)> takes = nullptr) {
  PlaceSums result = sums;
  result.shape.clear();
  for (size_t d = 0; d < dims.size(); ++d)
    if (!dims[d])
      result.shape.push_back(sums.shape[d]);
  result.sums.assign(countElements(result.shape), {});
  for (size_t i = 0; i < sums.sums.size(); ++i) {
    Extents at = coordinates(int64_t(i), sums.shape);
    if (takes && !takes(at))
      continue;
    int64_t to = 0;
    for (size_t d = 0; d < dims.size(); ++d)
      if (!dims[d])
        to = to * sums.shape[d] + at[d];
    addTo(result.sums[to], sums.sums[i], factor);
  }
  return result;
}

/// One index along a dimension, which goes.
std::optional<PlaceSums> Importer::pickPlaces(const Node &node,
                                              const PlaceSums &sums) const {
  const Constant *index = constant(node.input(1));
  size_t rank = sums.shape.size() + 2;
  auto axis = readAxis(node, node.integer("axis", 0), rank);
  if (!axis || *axis < 2 || !index || !index->isInteger() ||
      !index->shape().empty())
    return std::nullopt;
  size_t dim = *axis - 2;
  int64_t one = index->integers()[0];
  one += one < 0 ? sums.shape[dim] : 0;
  if (one < 0 || one >= sums.shape[dim])
    return std::nullopt;
  std::vector<bool> dims(sums.shape.size(), false);
  dims[dim] = true;
  return reduced(sums, dims, 1,
                 [&](const Extents &at) { return at[dim] == one; });
}

/// For the element at each place of `shape` that of a constant which repeats
/// over the batch and channels and need not have all dimensions; nothing where
/// its shape does not fit.
static std::optional<std::vector<double>> spreadOver(const Constant &constant,
                                                     const Extents &shape) {
  Extents small = constant.shape();
  while (small.size() > shape.size() && small.front() == 1)
    small.erase(small.begin());
  if (small.size() > shape.size())
    return std::nullopt;
  size_t lead = shape.size() - small.size();
  for (size_t i = 0; i < small.size(); ++i)
    if (small[i] != 1 && small[i] != shape[lead + i])
      return std::nullopt;
  std::vector<double> values = constant.reals(), result(countElements(shape));
  for (size_t i = 0; i < result.size(); ++i)
    result[i] = values[broadcastIndex(coordinates(int64_t(i), shape), small)];
  return result;
}

/// Zeros where a window has no such row or column.
std::optional<PlaceSums> Importer::maskPlaces(const Node &node) const {
  const Constant *mask = constant(node.input(0));
  bool second = placeSums(node.input(2)) != nullptr;
  const PlaceSums *sums = placeSums(node.input(second ? 2 : 1));
  if (!mask || !sums || number(node.input(second ? 1 : 2)) != 0.0)
    return std::nullopt;
  auto chosen = spreadOver(*mask, sums->shape);
  if (!chosen)
    return std::nullopt;
  PlaceSums result = *sums;
  for (size_t i = 0; i < chosen->size(); ++i)
    if (((*chosen)[i] != 0) == second)
      result.sums[i].clear();
  return result;
}

std::optional<PlaceSums> Importer::addPlaces(const Node &node) const {
  const PlaceSums *a = placeSums(node.input(0)), *b = placeSums(node.input(1));
  if (!a || !b || !a->inFront || !b->inFront || a->shape != b->shape ||
      a->picture.layer != b->picture.layer ||
      a->picture.layout != b->picture.layout)
    return std::nullopt;
  PlaceSums result = *a;
  for (size_t i = 0; i < result.sums.size(); ++i)
    addTo(result.sums[i], b->sums[i], 1);
  return result;
}

std::optional<PlaceSums> Importer::dividePlaces(const Node &node) const {
  const PlaceSums *sums = placeSums(node.input(0));
  const Constant *divisor = constant(node.input(1));
  auto by = sums && divisor ? spreadOver(*divisor, sums->shape) : std::nullopt;
  if (!by)
    return std::nullopt;
  PlaceSums result = *sums;
  for (size_t i = 0; i < by->size(); ++i)
    for (auto &[place, weight] : result.sums[i])
      weight /= (*by)[i];
  return result;
}

std::optional<PlaceSums> Importer::meanOfPlaces(const Node &node,
                                                const PlaceSums &sums) const {
  auto axes = readAxes(node, constant(node.input(1)), sums.shape.size() + 2);
  if (!axes || !*axes || node.integer("keepdims", 1) != 0)
    return std::nullopt;
  std::vector<bool> dims(sums.shape.size(), false);
  for (size_t axis : **axes) {
    if (axis < 2)
      return std::nullopt;
    dims[axis - 2] = true;
  }
  int64_t count = 1;
  for (size_t d = 0; d < dims.size(); ++d)
    count *= dims[d] ? sums.shape[d] : 1;
  return reduced(sums, dims, 1.0 / double(count));
}

/// Of H rows into n, window i is from floor(i H / n) to ceil((i + 1) H / n).
bool Importer::adaptivePool(const Node &node, const PlaceSums &sums) {
  auto layer = picture(node, sums.picture);
  if (!sums.inFront || sums.shape.size() != 2 || !layer)
    return false;
  auto [height, width, channels] = *sums.picture.layout.asPicture();
  int64_t rows = sums.shape[0], columns = sums.shape[1];
  for (int64_t i = 0; i < rows * columns; ++i) {
    int64_t row = i / columns, column = i % columns;
    int64_t top = row * height / rows, left = column * width / columns;
    int64_t bottom = ((row + 1) * height + rows - 1) / rows;
    int64_t right = ((column + 1) * width + columns - 1) / columns;
    int64_t count = (bottom - top) * (right - left);
    if (int64_t(sums.sums[i].size()) != count)
      return false;
    for (auto [place, weight] : sums.sums[i]) {
      int64_t y = place / width, x = place % width;
      // Divisors are float32.
      if (y < top || y >= bottom || x < left || x >= right ||
          std::abs(weight * double(count) - 1) > 1e-6)
        return false;
    }
  }
  Draft draft(LayerKind::AdaptiveAvgPool, "AdaptiveAveragePooling2D", *layer);
  draft.layer.shape = {rows, columns, channels};
  define(node, Value{append(node, std::move(draft)),
                     Layout::picture(batch, channels, rows, columns)});
  return true;
}

} // namespace tl::onnx
