// Arithmetic on constants, with ONNX's (NumPy's) broadcasting. Integers stay
// int64 and wrap around; reals are computed in double and rounded to float32
// only where a layer reads them.
#include "frontends/onnx/Fold.h"

#include "frontends/weights/Message.h"

#include "llvm/ADT/StringSwitch.h"

#include <cmath>
#include <limits>

namespace tl::onnx {

Extents coordinates(int64_t index, const Extents &shape) {
  Extents at(shape.size());
  for (size_t i = shape.size(); i-- > 0;) {
    at[i] = index % shape[i];
    index /= shape[i];
  }
  return at;
}

int64_t broadcastIndex(const Extents &at, const Extents &shape) {
  size_t lead = at.size() - shape.size();
  int64_t index = 0;
  for (size_t i = 0; i < shape.size(); ++i)
    index = index * shape[i] + (shape[i] == 1 ? 0 : at[lead + i]);
  return index;
}

static Result<Extents> broadcastShape(const Node &node, const Extents &a,
                                      const Extents &b) {
  Extents shape(std::max(a.size(), b.size()), 1);
  for (const Extents *one : {&a, &b})
    for (size_t i = 0; i < one->size(); ++i) {
      int64_t &extent = shape[shape.size() - one->size() + i];
      if (extent != 1 && (*one)[i] != 1 && extent != (*one)[i])
        return node.error("the shapes " + weights::shapeText(a) + " and " +
                          weights::shapeText(b) + " do not broadcast");
      if (extent == 1)
        extent = (*one)[i];
    }
  return shape;
}

static std::optional<double> computeReal(llvm::StringRef op, double a,
                                         double b) {
  return llvm::StringSwitch<std::optional<double>>(op)
      .Case("Add", a + b)
      .Case("Sub", a - b)
      .Case("Mul", a * b)
      .Case("Div", a / b)
      .Case("Pow", std::pow(a, b))
      .Case("Max", std::max(a, b))
      .Case("Min", std::min(a, b))
      .Default(std::nullopt);
}

/// Two's complement, as in the frameworks; nothing where there is no quotient.
static std::optional<int64_t> computeWhole(llvm::StringRef op, int64_t a,
                                           int64_t b) {
  auto x = uint64_t(a), y = uint64_t(b);
  if (op == "Div" || op == "Mod") {
    if (b == 0 || (b == -1 && a == std::numeric_limits<int64_t>::min()))
      return std::nullopt;
    if (op == "Div")
      return a / b;
    int64_t rest = a % b; // takes the divisor's sign
    return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
  }
  if (op == "Pow") {
    double power = std::pow(double(a), double(b));
    if (!(std::abs(power) < 0x1p62))
      return std::nullopt;
    return int64_t(power);
  }
  return llvm::StringSwitch<std::optional<int64_t>>(op)
      .Case("Add", int64_t(x + y))
      .Case("Sub", int64_t(x - y))
      .Case("Mul", int64_t(x * y))
      .Case("Max", std::max(a, b))
      .Case("Min", std::min(a, b))
      .Case("Equal", a == b)
      .Case("Less", a < b)
      .Case("Greater", a > b)
      .Case("And", a && b)
      .Case("Or", a || b)
      .Default(std::nullopt);
}

namespace {

/// All places of a shape in order, and where each operand's element for it is.
struct Walk {
  Walk(const Extents &shape, std::array<Extents, 2> operands)
      : shape(shape), at(shape.size(), 0) {
    for (size_t k : {0, 1}) {
      steps[k].assign(shape.size(), 0);
      int64_t inside = 1;
      for (size_t i = operands[k].size(); i-- > 0;) {
        if (operands[k][i] != 1)
          steps[k][shape.size() - operands[k].size() + i] = inside;
        inside *= operands[k][i];
      }
    }
  }

  void step() {
    for (size_t i = shape.size(); i-- > 0;) {
      bool carries = ++at[i] == shape[i];
      for (size_t k : {0, 1})
        index[k] += carries ? (1 - shape[i]) * steps[k][i] : steps[k][i];
      if (!carries)
        return;
      at[i] = 0;
    }
  }

