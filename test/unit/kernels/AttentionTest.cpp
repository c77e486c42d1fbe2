// Attention and its gradient against the interpreter.
#include "test/unit/kernels/Oracle.h"

#include <gtest/gtest.h>

#include <cmath>

using namespace tl;
using namespace tl::test;

namespace {
struct Shape {
  int64_t tokens, heads, size;
};

/// One token; a head of one and of three channels; fewer and more tokens than
/// vectors, blocks, chunks and tiles hold; the heads that occur in practice.
std::vector<Shape> shapes() {
  return {{1, 1, 1},   {1, 2, 3},   {5, 2, 3},    {17, 1, 20}, {16, 3, 16},
          {65, 8, 16}, {50, 2, 64}, {130, 1, 32}, {257, 1, 64}};
}

std::string attributes(const Shape &s) {
  return " {heads = " + std::to_string(s.heads) +
         ", scale = " + std::to_string(1 / std::sqrt(double(s.size))) + "}";
}
std::string qkv(const Shape &s) {
  return picture({s.tokens, 3 * s.heads * s.size});
}
std::string values(const Shape &s) {
  return picture({s.tokens, s.heads * s.size});
}

/// Queries and keys large enough that some probabilities are near 1 and others
/// near 0.
Array peaked(unsigned index, int64_t elements) {
  Array values = randomArray(elements, index + 1);
  for (float &value : values)
    value *= 4;
  return values;
}

// Scores below 1 round a few times, probabilities are good to 1e-6, and the
// result is a mean of values below 1 over up to 257 terms.
TEST(Attention, AgreesWithInterpreter) {
  for (const Shape &s : shapes())
    expectAgreesWithInterpreter({"nn.attention %a0" + attributes(s),
                                 {qkv(s)},
                                 values(s),
                                 {1e-6, 2e-6}});
}

// Scores of up to about 40, which round at 2e-6: so does the logarithm of a
// probability, times values of 4.
TEST(Attention, PeakedScores) {
  for (const Shape &s : {Shape{19, 2, 20}, Shape{65, 1, 16}})
    expectAgreesWithInterpreter({"nn.attention %a0" + attributes(s),
                                 {qkv(s)},
                                 values(s),
                                 {0, 4e-5},
                                 false,
                                 "",
                                 peaked});
}

// Scores far outside what exp can hold: the maximum is subtracted first.
TEST(Attention, LargeScores) {
  std::string in = picture({2, 3}), out = picture({2, 1});
  Program program(Program::kernel(
      "%x: " + in, "%y = nn.attention %x {heads = 1, scale = 1.0} : (" + in +
                       ") -> " + out + "\nrt.return %y : " + out));
  for (const cpu::Isa *isa : runnableIsas()) {
    // Tokens (q, k, v): the first query prefers the second key, the second
    // the first.
    auto y = run(program, *isa, 1, {{1000, -500, 3, -1000, 500, 7}});
    ASSERT_EQ(y.size(), 1u);
    EXPECT_EQ(y[0], (Array{7, 3}));
  }
}

// Sums over up to 257 queries or keys of products below 1 that mostly cancel.
TEST(AttentionGrad, AgreesWithInterpreter) {
  for (const Shape &s : shapes())
    expectAgreesWithInterpreter({"nn.attention_grad %a0, %a1" + attributes(s),
                                 {values(s), qkv(s)},
                                 qkv(s),
                                 {1e-6, 1e-5}});
}

// As above, with values and queries of 4 and scores that round at 2e-6.
TEST(AttentionGrad, PeakedScores) {
  for (const Shape &s : {Shape{19, 2, 20}, Shape{65, 1, 16}})
    expectAgreesWithInterpreter({"nn.attention_grad %a0, %a1" + attributes(s),
                                 {values(s), qkv(s)},
                                 qkv(s),
                                 {1e-5, 3e-4},
                                 false,
                                 "",
                                 peaked});
}
} // namespace
