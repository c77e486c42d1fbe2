// Functions that exporters write as several nodes, found at the last of them by
// looking back over the graph. What the nodes before it became is dropped if
// nothing else needs it.
#include "frontends/onnx/Importer.h"

#include <cmath>

namespace tl::onnx {

using nn::ActivationKind;

/// A constant that is one number.
std::optional<double> Importer::number(const std::string &name) const {
  const Constant *found = constant(name);
  return found ? found->scalar() : std::nullopt;
}

// Exporters write constants as float32, some of them with six digits.
static bool isNear(std::optional<double> value, double wanted) {
  return value && std::abs(*value - wanted) <= 1e-5 * std::abs(wanted);
}

static bool isNear(const Cubic &value, const Cubic &wanted) {
  for (size_t i = 0; i < value.size(); ++i)
    if (!isNear(value[i], wanted[i]))
      return false;
  return true;
}

static std::optional<Cubic> product(const Cubic &a, const Cubic &b) {
  Cubic result{};
  for (size_t i = 0; i < a.size(); ++i)
    for (size_t j = 0; j < b.size(); ++j) {
      double term = a[i] * b[j];
      if (term != 0 && i + j >= result.size())
        return std::nullopt;
      if (term != 0)
        result[i + j] += term;
    }
  return result;
}

bool Importer::pattern(const Node &node) {
  if (!node.isOnnx())
    return false;
  if (node.op() == "Mul" || (node.op() == "Div" && number(node.input(1))))
    return productPattern(node);
  return node.op() == "Div" && layerNormPattern(node);
}

/// The factors of a product: one number, and what is no constant. A factor that
/// is a product or a quotient itself is opened where its bit says so.
struct Importer::Factors {
  double number = 1;
  std::vector<std::string> rest;
  unsigned seen = 0; // products among the factors

