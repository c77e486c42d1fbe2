// nn.conv2d against sums in double, on shapes that fit nothing: odd sizes, one
// pixel, one channel, strides that do not divide, channels that are no multiple
// of any vector; and the equality contract bit for bit.
#include "dialects/NN/Activation.h"
#include "test/unit/kernels/Harness.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

using namespace tl;
using namespace tl::test;

namespace {
struct Conv {
  int64_t h, w, ic, oc, kh = 3, kw = 3, stride = 1, dilation = 1;
  int64_t pads[4] = {1, 1, 1, 1}; // top, bottom, left, right
  const char *activation = "none";
  bool bias = true, residual = false, depthwise = false;
  int64_t outHalo[4] = {0, 0, 0, 0};
  int64_t moreHalo = 0; // beyond what the pads need

  int64_t outH() const {
    return (h + pads[0] + pads[1] - (kh - 1) * dilation - 1) / stride + 1;
  }
  int64_t outW() const {
    return (w + pads[2] + pads[3] - (kw - 1) * dilation - 1) / stride + 1;
  }
};

std::string tensor(std::vector<int64_t> shape, const std::string &encoding) {
  std::string text = "tensor<";
  for (int64_t d : shape)
    text += (d < 0 ? "?" : std::to_string(d)) + "x";
  return text + "f32" + (encoding.empty() ? "" : ", " + encoding) + ">";
}

std::string halo(const int64_t *h, int64_t more = 0) {
  std::string text = "#nn.halo<";
  int64_t sum = 0;
  for (int i = 0; i < 4; ++i) {
    text += (i ? ", " : "") + std::to_string(h[i] + more);
    sum += h[i] + more;
  }
  return sum ? text + ">" : "";
}

std::string list(std::initializer_list<int64_t> values) {
  std::string text = "array<i64: ";
  for (const int64_t &v : values)
    text += (values.begin() == &v ? "" : ", ") + std::to_string(v);
  return text + ">";
}

std::string kernelText(const Conv &c) {
  std::string x = tensor({-1, c.h, c.w, c.ic}, halo(c.pads, c.moreHalo));
  std::string w = tensor({c.kh, c.kw, c.depthwise ? 1 : c.ic, c.oc},
                         c.depthwise ? "" : "#nn.form<panels>");
  std::string b = tensor({c.oc}, "");
  int64_t residualHalo[4] = {0, 1, 2, 0};
  std::string r = tensor({-1, c.outH(), c.outW(), c.oc}, halo(residualHalo));
  std::string y = tensor({-1, c.outH(), c.outW(), c.oc}, halo(c.outHalo));
  std::string arguments = "%x: " + x + ", %w: " + w;
  std::string operands = "%x, %w", types = x + ", " + w;
  if (c.bias) {
    arguments += ", %b: " + b;
    operands += ", %b";
    types += ", " + b;
  }
  if (c.residual) {
    arguments += ", %r: " + r;
    operands += " residual %r";
    types += ", " + r;
  }
  return Program::kernel(
      arguments,
      "%y = nn.conv2d " + operands +
          " {strides = " + list({c.stride, c.stride}) +
          ", dilations = " + list({c.dilation, c.dilation}) +
          ", pads = " + list({c.pads[0], c.pads[1], c.pads[2], c.pads[3]}) +
          ", groups = " + std::to_string(c.depthwise ? c.oc : 1) +
          " : i64, activation = #nn.act<" + c.activation + ">} : (" + types +
          ") -> " + y + "\nrt.return %y : " + y);
}

std::vector<Array> makeArguments(const Conv &c, int64_t batch) {
  std::vector<Array> arguments = {
      randomArray(batch * c.h * c.w * c.ic, 1),
      randomArray(c.kh * c.kw * (c.depthwise ? 1 : c.ic) * c.oc, 2)};
  if (c.bias)
    arguments.push_back(randomArray(c.oc, 3));
  if (c.residual)
    arguments.push_back(randomArray(batch * c.outH() * c.outW() * c.oc, 4));
  return arguments;
}

/// Element (n, oh, ow, oc) in double, and the sum of the absolute products.
double exact(const Conv &c, const std::vector<Array> &a, int64_t n, int64_t oh,
             int64_t ow, int64_t oc, double &magnitude) {
  double sum = c.bias ? a[2][oc] : 0;
  magnitude = std::fabs(sum);
  int64_t ics = c.depthwise ? 1 : c.ic;
  for (int64_t kh = 0; kh < c.kh; ++kh)
    for (int64_t kw = 0; kw < c.kw; ++kw)
      for (int64_t ic = 0; ic < ics; ++ic) {
        int64_t ih = oh * c.stride - c.pads[0] + kh * c.dilation;
        int64_t iw = ow * c.stride - c.pads[2] + kw * c.dilation;
        if (ih < 0 || iw < 0 || ih >= c.h || iw >= c.w)
          continue;
        double product = double(a[0][((n * c.h + ih) * c.w + iw) * c.ic +
                                     (c.depthwise ? oc : ic)]) *
                         a[1][((kh * c.kw + kw) * ics + ic) * c.oc + oc];
        sum += product;
        magnitude += std::fabs(product);
      }
  if (c.residual)
    sum += a.back()[((n * c.outH() + oh) * c.outW() + ow) * c.oc + oc];
  return sum;
}

void check(const Conv &c, int64_t batch) {
  Program program(kernelText(c));
  auto conv = mlir::cast<nn::Conv2DOp>(program.kernel().getComputation());
  std::vector<Array> arguments = makeArguments(c, batch);
  int64_t row = c.outW() * c.oc, map = c.outH() * row;
  std::vector<double> expected(batch * map), magnitude(batch * map);
  for (int64_t i = 0; i < batch * map; ++i)
    expected[i] =
        nn::evaluateActivation(conv.getActivationAttr(),
                               exact(c, arguments, i / map, i % map / row,
                                     i % row / c.oc, i % c.oc, magnitude[i]));
  for (const cpu::Isa *isa : runnableIsas()) {
    auto y = run(program, *isa, batch, arguments);
    ASSERT_EQ(y.size(), 1u) << kernelText(c);
    ASSERT_EQ(y[0].size(), expected.size());
    // n roundings of at most half an ulp of the partial sums
    for (size_t i = 0; i < expected.size(); ++i)
      ASSERT_NEAR(y[0][i], expected[i], 1e-6 * (magnitude[i] + 1))
          << isa->name.str() << " element " << i << "\n"
          << kernelText(c);
  }
}

// Each line guards one way a shape can fail to fit the micro-tile.
const Conv kShapes[] = {
    {5, 7, 3, 8},  // first layer, few outputs
    {1, 1, 4, 16}, // one pixel
    {9, 9, 5, 33, 3, 3, 1, 1, {1, 1, 1, 1}, "relu"},
    {6, 31, 2, 48},                            // odd width, 1.5 groups
    {11, 10, 3, 20, 3, 3, 2, 1, {0, 1, 0, 1}}, // Keras's padding, stride 2
    {13, 13, 7, 1, 5, 5, 3, 1, {2, 2, 2, 2}},  // one output channel
    {12, 9, 1, 17, 3, 3, 1, 2, {2, 2, 2, 2}},  // dilation, one input channel
    {8, 8, 6, 35, 2, 3, 1, 1, {0, 0, 1, 0}, "relu6"}, // even filter, lopsided
    {7, 7, 19, 40, 1, 1, 1, 1, {0, 0, 0, 0}, "silu"}, // 1x1: rows merged
    {10, 14, 8, 64, 1, 1, 2, 1, {0, 0, 0, 0}},        // 1x1 with stride
    {4,
     5,
     3,
     24,
     3,
     3,
     1,
     1,
     {1, 1, 1, 1},
     "relu",
     true,
     true,
     false,
     {1, 2, 0, 3},
     1}, // residual, halos everywhere
    {3,
     4,
     9,
     32,
     1,
     1,
     1,
     1,
     {0, 0, 0, 0},
     "gelu",
     false,
     true,
     false,
     {1, 1, 1, 1}}, // no bias, 1x1 into a halo
    {40,
     30,
     16,
     160,
     3,
     3,
     1,
     1,
     {1, 1, 1, 1},
     "relu",
     true,
     false,
     false,
     {1, 1, 1, 1}}, // several row and group tiles
    // depthwise
    {9, 9, 8, 8, 3, 3, 1, 1, {1, 1, 1, 1}, "relu6", true, false, true},
    {10,
     11,
     27,
     27,
     3,
     3,
     2,
     1,
     {0, 1, 0, 1},
     "relu",
     true,
     true,
     true,
     {1, 1, 1, 1}},
    {5, 6, 1, 1, 5, 5, 1, 1, {2, 2, 2, 2}, "none", false, false, true},
    {12,
     12,
     64,
     64,
     3,
     3,
     1,
     2,
     {2, 2, 2, 2},
     "none",
     true,
     false,
     true,
     {0, 1, 1, 0},
     1},
};

class ConvShapes : public testing::TestWithParam<size_t> {};

TEST_P(ConvShapes, AgreeWithDouble) {
  check(kShapes[GetParam()], GetParam() % 2 ? 3 : 1);
}

// Picture 5 of a batch of 7 has the bits that it has alone.
TEST_P(ConvShapes, BitsDoNotDependOnTheBatch) {
  const Conv &c = kShapes[GetParam()];
  Program program(kernelText(c));
  std::vector<Array> all = makeArguments(c, 7), one = all;
  one[0] = pictureOf(one[0], 5, 7);
  if (c.residual)
    one.back() = pictureOf(one.back(), 5, 7);
  for (const cpu::Isa *isa : runnableIsas()) {
    auto together = run(program, *isa, 7, all, 1);
    auto alone = run(program, *isa, 1, one, 2);
    ASSERT_EQ(together.size() + alone.size(), 2u);
    together[0] = pictureOf(together[0], 5, 7);
    EXPECT_EQ(0, std::memcmp(together[0].data(), alone[0].data(),
                             alone[0].size() * 4));
  }
}

INSTANTIATE_TEST_SUITE_P(All, ConvShapes,
                         testing::Range<size_t>(0, std::size(kShapes)));

// A halo too small is named, with the side and both numbers.
TEST(ConvErrors, HaloTooSmall) {
  Program program(Program::kernel(
      "%x: tensor<?x5x5x3xf32>, %w: tensor<3x3x3x8xf32, #nn.form<panels>>",
      "%y = nn.conv2d %x, %w {pads = array<i64: 1, 1, 1, 1>} : "
      "(tensor<?x5x5x3xf32>, tensor<3x3x3x8xf32, #nn.form<panels>>) -> "
      "tensor<?x5x5x8xf32>\nrt.return %y : tensor<?x5x5x8xf32>"));
  EXPECT_TRUE(failed(compileKernels(program.module(), cpu::allIsas()[1])));
  EXPECT_NE(program.diagnostics().find(
                "needs an input with 1 zeros at the top (#nn.halo), found 0"),
            std::string::npos)
      << program.diagnostics();
}

// Panels of one group hold channels of others: refused, not computed wrongly.
TEST(ConvErrors, PanelsOfGroups) {
  Program program(Program::kernel(
      "%x: tensor<?x5x5x4xf32>, %w: tensor<1x1x2x8xf32, #nn.form<panels>>",
      "%y = nn.conv2d %x, %w {groups = 2 : i64} : (tensor<?x5x5x4xf32>, "
      "tensor<1x1x2x8xf32, #nn.form<panels>>) -> tensor<?x5x5x8xf32>\n"
      "rt.return %y : tensor<?x5x5x8xf32>"));
  EXPECT_TRUE(failed(compileKernels(program.module(), cpu::allIsas()[1])));
  EXPECT_NE(program.diagnostics().find("needs its filter in canonical form"),
            std::string::npos)
      << program.diagnostics();
}

// An operation without an emitter is an error that names it.
TEST(KernelErrors, NoEmitter) {
  Program program(Program::kernel("%x: tensor<?x4xf32>",
                                  "%y = arith.negf %x : tensor<?x4xf32>\n"
                                  "rt.return %y : tensor<?x4xf32>"));
  EXPECT_TRUE(failed(compileKernels(program.module(), cpu::allIsas()[1])));
  EXPECT_NE(program.diagnostics().find("'arith.negf' op has no CPU kernel"),
            std::string::npos)
      << program.diagnostics();
}
} // namespace
