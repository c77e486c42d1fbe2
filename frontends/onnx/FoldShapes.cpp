// Folding of operators that make, move and repeat values.
#include "frontends/onnx/Fold.h"

#include "frontends/weights/Message.h"

#include "llvm/ADT/STLExtras.h"

#include <algorithm>
#include <numeric>

namespace tl::onnx {

using weights::shapeText;
using Folded = Result<std::vector<Constant>>;

Result<size_t> readAxis(const Node &node, int64_t axis, size_t rank) {
  if (axis < -int64_t(rank) || axis >= int64_t(rank))
    return node.error("the axis " + std::to_string(axis) +
                      " is outside a value of " + std::to_string(rank) +
                      " dimensions");
  return size_t(axis < 0 ? axis + int64_t(rank) : axis);
}

Result<std::vector<int64_t>>
readIntegers(const Node &node, const Constant &constant, size_t most) {
  if (!constant.isInteger() || constant.count() > int64_t(most))
    return node.error(
        "expected at most " + std::to_string(most) + " integers, found " +
        (constant.isInteger() ? "the shape " : "others of shape ") +
        shapeText(constant.shape()));
  return constant.integers();
}

Result<std::optional<std::vector<size_t>>>
readAxes(const Node &node, const Constant *operand, size_t rank) {
  auto given = node.integers("axes");
  if (operand) {
    auto integers = readIntegers(node, *operand);
    if (!integers)
      return integers.error();
    given = *integers;
  }
  std::optional<std::vector<size_t>> axes;
  if (!given)
    return axes;
  axes.emplace();
  for (int64_t one : *given) {
    auto axis = readAxis(node, one, rank);
    if (!axis)
      return axis.error();
    if (llvm::is_contained(*axes, *axis))
      return node.error("an axis is given twice");
    axes->push_back(*axis);
  }
  return axes;
}

Result<Constant> gathered(const FoldContext &c, const Constant &constant,
                          Extents shape,
                          llvm::function_ref<int64_t(int64_t)> from) {
  int64_t count = countElements(shape);
  if (!c.budget.spend(count) || !c.budget.spend(constant.count()))
    return c.node.error("too many values to compute");
  auto pick = [&](auto values) {
    decltype(values) result(count);
    for (int64_t i = 0; i < count; ++i)
      result[i] = values[from(i)];
    return result;
  };
  if (constant.isInteger())
    return Constant::integers(std::move(shape), pick(constant.integers()));
  return Constant::reals(std::move(shape), pick(constant.reals()));
}

static Folded single(Result<Constant> constant) {
  if (!constant)
    return constant.error();
  return std::vector{std::move(*constant)};
}

Result<Extents> resolveReshape(const Node &node, const Extents &from,
                               const std::vector<int64_t> &wanted) {
  Extents shape = wanted;
  bool copies = node.integer("allowzero", 0) == 0;
  int64_t count = countElements(from), open = -1;
  Extents rest;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == 0 && copies && i < from.size())
      shape[i] = from[i];
    if (shape[i] == -1 && open < 0)
      open = int64_t(i);
    else
      rest.push_back(shape[i]);
  }
  int64_t known = countElements(rest);
  if (open >= 0 && known > 0 && count % known == 0)
    shape[open] = count / known;
  if (count < 0 || known < 0 || shape.size() > kHighestRank ||
      countElements(shape) != count)
    return node.error("cannot make " + shapeText(wanted) + " of " +
                      shapeText(from));
  return shape;
}

static Folded foldReshape(const FoldContext &c) {
  if (!c.operand(0) || !c.operand(1))
    return c.node.error("expected a value and a shape");
  auto wanted = readIntegers(c.node, *c.operand(1));
  if (!wanted)
    return wanted.error();
  auto shape = resolveReshape(c.node, c.operand(0)->shape(), *wanted);
  if (!shape)
    return shape.error();
  return std::vector{c.operand(0)->reshaped(*shape)};
}

static Folded foldSqueeze(const FoldContext &c) {
  const Constant &value = *c.operands[0];
  bool adds = c.node.op() == "Unsqueeze";
  size_t added = c.operand(1)
                     ? c.operand(1)->count()
                     : c.node.integers("axes").value_or(Extents()).size();
  if (added > kHighestRank)
    return c.node.error("too many axes");
  auto axes =
      readAxes(c.node, c.operand(1), value.shape().size() + (adds ? added : 0));
  if (!axes)
    return axes.error();
  Extents shape = value.shape();
  if (adds) {
    if (!*axes)
      return c.node.error("expected axes");
    std::sort((*axes)->begin(), (*axes)->end());
    for (size_t axis : **axes)
      shape.insert(shape.begin() + axis, 1);
    return std::vector{value.reshaped(shape)};
  }
  Extents left;
  for (size_t i = 0; i < shape.size(); ++i) {
    bool drop = *axes ? llvm::is_contained(**axes, i) : shape[i] == 1;
    if (drop && shape[i] != 1)
      return c.node.error("a dimension of " + std::to_string(shape[i]) +
                          " cannot be dropped");
    if (!drop)
      left.push_back(shape[i]);
  }
  return std::vector{value.reshaped(left)};
}

