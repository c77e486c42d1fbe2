// The polynomials of VectorMath against libm in double, through nn.activation.
#include "dialects/NN/Activation.h"
#include "test/unit/kernels/Harness.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

using namespace tl;
using namespace tl::test;

namespace {
/// Values over the whole range: dense near zero, wide, and the special ones.
Array inputs() {
  Array x;
  for (int i = -4000; i <= 4000; ++i) {
    x.push_back(i / 256.0f);
    x.push_back(std::ldexp(i < 0 ? -1.37f : 1.37f, std::abs(i) % 60 - 52));
    x.push_back(i / 32.0f);
  }
  for (float special : {0.0f, -0.0f, 1e-40f, -1e-40f, 3e38f, -3e38f})
    x.push_back(special);
  return x;
}

/// |found - exact| in units of the last place of the exact value.
double ulps(float found, double exact) {
  float rounded = float(exact);
  double unit = std::nextafter(std::fabs(rounded),
                               std::numeric_limits<float>::infinity()) -
                std::fabs(rounded);
  return std::fabs(found - exact) / unit;
}

struct Case {
  const char *activation;
  double limit;    ///< ulp
  double absolute; ///< or this error, where a formula cancels
};

class Activations : public testing::TestWithParam<Case> {};

TEST_P(Activations, AgreeWithLibm) {
  Array x = inputs();
  std::string type = "tensor<?x" + std::to_string(x.size()) + "xf32>";
  Program program(Program::kernel(
      "%x: " + type,
      std::string("%y = nn.activation %x {activation = #nn.act<") +
          GetParam().activation + ">} : (" + type + ") -> " + type +
          "\nrt.return %y : " + type));
  auto activation =
      mlir::cast<nn::ActivationOp>(program.kernel().getComputation())
          .getActivation();
  for (const cpu::Isa *isa : runnableIsas()) {
    std::vector<Array> y = run(program, *isa, 1, {x});
    ASSERT_EQ(y.size(), 1u);
    double worst = 0;
    for (size_t i = 0; i < x.size(); ++i) {
      double exact = nn::evaluateActivation(activation, x[i]);
      if (std::fabs(y[0][i] - exact) <= GetParam().absolute)
        continue;
      double error = ulps(y[0][i], exact);
      ASSERT_LE(error, GetParam().limit)
          << isa->name.str() << " at " << x[i] << ": " << y[0][i];
      worst = std::max(worst, error);
    }
    RecordProperty(std::string(isa->name) + "_ulp", std::to_string(worst));
  }
}

// hard_*, gelu and silu round a product or a sum once more; far below zero
// gelu is 2 to a rounded power, where only the absolute error counts.
INSTANTIATE_TEST_SUITE_P(
    All, Activations,
    testing::Values(Case{"relu", 0, 0}, Case{"relu6", 0, 0},
                    Case{"leaky_relu, 1.000000e-01", 1, 0},
                    Case{"sigmoid", 3, 1e-37}, Case{"tanh", 2.5, 0},
                    Case{"silu", 3.5, 1e-37}, Case{"gelu", 3, 1e-7},
                    Case{"hard_sigmoid", 1.5, 1e-7},
                    Case{"hard_swish", 2, 1e-7},
                    Case{"elu, 1.000000e+00", 2, 0},
                    // Far below zero the sigmoid of a rounded argument.
                    Case{"gelu_tanh", 4, 3e-7}),
    [](const auto &info) {
      std::string name = info.param.activation;
      return name.substr(0, name.find(','));
    });

// A NaN that a layer makes must reach the loss, where it stops the run.
TEST(Activations, PropagateNaN) {
  for (const char *kind : {"relu", "relu6", "sigmoid", "tanh", "gelu", "silu",
                           "gelu_tanh", "hard_swish", "hard_sigmoid"}) {
    Program program(Program::kernel(
        "%x: tensor<?x3xf32>",
        std::string("%y = nn.activation %x {activation = #nn.act<") + kind +
            ">} : (tensor<?x3xf32>) -> tensor<?x3xf32>\n"
            "rt.return %y : tensor<?x3xf32>"));
    for (const cpu::Isa *isa : runnableIsas()) {
      auto y = run(program, *isa, 1, {{1, NAN, -1}});
      ASSERT_EQ(y.size(), 1u);
      EXPECT_FALSE(std::isnan(y[0][0])) << kind;
      EXPECT_TRUE(std::isnan(y[0][1])) << kind;
    }
  }
}

// The halo of the result is zero though its memory held NaN.
TEST(Activations, ZeroTheHalo) {
  std::string in = "tensor<?x5x3x7xf32, #nn.halo<1, 0, 2, 1>>";
  std::string out = "tensor<?x5x3x7xf32, #nn.halo<2, 1, 0, 3>>";
  Program program(Program::kernel(
      "%x: " + in, "%y = nn.activation %x {activation = #nn.act<relu>} : (" +
                       in + ") -> " + out + "\nrt.return %y : " + out));
  Array x = randomArray(3 * 5 * 3 * 7, 1);
  for (const cpu::Isa *isa : runnableIsas()) {
    auto y = run(program, *isa, 3, {x});
    ASSERT_EQ(y.size(), 1u);
    for (size_t i = 0; i < x.size(); ++i)
      ASSERT_EQ(y[0][i], std::max(x[i], 0.0f));
  }
}
} // namespace
