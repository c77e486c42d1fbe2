// nn.dense and its gradients against sums in double, in both forms of weights,
// and the equality contract bit for bit.
#include "test/unit/kernels/Harness.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

using namespace tl;
using namespace tl::test;

namespace {
struct Shape {
  int64_t n, k, m; ///< batch, inputs, outputs
};

std::string form(int64_t m) {
  return m < 16 ? ", #nn.form<rows>" : ", #nn.form<panels>";
}
std::string matrix(const std::string &rows, int64_t columns,
                   const std::string &encoding = "") {
  return "tensor<" + rows + "x" + std::to_string(columns) + "xf32" + encoding +
         ">";
}

std::string denseText(const Shape &s) {
  std::string x = matrix("?", s.k), y = matrix("?", s.m);
  std::string w = matrix(std::to_string(s.k), s.m, form(s.m));
  std::string b = "tensor<" + std::to_string(s.m) + "xf32>";
  return Program::kernel(
      "%x: " + x + ", %w: " + w + ", %b: " + b,
      "%y = nn.dense %x, %w, %b {activation = #nn.act<relu>} : (" + x + ", " +
          w + ", " + b + ") -> " + y + "\nrt.return %y : " + y);
}
std::string gradInputText(const Shape &s) {
  std::string dy = matrix("?", s.m), dx = matrix("?", s.k);
  std::string w = matrix(std::to_string(s.k), s.m, form(s.m));
  return Program::kernel("%dy: " + dy + ", %w: " + w,
                         "%dx = nn.dense_grad_input %dy, %w : (" + dy + ", " +
                             w + ") -> " + dx + "\nrt.return %dx : " + dx);
}
std::string gradWeightText(const Shape &s) {
  std::string x = matrix("?", s.k), dy = matrix("?", s.m);
  std::string w = matrix(std::to_string(s.k), s.m, form(s.m));
  return Program::kernel("%x: " + x + ", %dy: " + dy,
                         "%dw = nn.dense_grad_weight %x, %dy : (" + x + ", " +
                             dy + ") -> " + w + "\nrt.return %dw : " + w);
}

/// result(i, j) = sum over t of a(i, t) b(t, j) in double, against `found`.
template <typename A, typename B, typename Finish>
void expectProduct(const Array &found, int64_t rows, int64_t columns,
                   int64_t depth, A a, B b, Finish finish) {
  ASSERT_EQ(int64_t(found.size()), rows * columns);
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j) {
      double sum = 0, magnitude = 0;
      for (int64_t t = 0; t < depth; ++t) {
        double product = double(a(i, t)) * b(t, j);
        sum += product;
        magnitude += std::fabs(product);
      }
      // n roundings of at most half an ulp of the partial sums
      ASSERT_NEAR(found[i * columns + j], finish(sum, j),
                  1e-6 * (magnitude + 1))
          << "row " << i << " column " << j;
    }
}

class DenseShapes : public testing::TestWithParam<Shape> {};

TEST_P(DenseShapes, Forward) {
  Shape s = GetParam();
  Program program(denseText(s));
  Array x = randomArray(s.n * s.k, 1), w = randomArray(s.k * s.m, 2);
  Array bias = randomArray(s.m, 3);
  for (const cpu::Isa *isa : runnableIsas()) {
    auto y = run(program, *isa, s.n, {x, w, bias});
    ASSERT_EQ(y.size(), 1u);
    expectProduct(
        y[0], s.n, s.m, s.k,
        [&](int64_t i, int64_t t) { return x[i * s.k + t]; },
        [&](int64_t t, int64_t j) { return w[t * s.m + j]; },
        [&](double sum, int64_t j) { return std::max(sum + bias[j], 0.0); });
  }
}