static Folded foldTranspose(const FoldContext &c) {
  const Constant &value = *c.operands[0];
  size_t rank = value.shape().size();
  auto order = c.node.integers("perm");
  if (!order) {
    order.emplace(rank);
    std::iota(order->rbegin(), order->rend(), 0);
  }
  Extents sorted = *order, shape;
  std::sort(sorted.begin(), sorted.end());
  bool whole = sorted.size() == rank;
  for (size_t i = 0; whole && i < rank; ++i)
    whole = sorted[i] == int64_t(i);
  if (!whole)
    return c.node.error("expected an order of all dimensions");
  for (int64_t dim : *order)
    shape.push_back(value.shape()[dim]);
  return single(gathered(c, value, shape, [&](int64_t i) {
    Extents at = coordinates(i, shape), from(rank);
    for (size_t d = 0; d < rank; ++d)
      from[(*order)[d]] = at[d];
    return broadcastIndex(from, value.shape());
  }));
}

static Folded foldGather(const FoldContext &c) {
  if (!c.operand(0) || !c.operand(1))
    return c.node.error("expected a value and indices");
  const Constant &value = *c.operands[0], &index = *c.operands[1];
  auto axis = readAxis(c.node, c.node.integer("axis", 0), value.shape().size());
  if (!axis)
    return axis.error();
  int64_t extent = value.shape()[*axis];
  if (!index.isInteger() || !c.budget.spend(index.count()))
    return c.node.error("expected integers, and fewer values to compute");
  std::vector<int64_t> indices = index.integers();
  for (int64_t &one : indices) {
    if (one < -extent || one >= extent)
      return c.node.error("the index " + std::to_string(one) +
                          " is outside a dimension of " +
                          std::to_string(extent));
    one += one < 0 ? extent : 0;
  }
  Extents shape(value.shape().begin(), value.shape().begin() + *axis);
  shape.insert(shape.end(), index.shape().begin(), index.shape().end());
  shape.insert(shape.end(), value.shape().begin() + *axis + 1,
               value.shape().end());
  int64_t inside = 1;
  for (size_t i = *axis + 1; i < value.shape().size(); ++i)
    inside *= value.shape()[i];
  int64_t count = int64_t(indices.size());
  return single(gathered(c, value, shape, [&](int64_t i) {
    int64_t outer = i / (inside * count), rest = i % (inside * count);
    return (outer * extent + indices[rest / inside]) * inside + rest % inside;
  }));
}

static Folded foldConcat(const FoldContext &c) {
  Extents shape = c.operands[0] ? c.operands[0]->shape() : Extents();
  auto axis = readAxis(c.node, c.node.integer("axis", 0), shape.size());
  if (!axis)
    return axis.error();
  std::vector<int64_t> wholes;
  std::vector<double> reals;
  bool whole = c.operands[0]->isInteger();
  shape[*axis] = 0;
  for (const Constant *one : c.operands) {
    Extents expected = one ? one->shape() : Extents();
    if (expected.size() == shape.size())
      expected[*axis] = 0;
    if (!one || expected != shape || one->isInteger() != whole)
      return c.node.error("expected values that fit together");
  }
  int64_t inside = 1, outside = 1;
  for (size_t i = 0; i < shape.size(); ++i)
    if (i != *axis)
      (i < *axis ? outside : inside) *= shape[i];
  for (const Constant *one : c.operands) {
    shape[*axis] += one->shape()[*axis];
    if (!c.budget.spend(one->count()) || countElements(shape) < 0)
      return c.node.error("too many values to compute");
  }
  if (countElements(shape) == 0)
    outside = 0;
  for (int64_t o = 0; o < outside; ++o)
    for (const Constant *one : c.operands) {
      int64_t run = one->shape()[*axis] * inside;
      if (outside > 1 && !c.budget.spend(one->count()))
        return c.node.error("too many values to compute");
      if (whole) {
        auto values = one->integers();
        wholes.insert(wholes.end(), values.begin() + o * run,
                      values.begin() + (o + 1) * run);
      } else {
        auto values = one->reals();
        reals.insert(reals.end(), values.begin() + o * run,
                     values.begin() + (o + 1) * run);
      }
    }
  return std::vector{whole ? Constant::integers(shape, std::move(wholes))
                           : Constant::reals(shape, std::move(reals))};
}