  std::array<int64_t, 2> index{0, 0};

private:
  const Extents &shape;
  Extents at, steps[2];
};

} // namespace

static Result<std::vector<Constant>> foldBinary(const FoldContext &c) {
  const Constant *a = c.operand(0), *b = c.operand(1);
  if (!a || !b || c.operands.size() != 2)
    return c.node.error("expected two operands");
  auto shape = broadcastShape(c.node, a->shape(), b->shape());
  if (!shape)
    return shape.error();
  int64_t count = countElements(*shape);
  if (!c.budget.spend(count))
    return c.node.error("too many values to compute");
  if (a->isInteger() != b->isInteger())
    return c.node.error("expected operands of one type");
  auto each = [&](auto values, auto compute) {
    auto x = values(*a), y = values(*b);
    decltype(x) result(count);
    Walk walk(*shape, {a->shape(), b->shape()});
    for (int64_t i = 0; i < count; ++i, walk.step()) {
      auto value = compute(c.node.op(), x[walk.index[0]], y[walk.index[1]]);
      if (!value)
        return decltype(x)();
      result[i] = *value;
    }
    return result;
  };
  if (a->isInteger()) {
    auto result =
        each([](const Constant &k) { return k.integers(); }, computeWhole);
    if (int64_t(result.size()) == count)
      return std::vector{Constant::integers(*shape, std::move(result))};
  } else {
    auto result =
        each([](const Constant &k) { return k.reals(); }, computeReal);
    if (int64_t(result.size()) == count)
      return std::vector{Constant::reals(*shape, std::move(result))};
  }
  return c.node.error("no value for these constants");
}

static Result<std::vector<Constant>> foldUnary(const FoldContext &c) {
  const Constant *operand = c.operand(0);
  if (!operand || !c.budget.spend(operand->count()))
    return c.node.error("expected an operand of fewer values");
  llvm::StringRef op = c.node.op();
  if (operand->isInteger()) {
    auto values = operand->integers();
    for (int64_t &value : values) {
      if (op == "Neg")
        value = int64_t(-uint64_t(value));
      else if (op == "Abs")
        value = value < 0 ? int64_t(-uint64_t(value)) : value;
      else if (op == "Not")
        value = !value;
      else
        return c.node.error("not known for integers");
    }
    return std::vector{Constant::integers(operand->shape(), std::move(values))};
  }
  auto values = operand->reals();
  for (double &value : values)
    value = llvm::StringSwitch<double>(op)
                .Case("Neg", -value)
                .Case("Abs", std::abs(value))
                .Case("Sqrt", std::sqrt(value))
                .Case("Reciprocal", 1 / value)
                .Case("Exp", std::exp(value))
                .Case("Floor", std::floor(value))
                .Case("Ceil", std::ceil(value))
                .Default(std::nan(""));
  return std::vector{Constant::reals(operand->shape(), std::move(values))};
}

static Result<std::vector<Constant>> foldCast(const FoldContext &c) {
  const Constant *operand = c.operand(0);
  int64_t to = c.node.integer("to", 0);
  if (!operand || !c.budget.spend(operand->count()))
    return c.node.error("expected an operand of fewer values");
  switch (to) {
  case pb::TensorProto::FLOAT:
  case pb::TensorProto::DOUBLE:
    return std::vector{Constant::reals(operand->shape(), operand->reals())};
  case pb::TensorProto::INT64:
  case pb::TensorProto::INT32:
  case pb::TensorProto::BOOL: {
    std::vector<int64_t> values;
    if (operand->isInteger())
      values = operand->integers();
    else
      for (double real : operand->reals()) {
        if (!(std::abs(real) < 0x1p62))
          return c.node.error("the value has no integer");
        values.push_back(to == pb::TensorProto::BOOL ? real != 0
                                                     : int64_t(real));
      }
    for (int64_t &value : values)
      if (to == pb::TensorProto::BOOL)
        value = value != 0;
      else if (to == pb::TensorProto::INT32)
        value = int32_t(value);
    return std::vector{Constant::integers(operand->shape(), std::move(values))};
  }
  default:
    return c.node.error("a cast of a constant to type " + std::to_string(to) +
                        " (TensorProto.DataType) is not supported");
  }
}

static FoldRule findRule(llvm::StringRef op) {
  for (llvm::StringRef name : {"Add", "Sub", "Mul", "Div", "Mod", "Pow", "Max",
                               "Min", "Equal", "Less", "Greater", "And", "Or"})
    if (op == name)
      return foldBinary;
  for (llvm::StringRef name :
       {"Neg", "Abs", "Sqrt", "Reciprocal", "Exp", "Floor", "Ceil", "Not"})
    if (op == name)
      return foldUnary;
  return op == "Cast" ? foldCast : findShapeRule(op);
}

bool isFoldable(llvm::StringRef op) { return findRule(op) != nullptr; }

Result<std::vector<Constant>> fold(const FoldContext &context) {
  if (!context.operand(0) && context.node.op() != "Constant")
    return context.node.error("expected an operand");
  return findRule(context.node.op())(context);
}

} // namespace tl::onnx