  bool collect(const Importer &importer, const Node &node, unsigned opened);
};

constexpr unsigned kMostProducts = 4;

bool Importer::Factors::collect(const Importer &importer, const Node &node,
                                unsigned opened) {
  for (size_t i : {0, 1}) {
    const std::string &name = node.input(i);
    bool divides = node.op() == "Div" && i == 1;
    const Node *before = importer.producer(name);
    bool product =
        before && before->isOnnx() &&
        (before->op() == "Mul" ||
         (before->op() == "Div" && importer.number(before->input(1))));
    if (auto factor = importer.number(name))
      number *= divides ? 1 / *factor : *factor;
    else if (divides)
      return false;
    else if (product && seen < kMostProducts && (opened >> seen++ & 1)) {
      if (!collect(importer, *before, opened))
        return false;
    } else
      rest.push_back(name);
  }
  return rest.size() <= 2;
}

/// A gate times its own input, in any order of the factors; or relu6(x + 3) / 6
/// alone.
bool Importer::productPattern(const Node &node) {
  // The input may be a product too, which is none of ours.
  for (unsigned opened = 0; opened < 1u << kMostProducts; ++opened) {
    Factors factors;
    bool fits = factors.collect(*this, node, opened);
    if (fits && factors.rest.size() == 1 &&
        hardSigmoidPattern(node, factors.rest[0], factors.number))
      return true;
    for (size_t i : {0, 1}) {
      if (!fits || factors.rest.size() != 2)
        break;
      const std::string &x = factors.rest[i], &gate = factors.rest[1 - i];
      auto kind = recogniseGate(x, gate, factors.number);
      const Value *input = value(x);
      if (!kind || !input)
        continue;
      define(node, activate(node, *input, *kind));
      return true;
    }
    if (opened + 1 >= 1u << factors.seen)
      break;
  }
  return false;
}

/// The function x * factor * gate(x): with a sigmoid, a hard sigmoid (also as
/// relu6(x + 3) / 6), and GELU's two forms, x (1 + erf(x / sqrt 2)) / 2 and
/// x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2.
std::optional<ActivationKind> Importer::recogniseGate(const std::string &x,
                                                      const std::string &gate,
                                                      double factor) const {
  const Node *last = producer(gate);
  if (!last || !last->isOnnx())
    return std::nullopt;
  if (last->op() == "Sigmoid" && last->input(0) == x && isNear(factor, 1))
    return ActivationKind::Silu;
  if (last->op() == "HardSigmoid" && last->input(0) == x && isNear(factor, 1) &&
      isNear(last->real("alpha", 0.2), 1.0 / 6) &&
      isNear(last->real("beta", 0.5), 0.5))
    return ActivationKind::HardSwish;
  if (last->op() == "Clip" && isHardSigmoid(*last, x, factor))
    return ActivationKind::HardSwish;
  if (last->op() != "Add" || !isNear(factor, 0.5))
    return std::nullopt;
  size_t one = isNear(number(last->input(0)), 1) ? 0 : 1;
  const Node *function = producer(last->input(1 - one));
  if (!isNear(number(last->input(one)), 1) || !function || !function->isOnnx())
    return std::nullopt;
  auto inner = polynomial(function->input(0), x);
  if (!inner)
    return std::nullopt;
  double root = std::sqrt(2 / M_PI);
  if (function->op() == "Erf" && isNear(*inner, {0, std::sqrt(0.5), 0, 0}))
    return ActivationKind::Gelu;
  if (function->op() == "Tanh" && isNear(*inner, {0, root, 0, root * 0.044715}))
    return ActivationKind::GeluTanh;
  return std::nullopt;
}

/// True for factor * clip = min(max(x / 6 + 1 / 2, 0), 1).
bool Importer::isHardSigmoid(const Node &clip, const std::string &x,
                             double factor) const {
  auto low = clip.inputs() > 1 ? number(clip.input(1)) : clip.real("min", -1);
  auto high = clip.inputs() > 2 ? number(clip.input(2)) : clip.real("max", 0);
  auto inner = polynomial(clip.input(0), x);
  if (low != 0.0 || !high || !isNear(*high * factor, 1) || !inner)
    return false;
  for (double &coefficient : *inner)
    coefficient *= factor;
  return isNear(*inner, {0.5, 1.0 / 6, 0, 0});
}

/// The last product of a hard sigmoid that stands alone.
bool Importer::hardSigmoidPattern(const Node &node, const std::string &name,
                                  double factor) {
  const Node *clip = producer(name);
  const Node *sum = clip ? producer(clip->input(0)) : nullptr;
  if (!sum || !clip->isOnnx() || clip->op() != "Clip")
    return false;
  for (size_t i : {0, 1}) {
    const Value *input = value(sum->input(i));
    if (!input || !isHardSigmoid(*clip, sum->input(i), factor))
      continue;
    define(node, activate(node, *input, ActivationKind::HardSigmoid));
    return true;
  }
  return false;
}

/// What sums, products and powers before a value make of x; nothing if they are
/// no polynomial of x of degree 3.
std::optional<Cubic> Importer::polynomial(const std::string &name,
                                          const std::string &x,
                                          int depth) const {
  constexpr int kDeepest = 6; // the chain of GELU's tanh form has 5
  if (name == x)
    return Cubic{0, 1, 0, 0};
  if (auto whole = number(name))
    return Cubic{*whole, 0, 0, 0};
  const Node *node = producer(name);
  if (!node || !node->isOnnx() || node->inputs() != 2 || depth == kDeepest)
    return std::nullopt;
  auto a = polynomial(node->input(0), x, depth + 1);
  auto b = polynomial(node->input(1), x, depth + 1);
  if (!a || !b)
    return std::nullopt;
  bool byNumber = number(node->input(1)).has_value();
  if (node->op() == "Add") {
    for (size_t i = 0; i < a->size(); ++i)
      (*a)[i] += (*b)[i];
    return a;
  }
  if (node->op() == "Mul")
    return product(*a, *b);
  if (node->op() == "Div" && byNumber)
    return product(*a, {1 / (*b)[0], 0, 0, 0});
  if (node->op() == "Pow" && byNumber && (*b)[0] == 2)
    return product(*a, *a);
  if (node->op() == "Pow" && byNumber && (*b)[0] == 3)
    if (auto square = product(*a, *a))
      return product(*square, *a);
  return std::nullopt;
}

/// (x - mean(x)) / sqrt(mean((x - mean(x))^2) + epsilon) over the last
/// dimension. The scale and the shift behind it are taken up where they are
/// applied (Scale.cpp).
bool Importer::layerNormPattern(const Node &node) {
  auto is = [](const Node *one, const char *op) {
    return one && one->isOnnx() && one->op() == op;
  };
  const Node *difference = producer(node.input(0));
  const Node *root = producer(node.input(1));
  if (!is(difference, "Sub") || !is(root, "Sqrt"))
    return false;
  const Value *x = value(difference->input(0));
  if (!x || x->layout.rank() < 2)
    return false;
  size_t last = x->layout.rank() - 1;
  auto isMean = [&](const Node *mean) {
    if (!is(mean, "ReduceMean") || mean->integer("keepdims", 1) == 0)
      return false;
    auto axes = readAxes(*mean, constant(mean->input(1)), last + 1);
    return axes && *axes && **axes == std::vector<size_t>{last};
  };
  const Node *mean = producer(difference->input(1));
  const Node *sum = producer(root->input(0));
  if (!isMean(mean) || mean->input(0) != difference->input(0) ||
      !is(sum, "Add") || !number(sum->input(1)))
    return false;
  const Node *variance = producer(sum->input(0));
  const Node *square =
      isMean(variance) ? producer(variance->input(0)) : nullptr;
  bool squares = (is(square, "Pow") && number(square->input(1)) == 2.0) ||
                 (is(square, "Mul") && square->input(0) == square->input(1));
  // Some exporters write the difference twice.
  const Node *again = squares ? producer(square->input(0)) : nullptr;
  double epsilon = *number(sum->input(1));
  if (!is(again, "Sub") || again->input(0) != difference->input(0) ||
      !isMean(producer(again->input(1))) ||
      producer(again->input(1))->input(0) != difference->input(0) ||
      !(epsilon > 0) || !x->layout.isInnermost(last, true))
    return false;
  define(node, normalise(node, *x, epsilon, Reader(), Reader()));
  return true;
}

} // namespace tl::onnx
