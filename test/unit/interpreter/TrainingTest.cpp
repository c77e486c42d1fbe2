// Losses and gradients on cases small enough to be worked out by hand. That
// gradients fit their layers is GradientsTest's work.
#include "test/unit/interpreter/Program.h"

#include <cmath>
#include <limits>

namespace tl {
namespace {

const std::vector<std::string> kLoss2 = {"tensor<?x2xf32>", "tensor<?xi32>"};
const std::vector<std::string> kLoss1 = {"tensor<?x1xf32>", "tensor<?xi32>"};

// softmax(0, log 3) = 1/4, 3/4; a logit of 1000 neither overflows nor loses
// the loss of the other class.
TEST(Training, SoftmaxCrossEntropy) {
  NNValue z({3, 2}, {0, std::log(3), 0, std::log(3), 1000, 0});
  NNValue labels({3}, {0, 1, 1});
  expectValues(evaluate("nn.softmax_cross_entropy %a0, %a1", kLoss2,
                        "tensor<?xf32>", {z, labels}),
               {std::log(4), std::log(4.0 / 3), 1000});
  expectValues(
      evaluate("nn.softmax_cross_entropy %a0, %a1 {label_smoothing = 0.5}",
               kLoss2, "tensor<?xf32>", {z, labels}),
      {0.75 * std::log(4) + 0.25 * std::log(4.0 / 3),
       0.25 * std::log(4) + 0.75 * std::log(4.0 / 3), 750});
}

// (softmax - t) / N.
TEST(Training, SoftmaxCrossEntropyGrad) {
  NNValue z({2, 2}, {0, std::log(3), 0, std::log(3)});
  NNValue labels({2}, {0, 1});
  expectValues(evaluate("nn.softmax_cross_entropy_grad %a0, %a1", kLoss2,
                        "tensor<?x2xf32>", {z, labels}),
               {-0.375, 0.375, 0.125, -0.125});
  expectValues(
      evaluate("nn.softmax_cross_entropy_grad %a0, %a1 {label_smoothing = 0.5}",
               kLoss2, "tensor<?x2xf32>", {z, labels}),
      {-0.25, 0.25, 0, 0});
}

// sigmoid(log 3) = 3/4; large logits on both sides.
TEST(Training, SigmoidCrossEntropy) {
  NNValue z({4, 1}, {std::log(3), std::log(3), 1000, -1000});
  NNValue labels({4}, {1, 0, 0, 1});
  expectValues(evaluate("nn.sigmoid_cross_entropy %a0, %a1", kLoss1,
                        "tensor<?xf32>", {z, labels}),
               {std::log(4.0 / 3), std::log(4), 1000, 1000});
  expectValues(
      evaluate("nn.sigmoid_cross_entropy %a0, %a1 {label_smoothing = 0.5}",
               kLoss1, "tensor<?xf32>", {z, labels}),
      {0.75 * std::log(4.0 / 3) + 0.25 * std::log(4),
       0.25 * std::log(4.0 / 3) + 0.75 * std::log(4), 750, 750});
}

// (sigmoid - t) / N.
TEST(Training, SigmoidCrossEntropyGrad) {
  NNValue z({2, 1}, {std::log(3), -1000});
  NNValue labels({2}, {1, 1});
  expectValues(evaluate("nn.sigmoid_cross_entropy_grad %a0, %a1", kLoss1,
                        "tensor<?x1xf32>", {z, labels}),
               {-0.125, -0.5});
}

// A label outside the classes is an error, not a read past the end.
TEST(Training, LabelOutOfRange) {
  Program program(
      R"(func.func @f(%z: tensor<?x2xf32>, %t: tensor<?xi32>) -> tensor<?xf32> {
    %r = nn.softmax_cross_entropy %z, %t : (tensor<?x2xf32>, tensor<?xi32>) -> tensor<?xf32>
    return %r : tensor<?xf32>
  })");
  for (double label : {-1, 2}) {
    program.errors.clear();
    EXPECT_TRUE(failed(Interpreter().run(
        program.function(), {NNValue({1, 2}), NNValue({1}, {label})})));
    EXPECT_EQ(program.errors, "label " + std::to_string(int(label)) +
                                  " is not one of the 2 classes\n");
  }
}

// A picture that weighs 3 counts three times, in loss and gradient; the divisor
// stays the number of pictures. A quarter of one label and three of the other
// are a quarter of one loss and three of the other.
TEST(Training, WeightedAndMixedSoftmax) {
  NNValue z({2, 2}, {0, std::log(3), 0, std::log(3)});
  NNValue labels({2}, {0, 1}), weights({2}, {3, 0}), others({2}, {1, 1}),
      mix({2}, {0.25, 0.5});
  std::vector<std::string> weighted = {"tensor<?x2xf32>", "tensor<?xi32>",
                                       "tensor<?xf32>"};
  std::vector<std::string> mixed = {"tensor<?x2xf32>", "tensor<?xi32>",
                                    "tensor<?xi32>", "tensor<?xf32>"};
  expectValues(evaluate("nn.softmax_cross_entropy %a0, %a1 weights %a2",
                        weighted, "tensor<?xf32>", {z, labels, weights}),
               {3 * std::log(4), 0});
  expectValues(evaluate("nn.softmax_cross_entropy_grad %a0, %a1 weights %a2",
                        weighted, "tensor<?x2xf32>", {z, labels, weights}),
               {3 * -0.375, 3 * 0.375, 0, 0});
  expectValues(
      evaluate("nn.softmax_cross_entropy %a0, %a1 mix %a2 by %a3", mixed,
               "tensor<?xf32>", {z, labels, others, mix}),
      {0.25 * std::log(4) + 0.75 * std::log(4.0 / 3), std::log(4.0 / 3)});
  expectValues(evaluate("nn.softmax_cross_entropy_grad %a0, %a1 mix %a2 by %a3",
                        mixed, "tensor<?x2xf32>", {z, labels, others, mix}),
               {0, 0, 0.125, -0.125});
}

// The same with one logit, smoothed: the target 1/4 becomes 1/8 + 1/4.
TEST(Training, WeightedAndMixedSigmoid) {
  NNValue z({1, 1}, {std::log(3)}), label({1}, {1}), other({1}, {0});
  NNValue weight({1}, {2}), mix({1}, {0.25});
  std::vector<std::string> types = {"tensor<?x1xf32>", "tensor<?xi32>",
                                    "tensor<?xf32>", "tensor<?xi32>",
                                    "tensor<?xf32>"};
  std::string operands =
      " %a0, %a1 weights %a2 mix %a3 by %a4 {label_smoothing = 0.5}";
  std::vector<NNValue> inputs = {z, label, weight, other, mix};
  expectValues(evaluate("nn.sigmoid_cross_entropy" + operands, types,
                        "tensor<?xf32>", inputs),
               {2 * (0.375 * std::log(4.0 / 3) + 0.625 * std::log(4))});
  expectValues(evaluate("nn.sigmoid_cross_entropy_grad" + operands, types,
                        "tensor<?x1xf32>", inputs),
               {2 * (0.75 - 0.375)});
}

// The second label is checked as the first.
TEST(Training, MixLabelOutOfRange) {
  Program program(R"(func.func @f(%z: tensor<?x2xf32>, %t: tensor<?xi32>,
      %u: tensor<?xi32>, %m: tensor<?xf32>) -> tensor<?xf32> {
    %r = nn.softmax_cross_entropy %z, %t mix %u by %m : (tensor<?x2xf32>, tensor<?xi32>, tensor<?xi32>, tensor<?xf32>) -> tensor<?xf32>
    return %r : tensor<?xf32>
  })");
  EXPECT_TRUE(failed(Interpreter().run(
      program.function(), {NNValue({1, 2}), NNValue({1}, {1}),
                           NNValue({1}, {2}), NNValue({1}, {0.5})})));
  EXPECT_EQ(program.errors, "label 2 is not one of the 2 classes\n");
}

