// The count of a program's arithmetic, against counts made by hand.
#include "compiler/Analysis/MultiplyAdds.h"
#include "compiler/Pipeline/Register.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>

using namespace mlir;
using namespace tl;

namespace {

struct Case {
  const char *what;
  const char *arguments;
  const char *operation;
  uint64_t expected; // of one picture
};

constexpr Case kCases[] = {
    {"a strided convolution: 4 x 4 places, 3 x 3 x 3 x 5 weights",
     "%x: tensor<?x9x9x3xf32>, %w: tensor<3x3x3x5xf32>",
     "nn.conv2d %x, %w {strides = array<i64: 2, 2>} : "
     "(tensor<?x9x9x3xf32>, tensor<3x3x3x5xf32>) -> tensor<?x4x4x5xf32>",
     16 * 135},
    {"a depthwise convolution: 7 x 7 places, 3 x 3 weights a channel",
     "%x: tensor<?x9x9x4xf32>, %w: tensor<3x3x1x4xf32>",
     "nn.conv2d %x, %w {groups = 4 : i64} : "
     "(tensor<?x9x9x4xf32>, tensor<3x3x1x4xf32>) -> tensor<?x7x7x4xf32>",
     49 * 36},
    {"the filter's gradient: as the convolution",
     "%x: tensor<?x9x9x3xf32>, %d: tensor<?x4x4x5xf32>",
     "nn.conv2d_grad_filter %x, %d {strides = array<i64: 2, 2>, "
     "pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : "
     "(tensor<?x9x9x3xf32>, tensor<?x4x4x5xf32>) -> tensor<3x3x3x5xf32>",
     16 * 135},
    {"the input's gradient: as the convolution",
     "%d: tensor<?x4x4x5xf32>, %f: tensor<3x3x5x3xf32>",
     "nn.conv2d_grad_input %d, %f {strides = array<i64: 2, 2>, "
     "pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : "
     "(tensor<?x4x4x5xf32>, tensor<3x3x5x3xf32>) -> tensor<?x9x9x3xf32>",
     16 * 135},
    {"Winograd's: as the convolution, also where pooling leaves a row out",
     "%x: tensor<?x9x9x4xf32>, %u: tensor<36x4x6xf32>",
     "nn.winograd_conv2d %x, %u {pooled} : "
     "(tensor<?x9x9x4xf32>, tensor<36x4x6xf32>) -> tensor<?x3x3x6xf32>",
     49 * 216},
    {"a dense layer on 7 tokens", "%x: tensor<?x7x4xf32>, %w: tensor<4x6xf32>",
     "nn.dense %x, %w : (tensor<?x7x4xf32>, tensor<4x6xf32>) -> "
     "tensor<?x7x6xf32>",
     7 * 24},
    {"its weight's gradient", "%x: tensor<?x7x4xf32>, %d: tensor<?x7x6xf32>",
     "nn.dense_grad_weight %x, %d : (tensor<?x7x4xf32>, tensor<?x7x6xf32>) "
     "-> tensor<4x6xf32>",
     7 * 24},
    {"its input's gradient", "%d: tensor<?x7x6xf32>, %w: tensor<4x6xf32>",
     "nn.dense_grad_input %d, %w : (tensor<?x7x6xf32>, tensor<4x6xf32>) -> "
     "tensor<?x7x4xf32>",
     7 * 24},
    {"attention: 5 x 5 pairs of tokens, 6 channels, two products",
     "%x: tensor<?x5x18xf32>",
     "nn.attention %x {heads = 2 : i64, scale = 1.0 : f64} : "
     "(tensor<?x5x18xf32>) -> tensor<?x5x6xf32>",
     2 * 25 * 6},
    {"its gradient: the scores again, and four products",
     "%d: tensor<?x5x6xf32>, %x: tensor<?x5x18xf32>",
     "nn.attention_grad %d, %x {heads = 2 : i64, scale = 1.0 : f64} : "
     "(tensor<?x5x6xf32>, tensor<?x5x18xf32>) -> tensor<?x5x18xf32>",
     5 * 25 * 6},
    {"an activation: none", "%x: tensor<?x7xf32>",
     "nn.activation %x {activation = #nn.act<relu>} : (tensor<?x7xf32>) -> "
     "tensor<?x7xf32>",
     0},
};

TEST(MultiplyAdds, CountsByHand) {
  DialectRegistry registry;
  registerAllDialects(registry);
  MLIRContext context(registry);
  context.loadAllAvailableDialects();
  for (const Case &each : kCases) {
    std::string text = std::string("func.func @f(") + each.arguments +
                       ") {\n  %y = " + each.operation + "\n  return\n}\n";
    auto module = parseSourceString<ModuleOp>(text, &context);
    ASSERT_TRUE(module) << each.what;
    auto function = *module->getOps<func::FuncOp>().begin();
    EXPECT_EQ(multiplyAdds(&function.front().front()), each.expected)
        << each.what;
  }
}

} // namespace
