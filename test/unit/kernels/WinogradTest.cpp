// Winograd's convolutions on maps that blocks of 4 x 4 do not fit, whole
// pictures and parts of one in a tile: the transformed filter against the
// interpreter, the convolution against sums over the original filter in double,
// and the equality contract bit for bit.
#include "dialects/NN/Activation.h"
#include "test/unit/kernels/Oracle.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

using namespace tl;
using namespace tl::test;

namespace {
struct Winograd {
  int64_t h, w, inputs, outputs;
  std::vector<int64_t> pads = {1, 1, 1, 1}; // top, bottom, left, right
  const char *activation = "none";
  bool bias = true, residual = false;
  std::string halo = "0, 0, 0, 0"; // of the result
  std::string xHalo = "1, 4, 1, 4";
  bool pooled = false;

  int64_t outH() const { return h + pads[0] + pads[1] - 2; }
  int64_t outW() const { return w + pads[2] + pads[3] - 2; }
  int64_t map() const { return outH() * outW() * outputs; }
  /// Of the result.
  std::vector<int64_t> shape() const {
    int64_t side = pooled ? 2 : 1;
    return {outH() / side, outW() / side, outputs};
  }
};

Winograd pooled(Winograd c) {
  c.pooled = true;
  return c;
}

std::string filterType(const Winograd &c) {
  return "tensor<3x3x" + std::to_string(c.inputs) + "x" +
         std::to_string(c.outputs) + "xf32, #nn.form<panels>>";
}

std::string pointsType(const Winograd &c) {
  return "tensor<36x" + std::to_string(c.inputs) + "x" +
         std::to_string(c.outputs) + "xf32, #nn.form<panels>>";
}

std::string convText(const Winograd &c) {
  std::string x = picture({c.h, c.w, c.inputs}, c.xHalo);
  std::string u = pointsType(c);
  std::string b = "tensor<" + std::to_string(c.outputs) + "xf32>";
  std::string r = picture({c.outH(), c.outW(), c.outputs}, "0, 1, 2, 0");
  std::vector<int64_t> shape = c.shape();
  std::string y = picture({shape[0], shape[1], shape[2]}, c.halo);
  std::string arguments = "%x: " + x + ", %u: " + u, operands = "%x, %u";
  std::string types = x + ", " + u, pads;
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
  for (int64_t pad : c.pads)
    pads += (pads.empty() ? "" : ", ") + std::to_string(pad);
  return Program::kernel(arguments,
                         "%y = nn.winograd_conv2d " + operands +
                             " {pads = array<i64: " + pads +
                             ">, activation = #nn.act<" + c.activation + ">" +
                             (c.pooled ? ", pooled" : "") + "} : (" + types +
                             ") -> " + y + "\nrt.return %y : " + y);
}

std::string filterText(const Winograd &c) {
  return Program::kernel("%w: " + filterType(c),
                         "%u = nn.winograd_filter %w : (" + filterType(c) +
                             ") -> " + pointsType(c) +
                             "\nrt.return %u : " + pointsType(c));
}

/// Uniform weights of variance 2 / (9 inputs), as He's rule draws them.
Array heWeights(const Winograd &c) {
  Array weights = randomArray(9 * c.inputs * c.outputs, 2);
  for (float &weight : weights)
    weight *= std::sqrt(6.f / float(9 * c.inputs));
  return weights;
}

/// The convolution's arguments but the filter: x, bias, residual.
std::vector<Array> otherArguments(const Winograd &c, int64_t batch) {
  std::vector<Array> arguments = {randomArray(batch * c.h * c.w * c.inputs, 1)};
  if (c.bias)
    arguments.push_back(randomArray(c.outputs, 3));
  if (c.residual)
    arguments.push_back(randomArray(batch * c.map(), 4));
  return arguments;
}

/// The maximum of each 2 x 2 block of the maps of `batch` pictures.
template <typename Map>
Map maximaOf(const Winograd &c, const Map &map, int64_t batch) {
  Map result;
  for (int64_t n = 0; n < batch; ++n)
    for (int64_t h = 0; h + 1 < c.outH(); h += 2)
      for (int64_t w = 0; w + 1 < c.outW(); w += 2)
        for (int64_t o = 0; o < c.outputs; ++o) {
          auto at = [&](int64_t i, int64_t j) {
            int64_t row = n * c.outH() + h + i;
            return map[(row * c.outW() + w + j) * c.outputs + o];
          };
          result.push_back(std::max({at(0, 0), at(0, 1), at(1, 0), at(1, 1)}));
        }
  return result;
}

std::vector<double> exact(const Winograd &c, const std::vector<Array> &a,
                          const Array &weights, int64_t batch,
                          nn::ActivationAttr activation) {
  std::vector<double> y;
  y.reserve(batch * c.map());
  for (int64_t place = 0; place < batch * c.outH() * c.outW(); ++place) {
    int64_t n = place / (c.outH() * c.outW());
    int64_t oh = place / c.outW() % c.outH(), ow = place % c.outW();
    std::vector<double> sums(c.outputs);
    for (int64_t tap = 0; tap < 9; ++tap) {
      int64_t h = oh + tap / 3 - c.pads[0], w = ow + tap % 3 - c.pads[2];
      if (h < 0 || w < 0 || h >= c.h || w >= c.w)
        continue;
      for (int64_t i = 0; i < c.inputs; ++i)
        for (int64_t o = 0; o < c.outputs; ++o)
          sums[o] += double(a[0][((n * c.h + h) * c.w + w) * c.inputs + i]) *
                     weights[(tap * c.inputs + i) * c.outputs + o];
    }
    for (int64_t o = 0; o < c.outputs; ++o) {
      double sum = sums[o] + (c.bias ? a[1][o] : 0) +
                   (c.residual ? a.back()[place * c.outputs + o] : 0);
      y.push_back(nn::evaluateActivation(activation, sum));
    }
  }
  return c.pooled ? maximaOf(c, y, batch) : y;
}

Array runConv(Program &program, const cpu::Isa &isa, int64_t batch,
              const std::vector<Array> &others, const Array &points,
              unsigned seed = 1) {
  std::vector<Array> arguments = others;
  arguments.insert(arguments.begin() + 1, points);
  return run(program, isa, batch, arguments, seed).at(0);
}

// Each line guards one way a map can fail to fit blocks and tiles.
const Winograd kShapes[] = {
    {8, 8, 64, 64},                              // whole blocks
    {9, 9, 80, 96, {1, 1, 1, 1}, "relu"},        // one row over, 4 pictures
    {7, 6, 64, 80, {1, 1, 1, 1}, "silu", false}, // no bias; 2.5 groups
    {1, 1, 64, 64},                              // one pixel
    {11,
     14,
     96,
     64,
     {0, 1, 2, 0},
     "relu6",
     true,
     true,
     "1, 2, 0, 3",
     "2, 5, 3, 4"}, // lopsided, halos everywhere
    {5, 6, 3, 17},  // channels fit no vector
    {18, 18, 64, 128, {1, 1, 1, 1}, "relu", true, false, "1, 1, 1, 1"},
    {26, 37, 64, 64, {1, 1, 1, 1}, "relu", true, true, "1, 1, 1, 1"},
    // parts of unequal height
    // Pooled: an odd row and column are left out, with their blocks.
    pooled({9, 9, 80, 96, {1, 1, 1, 1}, "relu", true, false, "1, 1, 1, 1"}),
    pooled({2, 3, 64, 64}), // one pixel
    pooled({5, 6, 3, 17}),  // channels fit no vector
    pooled({11,
            14,
            96,
            64,
            {0, 1, 2, 0},
            "silu", // falls, then rises
            true,
            true,
            "1, 2, 0, 3",
            "2, 5, 3, 4"}), // half a block at the end, halos everywhere
    pooled({26, 37, 64, 64, {1, 1, 1, 1}, "relu", true, true, "1, 1, 1, 1"}),
};

class WinogradShapes : public testing::TestWithParam<size_t> {};

// 3e-6 of the largest result: the transforms multiply by up to 45 / 16 and
// cancel, which costs 2e-6 of it (Winograd.h) in sums of up to 864 products;
// the sums themselves lose up to 1e-6, as in a direct convolution.
TEST_P(WinogradShapes, AgreeWithTheConvolutionInDouble) {
  const Winograd &c = kShapes[GetParam()];
  int64_t batch = GetParam() % 2 ? 5 : 1;
  Program filter(filterText(c)), conv(convText(c));
  std::vector<Array> others = otherArguments(c, batch);
  Array weights = heWeights(c);
  auto op = mlir::cast<nn::WinogradConv2DOp>(conv.kernel().getComputation());
  std::vector<double> expected =
      exact(c, others, weights, batch, op.getActivationAttr());
  double largest = 0;
  for (double value : expected)
    largest = std::max(largest, std::fabs(value));
  for (const cpu::Isa *isa : runnableIsas()) {
    Array points = run(filter, *isa, 1, {weights}).at(0);
    Array y = runConv(conv, *isa, batch, others, points);
    ASSERT_EQ(y.size(), expected.size());
    for (size_t i = 0; i < expected.size(); ++i)
      ASSERT_NEAR(y[i], expected[i], 3e-6 * largest)
          << isa->name.str() << " element " << i << "\n"
          << convText(c);
  }
}

// Picture 5 of a batch of 7 has the bits that it has alone.
TEST_P(WinogradShapes, BitsDoNotDependOnTheBatch) {
  const Winograd &c = kShapes[GetParam()];
  Program conv(convText(c));
  std::vector<Array> all = otherArguments(c, 7), one = all;
  one[0] = pictureOf(one[0], 5, 7);
  if (c.residual)
    one.back() = pictureOf(one.back(), 5, 7);
  Array points = randomArray(36 * c.inputs * c.outputs, 5);
  for (const cpu::Isa *isa : runnableIsas()) {
    Array together = runConv(conv, *isa, 7, all, points, 1);
    Array alone = runConv(conv, *isa, 1, one, points, 2);
    together = pictureOf(together, 5, 7);
    ASSERT_EQ(together.size(), alone.size());
    EXPECT_EQ(0, std::memcmp(together.data(), alone.data(), alone.size() * 4));
  }
}

// Pooled, each kernel gives the bits of its map's maxima, and a NaN wherever
// one lies among the four.
TEST_P(WinogradShapes, PooledIsTheMaximumOfTheMap) {
  Winograd c = kShapes[GetParam()];
  if (c.outH() < 2 || c.outW() < 2)
    return; // nothing to pool
  c.pooled = false;
  Program plain(convText(c)), fused(convText(pooled(c)));
  std::vector<Array> others = otherArguments(c, 5);
  others[0][others[0].size() / 2] = NAN;
  Array points = randomArray(36 * c.inputs * c.outputs, 5);
  for (const cpu::Isa *isa : runnableIsas()) {
    Array map = runConv(plain, *isa, 5, others, points, 1);
    Array found = runConv(fused, *isa, 5, others, points, 2);
    // std::max may lose a NaN: the largest number stands for one.
    for (float &value : map)
      value = std::isnan(value) ? INFINITY : value;
    Array expected = maximaOf(c, map, 5);
    int nans = 0;
    for (float &value : found)
      if (std::isnan(value)) {
        value = INFINITY;
        ++nans;
      }
    ASSERT_EQ(found.size(), expected.size());
    EXPECT_GT(nans, 0);
    EXPECT_EQ(0, std::memcmp(found.data(), expected.data(), found.size() * 4));
  }
}

INSTANTIATE_TEST_SUITE_P(All, WinogradShapes,
                         testing::Range<size_t>(0, std::size(kShapes)));

// One rounding of what is exact in double: half a unit in the last place. Ends
// of panels and of a tile's inputs.
constexpr Tolerance kRoundedOnce = {6.1e-8, 1e-12};

TEST(WinogradFilter, IsRoundedOnce) {
  for (auto [inputs, outputs] : {std::pair(5, 16), {33, 37}})
    expectAgreesWithInterpreter({"nn.winograd_filter %a0",
                                 {filterType({1, 1, inputs, outputs})},
                                 pointsType({1, 1, inputs, outputs}),
                                 kRoundedOnce});
}

// Whole panels only, none, and both, of either channels.
TEST(WinogradFilter, TransposedIsRoundedOnce) {
  for (auto [inputs, outputs] : {std::pair(16, 5), {5, 16}, {37, 33}, {32, 64}})
    expectAgreesWithInterpreter({"nn.winograd_filter %a0 {transposed}",
                                 {filterType({1, 1, inputs, outputs})},
                                 pointsType({1, 1, outputs, inputs}),
                                 kRoundedOnce});
}

// A halo that holds the pads but not the rest of the last blocks is refused.
TEST(WinogradErrors, HaloTooSmall) {
  Winograd c{5, 5, 16, 16};
  c.xHalo = "1, 1, 1, 4";
  Program program(convText(c));
  EXPECT_TRUE(failed(compileKernels(program.module(), cpu::allIsas()[1])));
  EXPECT_NE(program.diagnostics().find("needs an input with 4 zeros at the "
                                       "bottom (#nn.halo), found 1"),
            std::string::npos)
      << program.diagnostics();
}
} // namespace