TEST(Training, DenseGradInput) {
  NNValue dy({1, 2}, {1, 10}), w({3, 2}, {1, 2, 3, 4, 5, 6});
  expectValues(evaluate("nn.dense_grad_input %a0, %a1",
                        {"tensor<?x2xf32>", "tensor<3x2xf32>"},
                        "tensor<?x3xf32>", {dy, w}),
               {21, 43, 65});
}

TEST(Training, DenseGradWeight) {
  NNValue x({2, 2}, {1, 2, 3, 4}), dy({2, 1}, {1, 10});
  expectValues(evaluate("nn.dense_grad_weight %a0, %a1",
                        {"tensor<?x2xf32>", "tensor<?x1xf32>"},
                        "tensor<2x1xf32>", {x, dy}),
               {31, 42});
}

TEST(Training, BiasGrad) {
  expectValues(evaluate("nn.bias_grad %a0", {"tensor<?x2x3xf32>"},
                        "tensor<3xf32>", {iota({2, 2, 3})}),
               {18, 22, 26});
}

// relu from the result, silu from the input.
TEST(Training, ActivationGrad) {
  NNValue dy({1, 2}, {3, 5}), value({1, 2}, {0, 2});
  std::vector<std::string> types = {"tensor<?x2xf32>", "tensor<?x2xf32>"};
  expectValues(
      evaluate("nn.activation_grad %a0, %a1 {activation = #nn.act<relu>}",
               types, "tensor<?x2xf32>", {dy, value}),
      {0, 5});
  double s = 1 / (1 + std::exp(-2.0));
  expectValues(
      evaluate("nn.activation_grad %a0, %a1 {activation = #nn.act<silu>}",
               types, "tensor<?x2xf32>", {dy, value}),
      {1.5, 5 * (s + 2 * s * (1 - s))});
}