static Folded foldSlice(const FoldContext &c) {
  const Constant &value = *c.operands[0];
  size_t rank = value.shape().size();
  for (size_t i = 1; i < c.operands.size(); ++i)
    if (c.operand(i))
      if (auto given = readIntegers(c.node, *c.operand(i)); !given)
        return given.error();
  auto list = [&](size_t i, llvm::StringRef name) {
    const Constant *operand = c.operand(i);
    return operand ? std::optional(operand->integers()) : c.node.integers(name);
  };
  auto starts = list(1, "starts"), ends = list(2, "ends"),
       steps = list(4, "steps");
  auto axes = readAxes(c.node, c.operand(3), rank);
  if (!axes)
    return axes.error();
  if (!starts || !ends || starts->size() != ends->size() ||
      (*axes && (*axes)->size() != starts->size()) || starts->size() > rank ||
      (steps && steps->size() != starts->size()))
    return c.node.error("expected as many starts, ends, axes and steps");
  Extents first(rank, 0), step(rank, 1), shape = value.shape();
  for (size_t i = 0; i < starts->size(); ++i) {
    size_t d = *axes ? (**axes)[i] : i;
    step[d] = std::max(steps ? (*steps)[i] : 1, -kMostElements);
    int64_t extent = shape[d];
    if (step[d] == 0)
      return c.node.error("expected a step other than 0");
    if (extent == 0)
      continue;
    // Backwards both bounds are one lower.
    int64_t back = step[d] < 0 ? 1 : 0;
    auto clamp = [&](int64_t at, int64_t least) {
      return std::clamp(at < 0 ? at + extent : at, least, extent - back);
    };
    first[d] = clamp((*starts)[i], 0);
    int64_t span = clamp((*ends)[i], -back) - first[d];
    span = back ? -span : span;
    shape[d] = span <= 0 ? 0 : (span - 1) / std::abs(step[d]) + 1;
  }
  return single(gathered(c, value, shape, [&](int64_t i) {
    Extents at = coordinates(i, shape);
    int64_t index = 0;
    for (size_t d = 0; d < rank; ++d)
      index = index * value.shape()[d] + first[d] + at[d] * step[d];
    return index;
  }));
}

/// Repeats along the batch need no values: what is the same for each picture
/// stays a constant for one.
static Folded foldExpand(const FoldContext &c) {
  if (!c.operand(0) || !c.operand(1))
    return c.node.error("expected a value and a shape");
  const Constant &value = *c.operands[0];
  auto wanted = readIntegers(c.node, *c.operand(1));
  if (!wanted)
    return wanted.error();
  Extents shape = *wanted;
  if (shape.size() < value.shape().size())
    shape.insert(shape.begin(), value.shape().size() - shape.size(), 1);
  for (size_t i = 0; i < shape.size(); ++i) {
    size_t lead = shape.size() - value.shape().size();
    int64_t own = i < lead ? 1 : value.shape()[i - lead];
    if (shape[i] == 1 || (i == 0 && own == 1 && shape[i] == c.batch))
      shape[i] = own;
    else if (own != 1 && own != shape[i])
      return c.node.error("cannot repeat " + shapeText(value.shape()) + " to " +
                          shapeText(shape));
  }
  return single(gathered(c, value, shape, [&](int64_t i) {
    return broadcastIndex(coordinates(i, shape), value.shape());
  }));
}

static Folded foldConstant(const FoldContext &c) {
  if (const auto *value = c.node.find("value"); value && value->has_t())
    return single(Constant::read(value->t(), c.model, c.external));
  if (auto whole = c.node.find("value_int"))
    return std::vector{Constant::integers({}, {whole->i()})};
  if (auto real = c.node.find("value_float"))
    return std::vector{Constant::reals({}, {real->f()})};
  if (auto list = c.node.integers("value_ints"))
    return std::vector{Constant::integers({int64_t(list->size())}, *list)};
  if (auto list = c.node.find("value_floats"))
    return std::vector{Constant::reals(
        {list->floats_size()}, {list->floats().begin(), list->floats().end()})};
  return c.node.error("expected a tensor or numbers");
}

