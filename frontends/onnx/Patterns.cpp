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

static bool isNear(std::optional<double> value, double wanted) {
  return value && std::abs(*value - wanted) <= 1e-5 * std::abs(wanted);
}

bool Importer::pattern(const Node &node) {
  if (!node.isOnnx())
    return false;
  if (node.op() == "Mul" || (node.op() == "Div" && number(node.input(1))))
    return productPattern(node);
  return node.op() == "Div" && layerNormPattern(node);
}

namespace {

/// The factors of a product, through the products and quotients before it: one
/// number, and what is no constant.
struct Factors {
  double number = 1;
  std::vector<std::string> rest;
};

} // namespace

/// x sigmoid(x); x hard_sigmoid(x), also as x relu6(x + 3) / 6; x (1 + erf(x /
/// sqrt 2)) / 2, in any order of the factors.
bool Importer::productPattern(const Node &node) {
  Factors factors;
  std::vector<const Node *> open{&node};
  for (int depth = 0; !open.empty(); ++depth) {
    const Node *one = open.back();
    open.pop_back();
    if (depth > 4)
      return false;
    for (size_t i : {0, 1}) {
      const std::string &name = one->input(i);
      bool divides = one->op() == "Div" && i == 1;
      const Node *before = producer(name);
      if (auto factor = number(name))
        factors.number *= divides ? 1 / *factor : *factor;
      else if (divides)
        return false;
      else if (before && before->isOnnx() &&
               (before->op() == "Mul" ||
                (before->op() == "Div" && number(before->input(1)))))
        open.push_back(before);
      else
        factors.rest.push_back(name);
    }
  }
  if (factors.rest.size() != 2)
    return false;
  for (size_t i : {0, 1}) {
    const std::string &x = factors.rest[i], &function = factors.rest[1 - i];
    const Node *last = producer(function);
    const Value *input = value(x);
    if (!last || !input || !last->isOnnx())
      continue;
    /// The node that makes the operand of a sum or a quotient with a number.
    auto other = [&](const Node *sum, const char *op, double wanted) {
      for (size_t j : {0, 1})
        if (sum && sum->op() == op && isNear(number(sum->input(1 - j)), wanted))
          return sum->input(j);
      return std::string();
    };
    ActivationKind kind = ActivationKind::None;
    const Node *erf = producer(other(last, "Add", 1));
    double hard = 1;
    if (last->op() == "Sigmoid" && last->input(0) == x) {
      kind = ActivationKind::Silu;
    } else if (last->op() == "HardSigmoid" && last->input(0) == x &&
               isNear(last->real("alpha", 0.2), 1.0 / 6) &&
               isNear(last->real("beta", 0.5), 0.5)) {
      kind = ActivationKind::HardSwish;
    } else if (last->op() == "Clip" &&
               other(producer(last->input(0)), "Add", 3) == x &&
               isNear(last->inputs() > 2 ? number(last->input(2))
                                         : last->real("max", 0),
                      6) &&
               (last->inputs() > 1 ? number(last->input(1))
                                   : last->real("min", 1)) == 0.0) {
      kind = ActivationKind::HardSwish;
      hard = 1.0 / 6;
    } else if (erf && erf->op() == "Erf") {
      const Node *inner = producer(erf->input(0));
      if (other(inner, "Div", std::sqrt(2.0)) == x ||
          other(inner, "Mul", std::sqrt(0.5)) == x) {
        kind = ActivationKind::Gelu;
        hard = 0.5;
      }
    }
    if (kind == ActivationKind::None || !isNear(factors.number, hard))
      continue;
    define(node, activate(node, *input, kind));
    return true;
  }
  return false;
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