TEST(Training, GlobalAvgPoolGrad) {
  NNValue dy({2, 1}, {4, 8});
  expectValues(evaluate("nn.global_avg_pool_grad %a0", {"tensor<?x1xf32>"},
                        "tensor<?x2x1x1xf32>", {dy}),
               {2, 2, 4, 4});
}

// The columns 0 and 2 of 1x3.
TEST(Training, SliceGrad) {
  expectValues(evaluate("nn.slice_grad %a0 {offsets = array<i64: 0, 0, 0>, "
                        "strides = array<i64: 1, 2, 1>}",
                        {"tensor<?x1x2x1xf32>"}, "tensor<?x1x3x1xf32>",
                        {NNValue({1, 1, 2, 1}, {5, 7})}),
               {5, 0, 7});
}

// Windows of two over 1 3 3 0 at stride 1: of two equal elements the first
// wins, and the middle window's dy joins that of the first.
TEST(Training, MaxPoolGrad) {
  std::string attributes = " {window = array<i64: 1, 2>, strides = array<i64: "
                           "1, 1>, pads = array<i64: 0, 0, 0, 0>}";
  NNValue dy({1, 1, 3, 1}, {1, 10, 100});
  std::vector<std::string> types = {"tensor<?x1x3x1xf32>",
                                    "tensor<?x1x4x1xf32>"};
  auto gradient = [&](std::vector<double> x) {
    return evaluate("nn.max_pool_grad %a0, %a1" + attributes, types,
                    "tensor<?x1x4x1xf32>", {dy, NNValue({1, 1, 4, 1}, x)});
  };
  expectValues(gradient({1, 3, 3, 0}), {0, 11, 100, 0});
  // The first NaN of a window is its largest element; -inf can be one too.
  double inf = std::numeric_limits<double>::infinity(), nan = std::nan("");
  expectValues(gradient({9, nan, nan, 9}), {0, 11, 100, 0});
  expectValues(gradient({-inf, -inf, -inf, -inf}), {1, 10, 100, 0});
}

// Windows of two at stride 2 over three elements with one of padding: the last
// holds one element, which gets all of its dy; with padding counted, half.
TEST(Training, AvgPoolGrad) {
  NNValue dy({1, 1, 2, 1}, {2, 6});
  auto gradient = [&](const std::string &count) {
    return evaluate("nn.avg_pool_grad %a0 {" + count +
                        "window = array<i64: 1, 2>, strides = array<i64: 1, "
                        "2>, pads = array<i64: 0, 0, 0, 1>}",
                    {"tensor<?x1x2x1xf32>"}, "tensor<?x1x3x1xf32>", {dy});
  };
  expectValues(gradient(""), {1, 1, 6});
  expectValues(gradient("count_padding, "), {1, 1, 3});
}

// Windows [0, 2), [1, 4), [3, 5): what lies in two gets a share of both.
TEST(Training, AdaptiveAvgPoolGrad) {
  expectValues(evaluate("nn.adaptive_avg_pool_grad %a0",
                        {"tensor<?x1x3x1xf32>"}, "tensor<?x1x5x1xf32>",
                        {NNValue({1, 1, 3, 1}, {2, 9, 4})}),
               {1, 4, 3, 5, 2});
}

TEST(Training, SoftmaxGrad) {
  NNValue dy({1, 2}, {1, 3}), y({1, 2}, {0.25, 0.75});
  expectValues(evaluate("nn.softmax_grad %a0, %a1",
                        {"tensor<?x2xf32>", "tensor<?x2xf32>"},
                        "tensor<?x2xf32>", {dy, y}),
               {-0.375, 0.375});
}

} // namespace
} // namespace tl