static Folded foldConstantOfShape(const FoldContext &c) {
  auto wanted = readIntegers(c.node, *c.operand(0));
  if (!wanted)
    return wanted.error();
  Extents shape = *wanted;
  int64_t count = countElements(shape);
  if (!c.budget.spend(count))
    return c.node.error("too many values to compute");
  const auto *value = c.node.find("value");
  if (!value)
    return std::vector{Constant::reals(shape, std::vector<double>(count, 0))};
  auto fill = Constant::read(value->t(), c.model, c.external);
  if (!fill)
    return fill.error();
  if (fill->count() != 1)
    return c.node.error("expected one value");
  if (fill->isInteger())
    return std::vector{Constant::integers(
        shape, std::vector<int64_t>(count, fill->integers()[0]))};
  return std::vector{
      Constant::reals(shape, std::vector<double>(count, fill->reals()[0]))};
}

static Folded foldRange(const FoldContext &c) {
  if (c.operands.size() != 3 || llvm::is_contained(c.operands, nullptr))
    return c.node.error("expected a start, a limit and a step");
  for (const Constant *one : c.operands)
    if (one->count() != 1 || !one->isInteger())
      return c.node.error("expected integers");
  int64_t start = c.operands[0]->integers()[0];
  int64_t limit = c.operands[1]->integers()[0];
  int64_t step = c.operands[2]->integers()[0];
  constexpr int64_t kLarge = int64_t(1) << 40;
  auto small = [](int64_t n) { return n > -kLarge && n < kLarge; };
  if (step == 0 || !small(start) || !small(limit) || !small(step))
    return c.node.error("expected a step other than 0 and smaller numbers");
  int64_t span = step > 0 ? limit - start : start - limit;
  int64_t count = span <= 0 ? 0 : (span - 1) / std::abs(step) + 1;
  if (!c.budget.spend(count))
    return c.node.error("too many values to compute");
  std::vector<int64_t> values(count);
  for (int64_t i = 0; i < count; ++i)
    values[i] = start + i * step;
  return std::vector{Constant::integers({count}, std::move(values))};
}

static Folded foldIdentity(const FoldContext &c) {
  return std::vector{*c.operands[0]};
}

static Folded foldShape(const FoldContext &c) {
  Extents shape = c.operands[0]->shape();
  int64_t rank = int64_t(shape.size());
  auto bound = [&](llvm::StringRef name, int64_t otherwise) {
    int64_t at = c.node.integer(name, otherwise);
    return std::clamp<int64_t>(at < 0 ? at + rank : at, 0, rank);
  };
  int64_t start = bound("start", 0), end = bound("end", rank);
  Extents part(shape.begin() + start, shape.begin() + std::max(start, end));
  return std::vector{Constant::integers({int64_t(part.size())}, part)};
}

static Folded foldWhere(const FoldContext &c) {
  if (c.operands.size() != 3 || llvm::is_contained(c.operands, nullptr))
    return c.node.error("expected a condition and two values");
  const Constant &condition = *c.operands[0], &yes = *c.operands[1],
                 &no = *c.operands[2];
  if (condition.shape() != yes.shape() || yes.shape() != no.shape() ||
      yes.isInteger() != no.isInteger() || !condition.isInteger())
    return c.node.error("expected three values of one shape");
  if (!c.budget.spend(condition.count()))
    return c.node.error("too many values to compute");
  std::vector<int64_t> which = condition.integers();
  auto pick = [&](auto result, auto other) {
    for (size_t i = 0; i < result.size(); ++i)
      if (!which[i])
        result[i] = other[i];
    return result;
  };
  if (yes.isInteger())
    return std::vector{
        Constant::integers(yes.shape(), pick(yes.integers(), no.integers()))};
  return std::vector{
      Constant::reals(yes.shape(), pick(yes.reals(), no.reals()))};
}

FoldRule findShapeRule(llvm::StringRef op) {
  static const std::pair<llvm::StringLiteral, FoldRule> kRules[] = {
      {"Reshape", foldReshape},   {"Squeeze", foldSqueeze},
      {"Unsqueeze", foldSqueeze}, {"Transpose", foldTranspose},
      {"Gather", foldGather},     {"Concat", foldConcat},
      {"Slice", foldSlice},       {"Expand", foldExpand},
      {"Constant", foldConstant}, {"ConstantOfShape", foldConstantOfShape},
      {"Range", foldRange},       {"Identity", foldIdentity},
      {"Shape", foldShape},       {"Where", foldWhere}};
  for (auto [name, rule] : kRules)
    if (op == name)
      return rule;
  return nullptr;
}

} // namespace tl::onnx
