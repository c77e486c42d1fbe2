// Pooling kernels against the interpreter: windows that reach past the
// picture, halos on both sides, single pixels, odd channels.
#include "test/unit/kernels/Oracle.h"

#include <gtest/gtest.h>

#include <cmath>

using namespace tl;
using namespace tl::test;

namespace {
const std::string kHalo = "1, 0, 2, 1", kOther = "0, 2, 1, 3";

struct Geometry {
  std::initializer_list<int64_t> in, out;
  std::string windows;
};

std::string windows(const std::string &window, const std::string &strides,
                    const std::string &pads) {
  return "window = array<i64: " + window +
         ">, strides = array<i64: " + strides + ">, pads = array<i64: " + pads +
         ">";
}

const Geometry kGeometries[] = {
    {{5, 7, 17}, {2, 3, 17}, windows("2, 2", "2, 2", "0, 0, 0, 0")},
    {{5, 7, 3}, {3, 4, 3}, windows("3, 3", "2, 2", "1, 1, 1, 1")},
    {{6, 6, 1}, {3, 3, 1}, windows("3, 3", "2, 2", "0, 1, 0, 1")},
    {{1, 1, 1}, {1, 1, 1}, windows("3, 3", "1, 1", "1, 1, 1, 1")},
    {{3, 9, 130}, {2, 9, 130}, windows("2, 5", "1, 1", "0, 0, 2, 2")},
    {{40, 41, 64}, {20, 20, 64}, windows("2, 2", "2, 2", "0, 0, 0, 0")},
    {{33, 31, 40}, {17, 16, 40}, windows("3, 3", "2, 2", "1, 1, 1, 1")},
    {{9, 7, 5}, {3, 2, 5}, windows("2, 1", "3, 4", "0, 0, 0, 0")},
};

// All values negative, where a zero of padding or halo would win. A maximum
// is exact.
TEST(MaxPool, AgreesWithInterpreter) {
  auto fill = [](unsigned, int64_t elements) {
    Array values = randomArray(elements, 5);
    for (float &value : values)
      value -= 1;
    return values;
  };
  for (const Geometry &g : kGeometries)
    for (bool halo : {false, true})
      expectAgreesWithInterpreter({"nn.max_pool %a0 {" + g.windows + "}",
                                   {picture(g.in, halo ? kHalo : "")},
                                   picture(g.out, halo ? kOther : ""),
                                   {},
                                   false,
                                   "",
                                   fill});
}

// A NaN wins wherever it stands in the window: it must reach the loss.
TEST(MaxPool, KeepsNaN) {
  std::string in = picture({1, 4, 1}), out = picture({1, 1, 1});
  Program program(Program::kernel(
      "%x: " + in, "%y = nn.max_pool %x {" +
                       windows("1, 4", "1, 1", "0, 0, 0, 0") + "} : (" + in +
                       ") -> " + out + "\nrt.return %y : " + out));
  for (const cpu::Isa *isa : runnableIsas())
    for (int place = 0; place < 4; ++place) {
      Array x = {1, 2, 3, 4};
      x[place] = NAN;
      auto y = run(program, *isa, 1, {x});
      ASSERT_EQ(y.size(), 1u);
      EXPECT_TRUE(std::isnan(y[0][0])) << "at " << place;
    }
}

// Values of a small set, so that windows hold equal elements: the first wins.
// At most nine windows share an element: their dy are added, 9 roundings of
// values that reach 9.
TEST(MaxPoolGrad, AgreesWithInterpreter) {
  auto fill = [](unsigned index, int64_t elements) {
    Array values = randomArray(elements, 5 + index);
    if (index == 1)
      for (float &value : values)
        value = std::round(value * 3) - 4;
    return values;
  };
  for (const Geometry &g : kGeometries)
    for (bool halo : {false, true})
      expectAgreesWithInterpreter(
          {"nn.max_pool_grad %a0, %a1 {" + g.windows + "}",
           {picture(g.out, halo ? kOther : ""),
            picture(g.in, halo ? kHalo : "")},
           picture(g.in, halo ? kOther : ""),
           {0, 3e-6},
           false,
           "",
           fill});
}

// A NaN wins as in the forward pass, and a window of -inf has a winner too.
TEST(MaxPoolGrad, FollowsNaNAndInfinity) {
  std::string in = picture({1, 4, 1}), out = picture({1, 1, 1});
  Program program(Program::kernel("%dy: " + out + ", %x: " + in,
                                  "%dx = nn.max_pool_grad %dy, %x {" +
                                      windows("1, 4", "1, 1", "0, 0, 0, 0") +
                                      "} : (" + out + ", " + in + ") -> " + in +
                                      "\nrt.return %dx : " + in));
  for (const cpu::Isa *isa : runnableIsas()) {
    EXPECT_EQ(run(program, *isa, 1, {{2}, {9, NAN, 1, NAN}})[0],
              (Array{0, 2, 0, 0}));
    EXPECT_EQ(run(program, *isa, 1, {{2}, Array(4, -INFINITY)})[0],
              (Array{2, 0, 0, 0}));
  }
}

// Up to ten shares of less than 1 are added: 1e-6, as in the forward pass.
TEST(AvgPoolGrad, AgreesWithInterpreter) {
  for (const Geometry &g : kGeometries)
    for (std::string count : {"", "count_padding, "})
      expectAgreesWithInterpreter(
          {"nn.avg_pool_grad %a0 {" + count + g.windows + "}",
           {picture(g.out, count.empty() ? kHalo : "")},
           picture(g.in, count.empty() ? kOther : ""),
           {0, 1e-6}});
}

// Up to ten additions of values below 1 and a division: 10 units of 10 at the
// most, divided by the count: 1e-6.
TEST(AvgPool, AgreesWithInterpreter) {
  for (const Geometry &g : kGeometries)
    for (std::string count : {"", "count_padding, "})
      expectAgreesWithInterpreter(
          {"nn.avg_pool %a0 {" + count + g.windows + "}",
           {picture(g.in, kHalo)},
           picture(g.out, count.empty() ? kOther : ""),
           {0, 1e-6}});
}

/// Sizes that divide and that do not, fewer elements than windows, odd
/// channels.
const struct Adaptive {
  std::initializer_list<int64_t> in, out;
} kAdaptive[] = {{{9, 8, 17}, {7, 7, 17}},   {{5, 7, 3}, {3, 4, 3}},
                 {{1, 1, 1}, {7, 5, 1}},     {{14, 21, 130}, {7, 7, 130}},
                 {{33, 31, 40}, {7, 6, 40}}, {{3, 5, 6}, {7, 2, 6}}};

// At most 36 values below 1 are added and divided by their number: 36 units of
// 36 at the most, over 36: 2e-6.
TEST(AdaptiveAvgPool, AgreesWithInterpreter) {
  for (const auto &[in, out] : kAdaptive)
    for (bool halo : {false, true})
      expectAgreesWithInterpreter({"nn.adaptive_avg_pool %a0",
                                   {picture(in, halo ? kHalo : "")},
                                   picture(out, halo ? kOther : ""),
                                   {0, 2e-6}});
}

// At most 35 shares below 1 are added, one after another, to sums below 35:
// 1 + 2 + ... + 35 roundings of 2^-24 each: 4e-5. A share by a wrong count is
// off by a hundredth of a value and more.
TEST(AdaptiveAvgPoolGrad, AgreesWithInterpreter) {
  for (const auto &[in, out] : kAdaptive)
    for (bool halo : {false, true})
      expectAgreesWithInterpreter({"nn.adaptive_avg_pool_grad %a0",
                                   {picture(out, halo ? kHalo : "")},
                                   picture(in, halo ? kOther : ""),
                                   {0, 4e-5}});
}

// A row's sum of 40 values and 40 such sums: chains of 80 roundings of values
// that reach about 40, over 1600: 1e-6.
TEST(GlobalAvgPool, AgreesWithInterpreter) {
  auto check = [](std::initializer_list<int64_t> shape, int64_t channels,
                  const std::string &halo) {
    expectAgreesWithInterpreter({"nn.global_avg_pool %a0",
                                 {picture(shape, halo)},
                                 picture({channels}),
                                 {0, 1e-6}});
  };
  check({7, 5, 17}, 17, kHalo);
  check({1, 1, 1}, 1, "");
  check({1, 3, 3}, 3, kHalo);
  check({40, 40, 16}, 16, "");
  check({4, 4, 259}, 259, "");
}

// One division.
TEST(GlobalAvgPoolGrad, AgreesWithInterpreter) {
  auto check = [](std::initializer_list<int64_t> shape, int64_t channels,
                  const std::string &halo) {
    expectAgreesWithInterpreter({"nn.global_avg_pool_grad %a0",
                                 {picture({channels})},
                                 picture(shape, halo),
                                 {6e-8, 0}});
  };
  check({7, 5, 17}, 17, kHalo);
  check({1, 1, 1}, 1, "");
  check({1, 3, 3}, 3, kOther);
  check({40, 40, 16}, 16, "");
}
} // namespace
