// Clipping and optimizer updates against the interpreter.
#include "test/unit/kernels/Oracle.h"

#include <gtest/gtest.h>

#include <cmath>

using namespace tl;
using namespace tl::test;

namespace {
/// A case of nn.update on a parameter of the type, all results in place; with
/// `clipped` the gradient is scaled and the rate is the backbone's.
void checkUpdate(const std::string &optimizer, int slots,
                 const std::string &type, bool clipped = false) {
  KernelCase c;
  c.operation = "nn.update %a0 slots(";
  c.types = {type};
  std::string results = type, pairs = "0, 0";
  for (int i = 1; i <= slots; ++i) {
    std::string number = std::to_string(i);
    c.operation += (i > 1 ? ", %a" : "%a") + number;
    c.types.push_back(type);
    results += ", " + type;
    pairs += ", " + number + ", " + number;
  }
  unsigned gradient = slots + 1, step = slots + (clipped ? 3 : 2);
  c.operation += ") by %a" + std::to_string(gradient);
  c.types.push_back(type);
  if (clipped) {
    c.operation += " scaled %a" + std::to_string(slots + 2);
    c.types.push_back("tensor<1xf32>");
  }
  c.operation += " at %a" + std::to_string(step) +
                 " {optimizer = #nn.optimizer<" + optimizer +
                 ">, rate = " + (clipped ? "1" : "0") + "}";
  c.types.push_back("tensor<16xi32>");
  c.result = slots ? "(" + results + ")" : results;
  c.attributes = "in_place = array<i64: " + pairs + ">";
  // About six roundings of values of order 1; adam's step is about
  // lr sqrt(c2)/c1 m / sqrt(v), with v at least 0.01 here: below 1.
  c.tolerance = {1e-6, 1e-6};
  c.fill = [=](unsigned index, int64_t elements) {
    if (index == step)
      return stepArray(exampleStep());
    Array values = randomArray(elements, index + 1);
    if (index >= 1 && index < gradient) // mean squares among them
      for (float &value : values)
        value = std::fabs(value) + 0.01f;
    return values;
  };
  expectAgreesWithInterpreter(c);
}

// Every rule in both conventions, on a parameter in panels whose padding must
// stay zero.
TEST(Update, EveryRule) {
  std::string type = "tensor<5x17xf32, #nn.form<panels>>";
  for (std::string convention : {"keras", "torch"}) {
    checkUpdate("sgd, " + convention + ", {}", 0, type);
    checkUpdate("sgd, " + convention + ", {momentum = 0.9}", 1, type);
    checkUpdate("sgd, " + convention + ", {momentum = 0.9, nesterov}", 1, type);
    checkUpdate("rmsprop, " + convention + ", {}", 1, type);
    checkUpdate("adam, " + convention + ", {}", 2, type);
    checkUpdate("adamw, " + convention + ", {weight_decay = 0.5}", 2, type);
  }
}

// The same rules with everything around them: a clipped gradient, the
// backbone's rate, decay and an average in a slot after the rule's own.
TEST(Update, ClippedDecayedAveraged) {
  std::string type = "tensor<5x17xf32, #nn.form<panels>>";
  std::string rest = "weight_decay = 0.5, ema = 0.75}";
  for (std::string convention : {"keras", "torch"}) {
    auto check = [&](std::string rule, int slots, std::string constants) {
      checkUpdate(rule + ", " + convention + ", {" + constants + rest, slots,
                  type, /*clipped=*/true);
    };
    check("sgd", 1, "");
    check("sgd", 2, "momentum = 0.9, ");
    check("sgd", 2, "momentum = 0.9, nesterov, ");
    check("rmsprop", 2, "");
    check("adam", 3, "");
    check("adamw", 3, "");
  }
}

// One element, other forms, several tiles with a remainder.
TEST(Update, Shapes) {
  checkUpdate("adam, keras, {}", 2, "tensor<1xf32>");
  checkUpdate("adam, keras, {}", 2, "tensor<17x3xf32, #nn.form<rows>>");
  checkUpdate("adam, keras, {}", 2, "tensor<3x3x2x3xf32>");
  checkUpdate("sgd, keras, {}", 0, "tensor<16391x3xf32>");
}

// In double, rounded once. Panels and rows, one element, chunks that are full,
// one element longer and cut within a panel.
TEST(SumSquares, AgreesWithInterpreter) {
  auto check = [](const std::string &type, int64_t sums) {
    expectAgreesWithInterpreter({"nn.sum_squares %a0",
                                 {type},
                                 "tensor<" + std::to_string(sums) + "xf32>",
                                 {6e-8, 0}});
  };
  check("tensor<1xf32>", 1);
  check("tensor<7xf32>", 1);
  check("tensor<5x17xf32, #nn.form<panels>>", 1);
  check("tensor<17x3xf32, #nn.form<rows>>", 1);
  check("tensor<256x256xf32>", 1);
  check("tensor<65537xf32>", 2);
  check("tensor<3x3x100x90xf32, #nn.form<panels>>", 2);
  check("tensor<20000x7xf32, #nn.form<rows>>", 3);
}

// A root and a quotient in double, rounded once, for norms above and below the
// largest.
TEST(ClipScale, AgreesWithInterpreter) {
  auto fill = [](unsigned index, int64_t elements) {
    Array values = randomArray(elements, index + 1);
    for (float &value : values)
      value = std::fabs(value);
    return values;
  };
  for (std::string norm : {"0.125", "1000.0"})
    for (std::string rule : {"", ", torch"})
      expectAgreesWithInterpreter(
          {"nn.clip_scale %a0, %a1, %a2 {max_norm = " + norm + rule + "}",
           {"tensor<1xf32>", "tensor<37xf32>", "tensor<2xf32>"},
           "tensor<1xf32>",
           {6e-8, 0},
           false,
           "",
           fill});
}

// A broken gradient is not clipped into a sound one.
TEST(ClipScale, NaNGoesThrough) {
  for (std::string rule : {"", ", torch"}) {
    Program program(Program::kernel(
        "%s: tensor<2xf32>", "%c = nn.clip_scale %s {max_norm = 1.0" + rule +
                                 "} : (tensor<2xf32>) -> tensor<1xf32>\n"
                                 "rt.return %c : tensor<1xf32>"));
    for (const cpu::Isa *isa : runnableIsas())
      EXPECT_TRUE(std::isnan(run(program, *isa, 1, {{1, NAN}})[0][0]));
  }
}
} // namespace
