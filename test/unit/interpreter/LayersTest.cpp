// Each layer on cases small enough to be worked out by hand.
#include "test/unit/interpreter/Program.h"

#include "runtime/schema/Random.h"

#include <cmath>

namespace tl {
namespace {

// A 2x2 filter over 2x3, one channel in, two out: cross-correlation, not
// convolution (the filter is not flipped), with bias.
TEST(Layers, Conv2D) {
  NNValue x = iota({1, 2, 3, 1}); // 0 1 2 / 3 4 5
  NNValue w({2, 2, 1, 2}, {1, 0, 2, 0, 3, 0, 4, 1});
  NNValue b({2}, {0.5, -1});
  // 1*0 + 2*1 + 3*3 + 4*4 = 27; 1*1 + 2*2 + 3*4 + 4*5 = 37
  expectValues(
      evaluate("nn.conv2d %a0, %a1, %a2",
               {"tensor<?x2x3x1xf32>", "tensor<2x2x1x2xf32>", "tensor<2xf32>"},
               "tensor<?x1x2x2xf32>", {x, w, b}),
      {27.5, 3, 37.5, 4});
}

// Stride, dilation and one-sided padding along the height; residual before
// the activation.
TEST(Layers, Conv2DStridesDilationsPadsResidual) {
  NNValue x({1, 4, 1, 1}, {1, 2, 3, 4});
  NNValue w({2, 1, 1, 1}, {1, 10});
  NNValue residual({1, 2, 1, 1}, {-100, 0});
  // rows with padding: 0 1 2 3 4; places 0, 2; taps 2 apart: 0+20, 2+40
  expectValues(
      evaluate(
          "nn.conv2d %a0, %a1 residual %a2 {strides = array<i64: 2, 1>, "
          "dilations = array<i64: 2, 1>, pads = array<i64: 1, 0, 0, 0>, "
          "activation = #nn.act<relu>}",
          {"tensor<?x4x1x1xf32>", "tensor<2x1x1x1xf32>", "tensor<?x2x1x1xf32>"},
          "tensor<?x2x1x1xf32>", {x, w, residual}),
      {0, 42});
}

// Two groups: outputs 0, 1 see inputs 0, 1; outputs 2, 3 see inputs 2, 3.
TEST(Layers, Conv2DGroups) {
  NNValue x({1, 1, 1, 4}, {1, 2, 3, 4});
  NNValue w({1, 1, 2, 4}, {1, 2, 3, 4, 10, 20, 30, 40});
  expectValues(evaluate("nn.conv2d %a0, %a1 {groups = 2}",
                        {"tensor<?x1x1x4xf32>", "tensor<1x1x2x4xf32>"},
                        "tensor<?x1x1x4xf32>", {x, w}),
               {21, 42, 129, 172});
}

// (x - mean) / sqrt(variance + epsilon) * gamma + beta, by channel.
TEST(Layers, BatchNorm) {
  NNValue x({2, 2}, {1, 2, 3, 4});
  expectValues(evaluate("nn.batch_norm %a0, %a1, %a2, %a3, %a4 {epsilon = 1.0}",
                        {"tensor<?x2xf32>", "tensor<2xf32>", "tensor<2xf32>",
                         "tensor<2xf32>", "tensor<2xf32>"},
                        "tensor<?x2xf32>",
                        {x, NNValue({2}, {2, 3}), NNValue({2}, {0.5, -1}),
                         NNValue({2}, {1, 0}), NNValue({2}, {3, 8})}),
               {0.5, 1, 2.5, 3});
}

// x w + b, then the activation.
TEST(Layers, Dense) {
  NNValue x({2, 2}, {1, 2, -3, -4});
  NNValue w({2, 3}, {1, 2, 3, 4, 5, 6});
  NNValue b({3}, {0, 0, -20});
  expectValues(evaluate("nn.dense %a0, %a1, %a2 {activation = #nn.act<relu>}",
                        {"tensor<?x2xf32>", "tensor<2x3xf32>", "tensor<3xf32>"},
                        "tensor<?x3xf32>", {x, w, b}),
               {9, 12, 0, 0, 0, 0});
  expectValues(evaluate("nn.dense %a0, %a1",
                        {"tensor<?x2xf32>", "tensor<2x3xf32>"},
                        "tensor<?x3xf32>", {x, w}),
               {9, 12, 15, -19, -26, -33});
}

// Row 1 and the columns 0 and 2 of 2x3, the second of two channels.
TEST(Layers, Slice) {
  expectValues(evaluate("nn.slice %a0 {offsets = array<i64: 1, 0, 1>, strides "
                        "= array<i64: 1, 2, 1>}",
                        {"tensor<?x2x3x2xf32>"}, "tensor<?x1x2x1xf32>",
                        {iota({2, 2, 3, 2})}),
               {7, 11, 19, 23});
  // The first of three tokens.
  expectValues(
      evaluate("nn.slice %a0 {offsets = array<i64: 0, 0>, strides = array<i64: "
               "1, 1>}",
               {"tensor<?x3x2xf32>"}, "tensor<?x1x2xf32>", {iota({2, 3, 2})}),
      {0, 1, 6, 7});
}

TEST(Layers, PadChannels) {
  expectValues(evaluate("nn.pad_channels %a0 {before = 1 : i64, after = 2 : "
                        "i64}",
                        {"tensor<?x1x2x2xf32>"}, "tensor<?x1x2x5xf32>",
                        {iota({1, 1, 2, 2}, 1)}),
               {0, 1, 2, 0, 0, 0, 3, 4, 0, 0});
}

struct ActivationCase {
  const char *attribute;
  double x, y;
};

// A value on each side of every function's bends, from its definition.
TEST(Layers, Activation) {
  for (auto [attribute, x, y] : {
           ActivationCase{"none", -2, -2},
           {"relu", -2, 0},
           {"relu", 2, 2},
           {"relu6", 7, 6},
           {"relu6", -1, 0},
           {"leaky_relu, 0.25", -2, -0.5},
           {"leaky_relu, 0.25", 2, 2},
           {"sigmoid", 0, 0.5},
           {"sigmoid", -1, 0.26894142136999512},
           {"tanh", 1, 0.76159415595576489},
           {"silu", 1, 0.73105857863000488},
           {"gelu", 1, 0.84134474606854293},
           {"gelu_tanh", 1, 0.84119199060827674},
           {"hard_sigmoid", 1.5, 0.75},
           {"hard_sigmoid", -4, 0},
           {"hard_swish", 3, 3},
           {"hard_swish", -1.5, -0.375},
           {"elu, 2.0", 3, 3},
           {"elu, 2.0", -1, -1.2642411176571153},
       }) {
    SCOPED_TRACE(attribute);
    expectValues(evaluate("nn.activation %a0 {activation = #nn.act<" +
                              std::string(attribute) + ">}",
                          {"tensor<?x1xf32>"}, "tensor<?x1xf32>",
                          {NNValue({1, 1}, {x})}),
                 {y});
  }
}

// Rows sum to one, and large logits do not overflow.
TEST(Layers, Softmax) {
  NNValue x({2, 2}, {0, std::log(3), 1000, 1000});
  expectValues(
      evaluate("nn.softmax %a0", {"tensor<?x2xf32>"}, "tensor<?x2xf32>", {x}),
      {0.25, 0.75, 0.5, 0.5});
}

// Padding never wins, even where all values are negative.
TEST(Layers, MaxPool) {
  NNValue x({1, 3, 1, 1}, {-3, -2, -1});
  expectValues(evaluate("nn.max_pool %a0 {window = array<i64: 2, 1>, strides = "
                        "array<i64: 2, 1>, pads = array<i64: 1, 0, 0, 0>}",
                        {"tensor<?x3x1x1xf32>"}, "tensor<?x2x1x1xf32>", {x}),
               {-3, -1});
}

// Padding counts in the divisor only when asked.
TEST(Layers, AvgPool) {
  NNValue x({1, 3, 1, 1}, {3, 5, 7});
  std::string windows = "window = array<i64: 2, 1>, strides = array<i64: 2, "
                        "1>, pads = array<i64: 1, 0, 0, 0>";
  expectValues(evaluate("nn.avg_pool %a0 {" + windows + "}",
                        {"tensor<?x3x1x1xf32>"}, "tensor<?x2x1x1xf32>", {x}),
               {3, 6});
  expectValues(evaluate("nn.avg_pool %a0 {count_padding, " + windows + "}",
                        {"tensor<?x3x1x1xf32>"}, "tensor<?x2x1x1xf32>", {x}),
               {1.5, 6});
}

// Five elements into three windows, [0, 2), [1, 4), [3, 5), and one into two.
TEST(Layers, AdaptiveAvgPool) {
  expectValues(evaluate("nn.adaptive_avg_pool %a0", {"tensor<?x5x1x1xf32>"},
                        "tensor<?x3x2x1xf32>",
                        {NNValue({1, 5, 1, 1}, {1, 3, 8, 10, 4})}),
               {2, 2, 7, 7, 7, 7});
}

// One mean a picture and channel.
TEST(Layers, GlobalAvgPool) {
  expectValues(evaluate("nn.global_avg_pool %a0", {"tensor<?x1x2x2xf32>"},
                        "tensor<?x2xf32>", {iota({2, 1, 2, 2})}),
               {1, 2, 5, 6});
}

// Flattening keeps the order of the elements.
TEST(Layers, Reshape) {
  NNValue y = evaluate("nn.reshape %a0", {"tensor<?x1x2x2xf32>"},
                       "tensor<?x4xf32>", {iota({2, 1, 2, 2})});
  expectValues(y, {0, 1, 2, 3, 4, 5, 6, 7});
  EXPECT_EQ(y.shape, (llvm::SmallVector<int64_t>{2, 4}));
}

// Top, bottom, left, right, in this order.
TEST(Layers, Pad) {
  expectValues(evaluate("nn.pad %a0 {pads = array<i64: 1, 0, 0, 2>}",
                        {"tensor<?x1x1x2xf32>"}, "tensor<?x2x3x2xf32>",
                        {iota({1, 1, 1, 2}, 1)}),
               {0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0});
}

// A sum, then the activation.
TEST(Layers, Add) {
  NNValue a({1, 2}, {1, -5}), b({1, 2}, {2, 3});
  expectValues(evaluate("nn.add %a0, %a1 {activation = #nn.act<relu>}",
                        {"tensor<?x2xf32>", "tensor<?x2xf32>"},
                        "tensor<?x2xf32>", {a, b}),
               {3, 0});
}

// Channels side by side at every place.
TEST(Layers, Concat) {
  expectValues(evaluate("nn.concat %a0, %a1",
                        {"tensor<?x1x2x1xf32>", "tensor<?x1x2x2xf32>"},
                        "tensor<?x1x2x3xf32>",
                        {iota({1, 1, 2, 1}), iota({1, 1, 2, 2}, 10)}),
               {0, 10, 11, 1, 12, 13});
}

// The draw depends on the picture's id and its element, not on its place in
// the batch; a kept element is divided by 1 - rate.
TEST(Layers, Dropout) {
  schema::StepBlock step{};
  step.seedLow = 5, step.seedHigh = 6, step.phase = 2, step.epoch = 3;
  NNValue x({2, 6}, std::vector<double>(12, 1.0));
  auto run = [&](std::vector<double> ids) {
    return evaluate("nn.dropout %a0 ids %a1 step %a2 {rate = 0.5, stream = 7}",
                    {"tensor<?x6xf32>", "tensor<?xi32>", "tensor<16xi32>"},
                    "tensor<?x6xf32>", {x, NNValue({2}, ids), stepValue(step)});
  };
  NNValue y = run({40, -41});
  for (int64_t n : {0, 1})
    for (uint32_t i = 0; i < 6; ++i) {
      auto words =
          schema::philox4x32({i / 4, n ? uint32_t(-41) : 40u, (2u << 20) ^ 3u,
                              schema::kRandomDropout | 7u << 8},
                             5, 6);
      EXPECT_EQ(y.data[n * 6 + i], words[i % 4] >> 31 ? 2 : 0);
    }
  NNValue swapped = run({-41, 40});
  for (int64_t i = 0; i < 6; ++i)
    EXPECT_EQ(swapped.data[i], y.data[6 + i]);
}

// Without a step it is inference.
TEST(Layers, DropoutInInference) {
  expectValues(evaluate("nn.dropout %a0 {rate = 0.5, stream = 7}",
                        {"tensor<?x3xf32>"}, "tensor<?x3xf32>", {iota({1, 3})}),
               {0, 1, 2});
}

} // namespace
} // namespace tl
