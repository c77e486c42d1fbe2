// nn.dense by Strassen's algorithm: every shape below takes that form, which
// each test asks for first. Odd and even rows, one and several chunks of k;
// results against sums in double, and the equality contract bit for bit.
#include "compiler/Conversion/KernelsToCPU/CostModel.h"
#include "test/unit/kernels/Oracle.h"

#include <gtest/gtest.h>

#include <cmath>

using namespace tl;
using namespace tl::test;

namespace {
struct Shape {
  int64_t rows, inputs, outputs;
  const char *activation = "none";
  bool bias = true;
};

std::string denseText(const Shape &s) {
  std::string x = picture({s.rows, s.inputs}), y = picture({s.rows, s.outputs});
  std::string w = "tensor<" + std::to_string(s.inputs) + "x" +
                  std::to_string(s.outputs) + "xf32, #nn.form<panels>>";
  std::string b = "tensor<" + std::to_string(s.outputs) + "xf32>";
  std::string arguments = "%x: " + x + ", %w: " + w, operands = "%x, %w";
  std::string types = x + ", " + w, attributes;
  if (s.bias) {
    arguments += ", %b: " + b;
    operands += ", %b";
    types += ", " + b;
  }
  if (s.activation != std::string("none"))
    attributes = " {activation = #nn.act<" + std::string(s.activation) + ">}";
  return Program::kernel(arguments, "%y = nn.dense " + operands + attributes +
                                        " : (" + types + ") -> " + y +
                                        "\nrt.return %y : " + y);
}

/// x of so many pictures, w and the bias.
std::vector<Array> makeArguments(const Shape &s, int64_t pictures) {
  std::vector<Array> all = {randomArray(pictures * s.rows * s.inputs, 1),
                            randomArray(s.inputs * s.outputs, 2)};
  if (s.bias)
    all.push_back(randomArray(s.outputs, 3));
  return all;
}

/// The sums of one picture in double, before the activation.
std::vector<double> exactSums(const Shape &s, const std::vector<Array> &from) {
  std::vector<double> sums(s.rows * s.outputs);
  for (int64_t r = 0; r < s.rows; ++r) {
    double *row = &sums[r * s.outputs];
    for (int64_t j = 0; s.bias && j < s.outputs; ++j)
      row[j] = from[2][j];
    for (int64_t k = 0; k < s.inputs; ++k) {
      double x = from[0][r * s.inputs + k];
      for (int64_t j = 0; j < s.outputs; ++j)
        row[j] += x * from[1][k * s.outputs + j];
    }
  }
  return sums;
}

double activated(const Shape &s, double sum) {
  if (s.activation == std::string("relu"))
    return std::max(sum, 0.0);
  if (s.activation == std::string("gelu"))
    return sum * 0.5 * (1 + std::erf(sum / std::sqrt(2.0)));
  return sum;
}

/// What is tested is that form, and it saves one product of eight, but for the
/// middle row that is in both halves.
void expectStrassen(Program &program, const cpu::Isa &isa) {
  ASSERT_TRUE(succeeded(program.code(isa))) << program.diagnostics();
  auto made = cpu::emitKernel(program.kernel(), isa);
  ASSERT_TRUE(succeeded(made)) << program.diagnostics();
  EXPECT_NE(made->form.text.find("Strassen"), std::string::npos);
  EXPECT_NEAR(made->form.products, 0.875, 0.007);
}

class Strassen : public testing::TestWithParam<Shape> {};

// Quarters and their sums are multiplied and cancel again, so that an element's
// error goes with the largest results and not with its own: the plain product
// loses 0.9e-6 of the largest here, this one up to 1.8e-6.
TEST_P(Strassen, AgreesWithSumsInDouble) {
  Shape s = GetParam();
  Program program(denseText(s));
  auto arguments = makeArguments(s, 1);
  std::vector<double> sums = exactSums(s, arguments);
  double largest = 0;
  for (double sum : sums)
    largest = std::max(largest, std::fabs(sum));
  for (const cpu::Isa *isa : runnableIsas()) {
    expectStrassen(program, *isa);
    auto y = run(program, *isa, 1, arguments);
    ASSERT_EQ(y.size(), 1u);
    ASSERT_EQ(y[0].size(), sums.size());
    double worst = 0;
    for (size_t i = 0; i < sums.size(); ++i)
      worst = std::max(worst, std::fabs(y[0][i] - activated(s, sums[i])));
    EXPECT_LE(worst, 4e-6 * largest) << isa->name.str();
  }
}

// A picture has the same bits alone, in a full tile of pictures and in the one
// after it; batches of 1, 5 and 9 are cut into different ranges of columns, and
// tiles run in another order each time.
TEST_P(Strassen, BitsDoNotDependOnTheBatch) {
  Shape s = GetParam();
  constexpr int64_t kBatch = 9, kPart = 5;
  Program program(denseText(s));
  auto arguments = makeArguments(s, kBatch);
  for (const cpu::Isa *isa : runnableIsas()) {
    auto y = run(program, *isa, kBatch, arguments, /*seed=*/1);
    ASSERT_EQ(y.size(), 1u);
    auto first = arguments;
    first[0].resize(arguments[0].size() / kBatch * kPart);
    auto part = run(program, *isa, kPart, first, /*seed=*/2);
    ASSERT_EQ(part.size(), 1u);
    for (int64_t n : {0, 3, 4, 8}) {
      auto alone = arguments;
      alone[0] = pictureOf(arguments[0], n, kBatch);
      auto y1 = run(program, *isa, 1, alone, /*seed=*/3 + n);
      ASSERT_EQ(y1.size(), 1u);
      EXPECT_EQ(y1[0], pictureOf(y[0], n, kBatch)) << isa->name.str() << n;
      if (n < kPart) {
        EXPECT_EQ(y1[0], pictureOf(part[0], n, kPart)) << isa->name.str() << n;
      }
    }
  }
}

// Where the halves lie does not depend on the tiles of an instruction set: with
// fused multiply-adds all give the same bits.
TEST_P(Strassen, BitsDoNotDependOnTheTiles) {
  Shape s = GetParam();
  Program program(denseText(s));
  auto arguments = makeArguments(s, 1);
  std::vector<Array> found;
  for (const cpu::Isa *isa : runnableIsas())
    if (isa->fma)
      found.push_back(run(program, *isa, 1, arguments).front());
  if (found.size() < 2)
    GTEST_SKIP() << "this machine runs one such instruction set";
  EXPECT_EQ(found[0], found[1]);
}

INSTANTIATE_TEST_SUITE_P(
    All, Strassen,
    testing::Values(Shape{203, 320, 576, "gelu"},
                    Shape{156, 352, 576, "none", /*bias=*/false},
                    Shape{145, 1088, 576, "relu"},
                    Shape{118, 1152, 576, "none", /*bias=*/false}),
    [](const auto &info) {
      return std::to_string(info.param.rows) + "x" +
             std::to_string(info.param.inputs) + "x" +
             std::to_string(info.param.outputs) + info.param.activation;
    });

// The four products of ViT-B/16 gain by it. Heads, few tokens, short sums and
// widths without halves that vectors divide do not.
TEST(StrassenPays, ByTheShapeOfOnePicture) {
  for (cpu::StrassenShape shape : {cpu::StrassenShape{197, 768, 2304},
                                   {197, 768, 768},
                                   {197, 768, 3072},
                                   {197, 3072, 768}})
    EXPECT_TRUE(cpu::strassenPays(shape)) << shape.outputs;
  for (cpu::StrassenShape shape : {cpu::StrassenShape{1, 8192, 1024},
                                   {2, 8192, 8192},
                                   {65, 128, 384},
                                   {197, 64, 4096},
                                   {197, 768, 16},
                                   {3136, 256, 1024},
                                   {197, 768, 800},
                                   {197, 776, 3072}})
    EXPECT_FALSE(cpu::strassenPays(shape)) << shape.outputs;
}
} // namespace