TEST_P(DenseShapes, GradientOfTheInput) {
  Shape s = GetParam();
  Program program(gradInputText(s));
  Array dy = randomArray(s.n * s.m, 1), w = randomArray(s.k * s.m, 2);
  for (const cpu::Isa *isa : runnableIsas()) {
    auto dx = run(program, *isa, s.n, {dy, w});
    ASSERT_EQ(dx.size(), 1u);
    expectProduct(
        dx[0], s.n, s.k, s.m,
        [&](int64_t i, int64_t t) { return dy[i * s.m + t]; },
        [&](int64_t t, int64_t j) { return w[j * s.m + t]; },
        [](double sum, int64_t) { return sum; });
  }
}

TEST_P(DenseShapes, GradientOfTheWeight) {
  Shape s = GetParam();
  Program program(gradWeightText(s));
  Array x = randomArray(s.n * s.k, 1), dy = randomArray(s.n * s.m, 2);
  for (const cpu::Isa *isa : runnableIsas()) {
    auto dw = run(program, *isa, s.n, {x, dy});
    ASSERT_EQ(dw.size(), 1u);
    expectProduct(
        dw[0], s.k, s.m, s.n,
        [&](int64_t i, int64_t t) { return x[t * s.k + i]; },
        [&](int64_t t, int64_t j) { return dy[t * s.m + j]; },
        [](double sum, int64_t) { return sum; });
  }
}

// A picture has the same bits wherever it stands in whatever batch.
TEST_P(DenseShapes, BitsDoNotDependOnTheBatch) {
  Shape s = GetParam();
  constexpr int64_t kBatch = 79; // a whole group of 64 and every kind of block
  Array x = randomArray(kBatch * s.k, 1), w = randomArray(s.k * s.m, 2);
  Array bias = randomArray(s.m, 3), dy = randomArray(kBatch * s.m, 4);
  Program forward(denseText(s)), backward(gradInputText(s));
  auto picture = [](const Array &a, int64_t size, int64_t n) {
    return Array(a.begin() + n * size, a.begin() + (n + 1) * size);
  };
  for (const cpu::Isa *isa : runnableIsas()) {
    auto y = run(forward, *isa, kBatch, {x, w, bias});
    auto dx = run(backward, *isa, kBatch, {dy, w});
    ASSERT_EQ(y.size() + dx.size(), 2u);
    for (int64_t n : {0, 9, 76, 78}) {
      auto y1 = run(forward, *isa, 1, {picture(x, s.k, n), w, bias});
      auto dx1 = run(backward, *isa, 1, {picture(dy, s.m, n), w});
      ASSERT_EQ(0, std::memcmp(y1[0].data(), &y[0][n * s.m], s.m * 4));
      ASSERT_EQ(0, std::memcmp(dx1[0].data(), &dx[0][n * s.k], s.k * 4));
    }
  }
}

// Fewer, more and exactly as many as panels, vectors and blocks hold.
INSTANTIATE_TEST_SUITE_P(All, DenseShapes,
                         testing::Values(Shape{1, 1, 1}, Shape{3, 37, 2},
                                         Shape{7, 64, 15}, Shape{5, 19, 16},
                                         Shape{13, 33, 20}, Shape{70, 48, 32},
                                         Shape{6, 100, 49}, Shape{2, 250, 96},
                                         Shape{32, 130, 5}),
                         [](const auto &info) {
                           const Shape &s = info.param;
                           return std::to_string(s.n) + "x" +
                                  std::to_string(s.k) + "x" +
                                  std::to_string(s.m);
                         });

// A canonical weight is refused: nothing is repacked in silence.
TEST(DenseErrors, CanonicalWeight) {
  Program program(Program::kernel(
      "%x: tensor<?x4xf32>, %w: tensor<4x32xf32>",
      "%y = nn.dense %x, %w : (tensor<?x4xf32>, tensor<4x32xf32>) -> "
      "tensor<?x32xf32>\nrt.return %y : tensor<?x32xf32>"));
  EXPECT_TRUE(failed(compileKernels(program.module(), cpu::allIsas()[1])));
  EXPECT_NE(program.diagnostics().find("needs its weight as #nn.form<panels>"),
            std::string::npos)
      << program.diagnostics();
}
} // namespace
