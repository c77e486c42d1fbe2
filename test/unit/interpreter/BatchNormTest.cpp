// Batch normalisation in training on cases worked out by hand. That its
// gradients fit it is GradientsTest's work.
#include "test/unit/interpreter/Program.h"

#include <cmath>

namespace tl {
namespace {

// Over batch and places, with the biased variance: channel 0 holds 1, 3, 5, 7,
// channel 1 the same number four times.
TEST(BatchNorm, Statistics) {
  NNValue x({2, 2, 1, 2}, {1, 9, 3, 9, 5, 9, 7, 9});
  auto results = evaluateAll("nn.batch_stats %a0", {"tensor<?x2x1x2xf32>"},
                             {"tensor<2xf32>", "tensor<2xf32>"}, {x});
  ASSERT_EQ(results.size(), 2u);
  expectValues(results[0], {4, 9});
  expectValues(results[1], {5, 0});
}

NNValue movingAverage(const std::string &options, int64_t batch) {
  return evaluate(
      "nn.moving_average %a0 by %a1 of %a2 {momentum = 0.75" + options + "}",
      {"tensor<2xf32>", "tensor<2xf32>", "tensor<?x3x1x2xf32>"},
      "tensor<2xf32>",
      {NNValue({2}, {4, 8}), NNValue({2}, {8, 16}), NNValue({batch, 3, 1, 2})});
}

// Three quarters of the old and one of the new, which `unbiased` scales by
// 6 / 5 for 2 pictures of 3 places.
TEST(BatchNorm, MovingAverage) {
  expectValues(movingAverage("", 2), {5, 10});
  expectValues(movingAverage(", unbiased", 2), {3 + 2.4, 6 + 4.8});
}

// One value in all has no unbiased variance: it stays as it is.
TEST(BatchNorm, MovingAverageOfOneValue) {
  expectValues(
      evaluate("nn.moving_average %a0 by %a1 of %a2 {momentum = 0.5, "
               "unbiased}",
               {"tensor<1xf32>", "tensor<1xf32>", "tensor<?x1xf32>"},
               "tensor<1xf32>",
               {NNValue({1}, {4}), NNValue({1}, {8}), NNValue({1, 1})}),
      {6});
}

// xhat is -1 and 1 with mean 2 and variance 4 - 1.
TEST(BatchNorm, GradAffine) {
  NNValue dy({2, 1}, {3, 5}), x({2, 1}, {0, 4});
  std::string value = "tensor<?x1xf32>", channels = "tensor<1xf32>";
  auto results = evaluateAll(
      "nn.batch_norm_grad_affine %a0, %a1, %a2, %a3 {epsilon = 1.0}",
      {value, value, channels, channels}, {channels, channels},
      {dy, x, NNValue({1}, {2}), NNValue({1}, {3})});
  ASSERT_EQ(results.size(), 2u);
  expectValues(results[0], {2});
  expectValues(results[1], {8});
}

// gamma r = 6 / 2; through the statistics dy - 8/2 - xhat 2/2.
TEST(BatchNorm, GradInput) {
  NNValue dy({2, 1}, {3, 5}), x({2, 1}, {0, 4});
  NNValue gamma({1}, {6}), variance({1}, {3}), mean({1}, {2});
  std::string value = "tensor<?x1xf32>", channels = "tensor<1xf32>";
  expectValues(
      evaluate("nn.batch_norm_grad_input %a0, %a1, %a2 {epsilon = 1.0}",
               {value, channels, channels}, value, {dy, gamma, variance}),
      {9, 15});
  expectValues(
      evaluate(
          "nn.batch_norm_grad_input %a0, %a1, %a2 through %a3, %a4, %a5, "
          "%a6 {epsilon = 1.0}",
          {value, channels, channels, value, channels, channels, channels},
          value,
          {dy, gamma, variance, x, mean, NNValue({1}, {2}), NNValue({1}, {8})}),
      {3 * (3 - 4 + 1), 3 * (5 - 4 - 1)});
}

} // namespace
} // namespace tl
