// Convolutions with groups and the gradients of all convolutions against the
// interpreter, on shapes that fit nothing: odd sizes, one pixel, one channel,
// strides that do not divide, dilation, channels that are no multiple of any
// vector, pads on one side; with several tiles and blocks of the sum.
#include "test/unit/kernels/Oracle.h"

#include "dialects/NN/Reach.h"
#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>

using namespace mlir;
using namespace tl;
using namespace tl::test;

namespace {
struct Conv {
  int64_t h, w, ic, oc, kh = 3, kw = 3;
  int64_t strides[2] = {1, 1}, dilations[2] = {1, 1};
  int64_t pads[4] = {1, 1, 1, 1}; // top, bottom, left, right
  int64_t groups = 1;

  int64_t out(unsigned d) const {
    int64_t in = (d ? w : h) + pads[2 * d] + pads[2 * d + 1];
    return (in - ((d ? kw : kh) - 1) * dilations[d] - 1) / strides[d] + 1;
  }
};

std::string list(ArrayRef<int64_t> values) {
  std::string text = "array<i64: ";
  for (size_t i = 0; i < values.size(); ++i)
    text += (i ? ", " : "") + std::to_string(values[i]);
  return text + ">";
}

std::string attributes(const Conv &c) {
  return " {strides = " + list(c.strides) + ", pads = " + list(c.pads) +
         ", dilations = " + list(c.dilations) +
         ", groups = " + std::to_string(c.groups) + " : i64}";
}

/// `outputs` last; panels where the convolution has one group.
std::string filter(const Conv &c, int64_t inputs, int64_t outputs) {
  return "tensor<" + std::to_string(c.kh) + "x" + std::to_string(c.kw) + "x" +
         std::to_string(inputs) + "x" + std::to_string(outputs) + "xf32" +
         (c.groups == 1 ? ", #nn.form<panels>>" : ">");
}

std::string halo(const int64_t *sides) {
  std::string text;
  for (int i = 0; i < 4; ++i)
    text += (i ? ", " : "") + std::to_string(sides[i]);
  return text == "0, 0, 0, 0" ? "" : text;
}

std::string input(const Conv &c) {
  return picture({c.h, c.w, c.ic}, halo(c.pads));
}

/// dy with the halo that the layout pass would give it, from a brute force
/// that knows nothing of residues: which rows of dy any row of dx reads.
std::string gradient(const Conv &c) {
  int64_t sides[4] = {0, 0, 0, 0};
  for (unsigned d : {0, 1})
    for (int64_t at = 0; at < (d ? c.w : c.h); ++at)
      for (int64_t y = -64; y < 64; ++y)
        for (int64_t k = 0; k < (d ? c.kw : c.kh); ++k)
          if (y * c.strides[d] - c.pads[2 * d] + k * c.dilations[d] == at) {
            sides[2 * d] = std::max(sides[2 * d], -y);
            sides[2 * d + 1] = std::max(sides[2 * d + 1], y - c.out(d) + 1);
          }
  return picture({c.out(0), c.out(1), c.oc}, halo(sides));
}

// A sum of n products below 1, rounded at each step: n 2^-24 of n at most,
// typically far less.
Tolerance sumOf(int64_t products) {
  return {0, 2e-7 * double(products) + 1e-6};
}

void checkForward(const Conv &c) {
  expectAgreesWithInterpreter(
      {"nn.conv2d %a0, %a1" + attributes(c),
       {input(c), filter(c, c.ic / c.groups, c.oc)},
       picture({c.out(0), c.out(1), c.oc}, "1, 0, 0, 2"),
       sumOf(c.kh * c.kw * c.ic / c.groups)});
}

void checkGradInput(const Conv &c) {
  expectAgreesWithInterpreter({"nn.conv2d_grad_input %a0, %a1" + attributes(c),
                               {gradient(c), filter(c, c.oc / c.groups, c.ic)},
                               picture({c.h, c.w, c.ic}, "0, 1, 2, 0"),
                               sumOf(c.kh * c.kw * c.oc / c.groups)});
}

// For a batch of up to 7.
void checkGradFilter(const Conv &c) {
  expectAgreesWithInterpreter({"nn.conv2d_grad_filter %a0, %a1" + attributes(c),
                               {input(c), gradient(c)},
                               filter(c, c.ic / c.groups, c.oc),
                               sumOf(7 * c.out(0) * c.out(1))});
}

void checkTranspose(const Conv &c) {
  expectAgreesWithInterpreter({"nn.transpose_filter %a0 {groups = " +
                                   std::to_string(c.groups) + " : i64}",
                               {filter(c, c.ic / c.groups, c.oc)},
                               filter(c, c.oc / c.groups, c.ic)});
}

// Each line guards one way a shape can fail to fit.
const Conv kShapes[] = {
    {5, 7, 3, 8},                                      // small filter, odd
    {1, 1, 4, 16},                                     // one pixel
    {9, 9, 5, 33, 3, 3, {1, 1}, {1, 1}, {1, 1, 1, 1}}, // rows merged
    {6, 31, 2, 48},                                    // 1.5 groups of columns
    {11, 10, 3, 20, 3, 3, {2, 2}, {1, 1}, {0, 1, 0, 1}}, // Keras's padding
    {13, 12, 7, 1, 5, 5, {3, 3}, {1, 1}, {2, 2, 2, 2}},  // one output
    {12, 9, 1, 17, 3, 3, {1, 1}, {2, 2}, {2, 2, 2, 2}},  // one input, dilation
    {12, 11, 6, 18, 3, 3, {2, 2}, {2, 2}, {2, 2, 2, 2}}, // both share a factor
    {12, 11, 6, 18, 3, 2, {2, 3}, {3, 2}, {2, 2, 1, 0}}, // both do not
    {8, 8, 21, 35, 2, 3, {1, 1}, {1, 1}, {0, 0, 1, 0}}, // even filter, lopsided
    {7, 7, 19, 40, 1, 1, {1, 1}, {1, 1}, {0, 0, 0, 0}}, // 1x1
    {10, 13, 8, 64, 1, 1, {2, 2}, {1, 1}, {0, 0, 0, 0}}, // pixels without taps
    {3, 2, 2, 3, 1, 1, {4, 4}, {1, 1}, {0, 0, 0, 0}},    // stride beyond it all
    {4, 6, 3, 5, 2, 2, {1, 2}, {1, 1}, {3, 0, 0, 3}},    // pads beyond filter
    {40, 30, 16, 40},                                    // several tiles
    // operands of the filter's gradient packed: one, both, strided, dilated
    {16, 16, 257, 17, 2, 2, {1, 1}, {1, 1}, {0, 0, 0, 0}}, // two pictures
    {26, 23, 20, 257, 2, 2, {1, 1}, {1, 1}, {0, 0, 0, 0}}, // parts of one
    {27, 23, 256, 3, 3, 2, {1, 1}, {2, 1}, {2, 2, 0, 0}},  // and of x
    {7, 9, 259, 258, 3, 1, {2, 2}, {1, 1}, {0, 1, 0, 0}},
    // groups: two, with several outputs an input, with one channel of two
    {7, 5, 8, 12, 3, 3, {1, 1}, {1, 1}, {1, 1, 1, 1}, 2},
    {9, 8, 6, 18, 3, 3, {2, 2}, {1, 1}, {0, 1, 0, 1}, 6},
    {5, 6, 70, 35, 2, 2, {1, 1}, {1, 1}, {0, 0, 1, 1}, 35},
    {8, 8, 48, 80, 3, 3, {1, 1}, {2, 2}, {2, 2, 2, 2}, 2},
    // one filter a channel
    {9, 9, 8, 8, 3, 3, {1, 1}, {1, 1}, {1, 1, 1, 1}, 8},
    {10, 11, 27, 27, 3, 3, {2, 2}, {1, 1}, {0, 1, 0, 1}, 27},
    {12, 10, 83, 83, 5, 7, {1, 1}, {1, 2}, {2, 2, 6, 6}, 83},
    {6, 5, 3, 3, 2, 2, {3, 3}, {2, 2}, {1, 1, 1, 1}, 3},
};

class ConvGradients : public testing::TestWithParam<size_t> {};

// The convolutions with groups; those with one have a test of their own.
TEST_P(ConvGradients, Forward) {
  if (kShapes[GetParam()].groups > 1)
    checkForward(kShapes[GetParam()]);
}
TEST_P(ConvGradients, Input) { checkGradInput(kShapes[GetParam()]); }
TEST_P(ConvGradients, Filter) { checkGradFilter(kShapes[GetParam()]); }
TEST_P(ConvGradients, TransposedFilter) { checkTranspose(kShapes[GetParam()]); }

INSTANTIATE_TEST_SUITE_P(All, ConvGradients,
                         testing::Range<size_t>(0, std::size(kShapes)));
} // namespace
