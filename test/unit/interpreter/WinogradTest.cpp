// Winograd's convolutions by their matrices against the convolution that they
// stand for.
#include "test/unit/interpreter/Program.h"

#include "dialects/NN/Winograd.h"

namespace tl {
namespace {

// Lavin and Gray's matrices for the points 0, +-1, +-2 have first rows
// (4, 0, -5, 0, 1, 0) and 1/4: here the same polynomials of 3/4 and 3/2.
TEST(Winograd, Matrices) {
  constexpr auto b = nn::winograd::inputMatrix();
  EXPECT_EQ(b[0], (std::array<double, 6>{81. / 64, 0, -45. / 16, 0, 1, 0}));
  EXPECT_EQ(b[5], (std::array<double, 6>{0, 81. / 64, 0, -45. / 16, 0, 1}));
  EXPECT_DOUBLE_EQ(nn::winograd::filterMatrix()[0][0], 64. / 81);
}

// Exact algebra: only rounding of double is left. A map of unequal sides, one
// row and two columns over, lopsided pads, bias, residual and activation.
TEST(Winograd, IsTheConvolution) {
  std::mt19937 rng(3);
  NNValue x = randomValue({2, 4, 5, 3}, rng),
          w = randomValue({3, 3, 3, 2}, rng);
  NNValue b = randomValue({2}, rng), r = randomValue({2, 5, 6, 2}, rng);
  std::string rest = " residual %a3 {pads = array<i64: 1, 2, 0, 3>, "
                     "activation = #nn.act<relu>}";
  std::string xType = "tensor<?x4x5x3xf32>", yType = "tensor<?x5x6x2xf32>";
  NNValue direct =
      evaluate("nn.conv2d %a0, %a1, %a2" + rest,
               {xType, "tensor<3x3x3x2xf32>", "tensor<2xf32>", yType}, yType,
               {x, w, b, r});
  NNValue u = evaluate("nn.winograd_filter %a0", {"tensor<3x3x3x2xf32>"},
                       "tensor<36x3x2xf32>", {w});
  NNValue winograd =
      evaluate("nn.winograd_conv2d %a0, %a1, %a2" + rest,
               {xType, "tensor<36x3x2xf32>", "tensor<2xf32>", yType}, yType,
               {x, u, b, r});
  expectValues(winograd, direct.data);
}

// Pooled, it is the maximum pool of that: an odd map, whose last row and column
// fill no window, with what comes before pooling.
TEST(Winograd, PooledIsThePoolOfTheConvolution) {
  std::mt19937 rng(5);
  NNValue x = randomValue({2, 5, 7, 3}, rng), u = randomValue({36, 3, 2}, rng);
  NNValue b = randomValue({2}, rng), r = randomValue({2, 5, 7, 2}, rng);
  auto conv = [&](const std::string &attribute, const std::string &type) {
    std::string map = "tensor<?x5x7x2xf32>";
    return evaluate(
        "nn.winograd_conv2d %a0, %a1, %a2 residual %a3 {pads = "
        "array<i64: 1, 1, 1, 1>, activation = #nn.act<silu>" +
            attribute + "}",
        {"tensor<?x5x7x3xf32>", "tensor<36x3x2xf32>", "tensor<2xf32>", map},
        type, {x, u, b, r});
  };
  NNValue pool =
      evaluate("nn.max_pool %a0 {window = array<i64: 2, 2>, strides = "
               "array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>}",
               {"tensor<?x5x7x2xf32>"}, "tensor<?x2x3x2xf32>",
               {conv("", "tensor<?x5x7x2xf32>")});
  NNValue pooled = conv(", pooled", "tensor<?x2x3x2xf32>");
  EXPECT_EQ(pooled.shape, pool.shape);
  EXPECT_EQ(pooled.data, pool.data);
}

// The same for the gradient of the input, by the transposed filter: pads of a
// side are what its taps leave of the convolution's.
TEST(Winograd, IsTheGradientOfTheInput) {
  std::mt19937 rng(4);
  NNValue dy = randomValue({2, 5, 6, 2}, rng),
          w = randomValue({3, 3, 3, 2}, rng);
  std::string dyType = "tensor<?x5x6x2xf32>", xType = "tensor<?x4x7x3xf32>";
  NNValue t = evaluate("nn.transpose_filter %a0", {"tensor<3x3x3x2xf32>"},
                       "tensor<3x3x2x3xf32>", {w});
  NNValue direct =
      evaluate("nn.conv2d_grad_input %a0, %a1 {strides = array<i64: 1, 1>, "
               "dilations = array<i64: 1, 1>, pads = array<i64: 1, 2, 0, 1>}",
               {dyType, "tensor<3x3x2x3xf32>"}, xType, {dy, t});
  NNValue u = evaluate("nn.winograd_filter %a0 {transposed}",
                       {"tensor<3x3x3x2xf32>"}, "tensor<36x2x3xf32>", {w});
  NNValue winograd =
      evaluate("nn.winograd_conv2d %a0, %a1 {pads = array<i64: 1, 0, 2, 1>}",
               {dyType, "tensor<36x2x3xf32>"}, xType, {dy, u});
  expectValues(winograd, direct.data);
}

} // namespace
} // namespace tl
