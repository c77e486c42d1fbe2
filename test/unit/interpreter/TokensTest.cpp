// What works on tokens, on cases small enough to be worked out by hand. That
// gradients fit their layers is GradientsTest's work.
#include "test/unit/interpreter/Program.h"

#include <cmath>

namespace tl {
namespace {

// Each place by itself: (1, 3) has mean 2 and variance 1, (0, 0) none.
TEST(Tokens, LayerNorm) {
  NNValue x({1, 2, 2}, {1, 3, 0, 0}), gamma({2}, {2, 10}), beta({2}, {1, 5});
  double r = 1 / std::sqrt(1 + 3.0);
  expectValues(evaluate("nn.layer_norm %a0, %a1, %a2 {epsilon = 3.0}",
                        {"tensor<?x2x2xf32>", "tensor<2xf32>", "tensor<2xf32>"},
                        "tensor<?x2x2xf32>", {x, gamma, beta}),
               {1 - 2 * r, 5 + 10 * r, 1, 5});
}

// One head: scores log 3 and 0 are probabilities of 3/4 and 1/4.
TEST(Tokens, Attention) {
  // Two tokens of q, k, v; the second query is 0: it sees both alike.
  NNValue qkv({1, 2, 3}, {std::log(3) / 2, 1, 4, 0, 0, 8});
  expectValues(evaluate("nn.attention %a0 {heads = 1, scale = 2.0}",
                        {"tensor<?x2x3xf32>"}, "tensor<?x2x1xf32>", {qkv}),
               {0.75 * 4 + 0.25 * 8, 6});
}

// Head 1 reads channel 1 of queries, keys and values, and writes channel 1.
TEST(Tokens, AttentionHeads) {
  NNValue qkv({1, 2, 6}, {0, std::log(3), 5, 1, 10, 4, //
                          0, 0, 7, 0, 20, 8});
  expectValues(evaluate("nn.attention %a0 {heads = 2, scale = 1.0}",
                        {"tensor<?x2x6xf32>"}, "tensor<?x2x2xf32>", {qkv}),
               {15, 5, 15, 6});
}

TEST(Tokens, PrependToken) {
  expectValues(evaluate("nn.prepend_token %a0, %a1",
                        {"tensor<?x1x2xf32>", "tensor<2xf32>"},
                        "tensor<?x2x2xf32>",
                        {iota({2, 1, 2}), NNValue({2}, {8, 9})}),
               {8, 9, 0, 1, 8, 9, 2, 3});
}

TEST(Tokens, AddPosition) {
  expectValues(evaluate("nn.add_position %a0, %a1",
                        {"tensor<?x2x1xf32>", "tensor<2x1xf32>"},
                        "tensor<?x2x1xf32>",
                        {iota({2, 2, 1}), NNValue({2, 1}, {10, 20})}),
               {10, 21, 12, 23});
}

TEST(Tokens, BatchSum) {
  expectValues(evaluate("nn.batch_sum %a0", {"tensor<?x2x1xf32>"},
                        "tensor<2x1xf32>", {iota({3, 2, 1})}),
               {6, 9});
}

// Every token is a row of its own.
TEST(Tokens, Dense) {
  NNValue x({1, 2, 1}, {3, 5}), w({1, 2}, {1, 10}), bias({2}, {0, 1});
  expectValues(
      evaluate("nn.dense %a0, %a1, %a2",
               {"tensor<?x2x1xf32>", "tensor<1x2xf32>", "tensor<2xf32>"},
               "tensor<?x2x2xf32>", {x, w, bias}),
      {3, 31, 5, 51});
}

} // namespace
} // namespace tl
