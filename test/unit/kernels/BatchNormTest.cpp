// Batch normalisation, its statistics and its gradients against the
// interpreter.
#include "test/unit/kernels/Oracle.h"

#include <gtest/gtest.h>

#include <cmath>

using namespace tl;
using namespace tl::test;

namespace {
const std::string kHalo = "1, 0, 2, 1", kOther = "0, 2, 1, 3";

/// A shape of a picture's value and its places.
struct Shape {
  std::vector<int64_t> sizes;
  int64_t channels() const { return sizes.back(); }
  int64_t places() const {
    int64_t count = 1;
    for (size_t i = 0; i + 1 < sizes.size(); ++i)
      count *= sizes[i];
    return count;
  }
  /// Its type, with the halo where the shape can have one.
  std::string type(const std::string &halo = "") const {
    std::string text = "tensor<?x";
    for (int64_t size : sizes)
      text += std::to_string(size) + "x";
    bool placed = sizes.size() == 3 && !halo.empty();
    return text + "f32" + (placed ? ", #nn.halo<" + halo + ">>" : ">");
  }
  std::string vector() const {
    return "tensor<" + std::to_string(channels()) + "xf32>";
  }
};

/// One value, one channel, one place; channels that leave a remainder of every
/// width, that fill one tile and that need several; tokens.
std::vector<Shape> shapes() {
  return {{{1}},        {{3}},        {{131}},      {{1, 1, 3}},   {{7, 9, 1}},
          {{5, 3, 17}}, {{4, 3, 64}}, {{2, 3, 95}}, {{40, 40, 3}}, {{5, 7}}};
}

/// Random values; those of argument `variances` between 0.25 and 1.25.
std::function<Array(unsigned, int64_t)> withVariances(unsigned variances) {
  return [=](unsigned index, int64_t elements) {
    Array values = randomArray(elements, index + 1);
    if (index == variances)
      for (float &value : values)
        value = std::fabs(value) + 0.25f;
    return values;
  };
}

// Four roundings of values below about 20 (1 / sqrt(0.01) / ...): 4e-6.
TEST(BatchNorm, AgreesWithInterpreter) {
  auto fill = [](unsigned index, int64_t elements) {
    Array values = randomArray(elements, index + 1);
    if (index == 4) // variances are not negative
      for (float &value : values)
        value = std::fabs(value);
    return values;
  };
  auto check = [&](const std::string &in, const std::string &out, int64_t c) {
    std::string channel = "tensor<" + std::to_string(c) + "xf32>";
    for (std::string statistics : {"", ", batch_statistics"})
      expectAgreesWithInterpreter(
          {"nn.batch_norm %a0, %a1, %a2, %a3, %a4 {epsilon = 0.01" +
               statistics + "}",
           {in, channel, channel, channel, channel},
           out,
           {1e-6, 4e-6},
           false,
           "",
           fill});
  };
  check(picture({5, 3, 17}, kHalo), picture({5, 3, 17}, kOther), 17);
  check(picture({1, 1, 3}), picture({1, 1, 3}), 3);
  check(picture({33, 17, 64}), picture({33, 17, 64}), 64);
  check(picture({1}), picture({1}), 1);
}

// Sums in double of f32 values are exact here; mean and variance then round
// once: 6e-8.
TEST(BatchStats, AgreesWithInterpreter) {
  for (const Shape &shape : shapes())
    for (std::string halo : {"", kHalo.c_str()})
      expectAgreesWithInterpreter(
          {"nn.batch_stats %a0",
           {shape.type(halo)},
           "(" + shape.vector() + ", " + shape.vector() + ")",
           {6e-8, 1e-12}});
}

// A mean a thousand or a million deviations away costs the variance no digit:
// the tolerance is the same.
TEST(BatchStats, LargeMeans) {
  for (float mean : {1000.0f, -1000.0f, 1e6f}) {
    auto fill = [=](unsigned, int64_t elements) {
      Array values = randomArray(elements, 5);
      for (float &value : values)
        value = mean + 2 * value;
      return values;
    };
    for (const Shape &shape : {Shape{{33}}, Shape{{5, 7, 17}}})
      expectAgreesWithInterpreter(
          {"nn.batch_stats %a0",
           {shape.type()},
           "(" + shape.vector() + ", " + shape.vector() + ")",
           {6e-8, 1e-12},
           false,
           "",
           fill});
  }
}

// Equal values have no variance, whatever their size, and a NaN is seen.
TEST(BatchStats, EqualValuesAndNaN) {
  std::string type = picture({3, 1, 2}), vector = "tensor<2xf32>";
  Program program(Program::kernel(
      "%x: " + type, "%m:2 = nn.batch_stats %x : (" + type + ") -> (" + vector +
                         ", " + vector + ")\nrt.return %m#0, %m#1 : " + vector +
                         ", " + vector));
  for (const cpu::Isa *isa : runnableIsas()) {
    auto results = run(program, *isa, 1, {{1.1e7f, 0, 1.1e7f, NAN, 1.1e7f, 0}});
    EXPECT_EQ(results[0][0], 1.1e7f);
    EXPECT_EQ(results[1][0], 0);
    EXPECT_TRUE(std::isnan(results[0][1]));
    EXPECT_TRUE(std::isnan(results[1][1]));
  }
}

// Two products and a sum of values up to 2.5 (M / (M - 1) is at most 2): three
// roundings.
TEST(MovingAverage, AgreesWithInterpreter) {
  for (const Shape &shape : shapes())
    for (std::string options :
         {"{momentum = 0.99}", "{momentum = 0.0, unbiased}",
          "{momentum = 0.9, unbiased}"})
      expectAgreesWithInterpreter(
          {"nn.moving_average %a0 by %a1 of %a2 " + options,
           {shape.vector(), shape.vector(), shape.type(kHalo)},
           shape.vector(),
           {1.2e-7, 1.2e-7},
           true,
           "in_place = array<i64: 0, 0>"});
}

// Each of the N places products of values up to 1 and 2 rounds by 1.2e-7 at
// most, and so does the difference to the mean before it; the sum is divided by
// half.
TEST(BatchNormGradAffine, AgreesWithInterpreter) {
  for (const Shape &shape : shapes())
    for (auto [dy, x] : {std::pair<std::string, std::string>{"", ""},
                         {kHalo, kOther},
                         {"", kOther}})
      expectAgreesWithInterpreter(
          {"nn.batch_norm_grad_affine %a0, %a1, %a2, %a3 {epsilon = 0.01}",
           {shape.type(dy), shape.type(x), shape.vector(), shape.vector()},
           "(" + shape.vector() + ", " + shape.vector() + ")",
           {1e-6, 4.8e-7 * 7 * double(shape.places())},
           false,
           "",
           withVariances(3)});
}

// Inference: a root, a quotient and two products of values up to 2: four
// roundings. Through the statistics there are two more terms, of up to 2 and 8
// over M: twelve in all.
TEST(BatchNormGradInput, AgreesWithInterpreter) {
  for (const Shape &shape : shapes())
    for (auto [dy, x, dx] : {std::array<std::string, 3>{"", "", ""},
                             {kHalo, kOther, kHalo},
                             {"", kHalo, kOther}}) {
      expectAgreesWithInterpreter(
          {"nn.batch_norm_grad_input %a0, %a1, %a2 {epsilon = 0.01}",
           {shape.type(dy), shape.vector(), shape.vector()},
           shape.type(dx),
           {2.4e-7, 0},
           false,
           "",
           withVariances(2)});
      expectAgreesWithInterpreter(
          {"nn.batch_norm_grad_input %a0, %a1, %a2 through %a3, %a4, %a5, %a6 "
           "{epsilon = 0.01}",
           {shape.type(dy), shape.vector(), shape.vector(), shape.type(x),
            shape.vector(), shape.vector(), shape.vector()},
           shape.type(dx),
           {1.2e-6, 1.2e-6},
           true,
           "",
           withVariances(2)});
    }
}
} // namespace
