// Kernels of training steps against the interpreter: softmax, losses, sums
// over the batch.
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

/// Optional operands of a loss, from %a2 on, and their types.
struct LossOperands {
  std::string text;
  std::vector<std::string> types;
};
std::vector<LossOperands> lossOperands() {
  std::string weights = "tensor<?xf32>", labels = "tensor<?xi32>";
  return {{"", {}},
          {" weights %a2", {weights}},
          {" mix %a2 by %a3", {labels, weights}},
          {" weights %a2 mix %a3 by %a4", {weights, labels, weights}}};
}

/// Logits and labels, then other labels, and weights between 0 and 1.
std::function<Array(unsigned, int64_t)>
lossArguments(int classes, const LossOperands &operands) {
  return [=](unsigned index, int64_t elements) {
    if (index < 2)
      return logits(classes)(index, elements);
    Array values = randomArray(elements, index + 1);
    bool labels = operands.types[index - 2] == "tensor<?xi32>";
    for (size_t i = 0; i < values.size(); ++i)
      values[i] =
          labels ? float((i * 7 + 1) % classes) : 0.5f + 0.5f * values[i];
    return values;
  };
}

/// A loss and its gradient with each set of operands, for one smoothing.
void checkLoss(const std::string &loss, int classes, int outputs,
               const std::string &smoothing, Tolerance value,
               Tolerance gradient) {
  for (const LossOperands &operands : lossOperands()) {
    std::string rest =
        " %a0, %a1" + operands.text + " {label_smoothing = " + smoothing + "}";
    std::vector<std::string> types = {picture({outputs}), "tensor<?xi32>"};
    types.insert(types.end(), operands.types.begin(), operands.types.end());
    auto fill = lossArguments(classes, operands);
    expectAgreesWithInterpreter(
        {loss + rest, types, "tensor<?xf32>", value, false, "", fill});
    expectAgreesWithInterpreter({loss + "_grad" + rest, types,
                                 picture({outputs}), gradient, true, "", fill});
  }
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
    for (std::string smoothing : {"0.0", "0.1"})
      checkLoss("nn.softmax_cross_entropy", classes, classes, smoothing,
                {4e-6, 1e-14}, {1e-6, 4e-6});
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
  for (std::string smoothing : {"0.0", "0.1"})
    checkLoss("nn.sigmoid_cross_entropy", 2, 1, smoothing, {1e-6, 0},
              {1e-6, 1e-7});
}

// More pictures than one vector holds: whole vectors and the rest agree.
TEST(SigmoidCrossEntropy, LargeBatch) {
  LossOperands operands = lossOperands().back();
  std::string types = picture({1}) + ", tensor<?xi32>, tensor<?xf32>, "
                                     "tensor<?xi32>, tensor<?xf32>";
  Program program(Program::kernel(
      "%a0: " + picture({1}) +
          ", %a1: tensor<?xi32>, %a2: tensor<?xf32>, "
          "%a3: tensor<?xi32>, %a4: tensor<?xf32>",
      "%y = nn.sigmoid_cross_entropy %a0, %a1" + operands.text + " : (" +
          types + ") -> tensor<?xf32>\nrt.return %y : tensor<?xf32>"));
  std::vector<Array> all;
  for (unsigned index = 0; index < 5; ++index)
    all.push_back(lossArguments(2, operands)(index, 53));
  auto alone = [&](size_t n) {
    std::vector<Array> one;
    for (const Array &values : all)
      one.push_back({values[n]});
    return one;
  };
  for (const cpu::Isa *isa : runnableIsas()) {
    auto together = run(program, *isa, 53, all);
    for (size_t n : {20, 52})
      EXPECT_EQ(together[0][n], run(program, *isa, 1, alone(n))[0][0]);
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
} // namespace
