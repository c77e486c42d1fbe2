// Kernels of training steps against the interpreter: softmax, losses, sums
// over the batch, optimizer updates.
#include "test/unit/kernels/Oracle.h"

#include <gtest/gtest.h>

#include <cmath>

using namespace tl;
using namespace tl::test;

namespace {
/// Logits from -30 to 30 as argument 0, labels as argument 1.
std::function<Array(unsigned, int64_t)> logits(int classes) {
  return [classes](unsigned index, int64_t elements) {
    Array values = randomArray(elements, index + 1);
    for (size_t i = 0; i < values.size(); ++i)
      values[i] = index == 0 ? values[i] * 30 : float(i * 5 % classes);
    return values;
  };
}

// Exponentials good to 2 units, a sum of up to 1000 of them, a division; the
// difference to the maximum rounds at 60: 60 * 6e-8 of the value.
TEST(Softmax, AgreesWithInterpreter) {
  for (int classes : {1, 2, 3, 17, 1000})
    expectAgreesWithInterpreter({"nn.softmax %a0",
                                 {picture({classes})},
                                 picture({classes}),
                                 {6e-6, 1e-37},
                                 false,
                                 "",
                                 logits(2)});
  expectAgreesWithInterpreter({"nn.softmax %a0",
                               {picture({3, 5, 3}, "1, 0, 2, 1")},
                               picture({3, 5, 3}, "0, 2, 1, 3"),
                               {1e-6, 0}});
}

// Equal logits of any size share the probability.
TEST(Softmax, LargeLogits) {
  std::string type = picture({3});
  Program program(
      Program::kernel("%x: " + type, "%y = nn.softmax %x : (" + type + ") -> " +
                                         type + "\nrt.return %y : " + type));
  for (const cpu::Isa *isa : runnableIsas()) {
    auto y = run(program, *isa, 2, {{3e38f, 3e38f, 0, -3e38f, -3e38f, -3e38f}});
    ASSERT_EQ(y.size(), 1u);
    Array expected = {0.5f, 0.5f, 0, 1 / 3.0f, 1 / 3.0f, 1 / 3.0f};
    for (int i = 0; i < 6; ++i)
      EXPECT_FLOAT_EQ(y[0][i], expected[i]);
  }
}

// A sum of 1000 products below 1, in partial sums of at most 250: 1e-5.
TEST(SoftmaxGrad, AgreesWithInterpreter) {
  for (int classes : {1, 2, 3, 17, 1000})
    expectAgreesWithInterpreter({"nn.softmax_grad %a0, %a1",
                                 {picture({classes}), picture({classes})},
                                 picture({classes}),
                                 {1e-6, 1e-5}});
}

// Terms of one sign, each good to a few units of differences that round at 60:
// 4e-6 of the loss, however small. (Below 1e-14 it is the interpreter, in
// double, that loses e^-40 beside 1.) A gradient subtracts the target from a
// probability as good as that.
TEST(SoftmaxCrossEntropy, AgreesWithInterpreter) {
  for (int classes : {2, 3, 17, 1000})
    for (std::string smoothing : {"0.0", "0.1"}) {
      std::string attributes =
          " %a0, %a1 {label_smoothing = " + smoothing + "}";
      std::vector<std::string> types = {picture({classes}), "tensor<?xi32>"};
      expectAgreesWithInterpreter({"nn.softmax_cross_entropy" + attributes,
                                   types,
                                   "tensor<?xf32>",
                                   {4e-6, 1e-14},
                                   false,
                                   "",
                                   logits(classes)});
      expectAgreesWithInterpreter({"nn.softmax_cross_entropy_grad" + attributes,
                                   types,
                                   picture({classes}),
                                   {1e-6, 4e-6},
                                   true,
                                   "",
                                   logits(classes)});
    }
}

// A confident right answer still has its small loss, and a hopeless one its
// large one: no e^-20 is lost in 1 + e^-20, nothing overflows.
TEST(SoftmaxCrossEntropy, ExtremeLogits) {
  std::string type = picture({2});
  Program program(Program::kernel(
      "%z: " + type + ", %t: tensor<?xi32>",
      "%y = nn.softmax_cross_entropy %z, %t : (" + type +
          ", tensor<?xi32>) -> tensor<?xf32>\nrt.return %y : tensor<?xf32>"));
  for (const cpu::Isa *isa : runnableIsas()) {
    auto y = run(program, *isa, 4,
                 {{20, 0, 0, 1e6, 7, 7, 1e38f, -1e38f}, {0, 0, 1, 1}});
    ASSERT_EQ(y.size(), 1u);
    EXPECT_FLOAT_EQ(y[0][0], std::log1p(std::exp(-20.0)));
    EXPECT_FLOAT_EQ(y[0][1], 1e6f);
    EXPECT_FLOAT_EQ(y[0][2], std::log(2.0));
    EXPECT_FLOAT_EQ(y[0][3], 2e38f);
  }
}

TEST(SigmoidCrossEntropy, AgreesWithInterpreter) {
  for (std::string smoothing : {"0.0", "0.1"}) {
    std::string attributes = " %a0, %a1 {label_smoothing = " + smoothing + "}";
    std::vector<std::string> types = {picture({1}), "tensor<?xi32>"};
    expectAgreesWithInterpreter({"nn.sigmoid_cross_entropy" + attributes,
                                 types,
                                 "tensor<?xf32>",
                                 {1e-6, 0},
                                 false,
                                 "",
                                 logits(2)});
    expectAgreesWithInterpreter({"nn.sigmoid_cross_entropy_grad" + attributes,
                                 types,
                                 picture({1}),
                                 {1e-6, 1e-7},
                                 true,
                                 "",
                                 logits(2)});
  }
}

// More pictures than one vector holds: whole vectors and the rest agree.
TEST(SigmoidCrossEntropy, LargeBatch) {
  std::string type = picture({1});
  Program program(Program::kernel(
      "%z: " + type + ", %t: tensor<?xi32>",
      "%y = nn.sigmoid_cross_entropy %z, %t : (" + type +
          ", tensor<?xi32>) -> tensor<?xf32>\nrt.return %y : tensor<?xf32>"));
  Array z = logits(2)(0, 53), t = logits(2)(1, 53);
  for (const cpu::Isa *isa : runnableIsas()) {
    auto together = run(program, *isa, 53, {z, t});
    auto alone = run(program, *isa, 1, {{z[20]}, {t[20]}});
    auto last = run(program, *isa, 1, {{z[52]}, {t[52]}});
    EXPECT_EQ(together[0][20], alone[0][0]);
    EXPECT_EQ(together[0][52], last[0][0]);
  }
}

// Chains of up to 40 + 40 + 7 additions, each rounding a sum below 64 by at
// most 2e-6.
TEST(BiasGrad, AgreesWithInterpreter) {
  auto check = [](const std::string &in, int64_t channels) {
    expectAgreesWithInterpreter({"nn.bias_grad %a0",
                                 {in},
                                 "tensor<" + std::to_string(channels) + "xf32>",
                                 {0, 87 * 2e-6}});
  };
  check(picture({1}), 1);
  check(picture({3}), 3);
  check(picture({17}), 17);
  check(picture({64}), 64);
  check(picture({131}), 131);
  check(picture({5, 3, 17}, "1, 0, 2, 1"), 17);
  check(picture({40, 40, 3}), 3);
}

/// A case of nn.update on a parameter of the type, all results in place.
void checkUpdate(const std::string &optimizer, int slots,
                 const std::string &type) {
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
  unsigned gradient = slots + 1, step = slots + 2;
  c.operation += ") by %a" + std::to_string(gradient) + " at %a" +
                 std::to_string(step) + " {optimizer = #nn.optimizer<" +
                 optimizer + ">}";
  c.types.insert(c.types.end(), {type, "tensor<16xi32>"});
  c.result = slots ? "(" + results + ")" : results;
  c.attributes = "in_place = array<i64: " + pairs + ">";
  // About six roundings of values of order 1; adam's step is about
  // lr sqrt(c2)/c1 m / sqrt(v), with v at least 0.01 here: below 1.
  c.tolerance = {1e-6, 1e-6};
  c.fill = [=](unsigned index, int64_t elements) {
    if (index == step)
      return stepArray(exampleStep());
    Array values = randomArray(elements, index + 1);
    if (index >= 1 && index == gradient - 1) // mean squares
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

// One element, other forms, several tiles with a remainder.
TEST(Update, Shapes) {
  checkUpdate("adam, keras, {}", 2, "tensor<1xf32>");
  checkUpdate("adam, keras, {}", 2, "tensor<17x3xf32, #nn.form<rows>>");
  checkUpdate("adam, keras, {}", 2, "tensor<3x3x2x3xf32>");
  checkUpdate("sgd, keras, {}", 0, "tensor<16391x3xf32>");
}
} // namespace
