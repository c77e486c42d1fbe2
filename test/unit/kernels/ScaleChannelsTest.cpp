// Products with a factor a channel, and their gradients, against the
// interpreter: places of few channels and of many, halos, one place.
#include "test/unit/kernels/Oracle.h"

#include <gtest/gtest.h>

using namespace tl;
using namespace tl::test;

namespace {
const std::string kHalo = "1, 0, 2, 1", kOther = "0, 2, 1, 3";

struct ShapeCase {
  int64_t height, width, channels;

  std::string value(const std::string &halo = "") const {
    return picture({height, width, channels}, halo);
  }
  std::string gate(const std::string &halo = "") const {
    return picture({1, 1, channels}, halo);
  }
  std::string vector() const {
    return "tensor<" + std::to_string(channels) + "xf32>";
  }
};
const ShapeCase kShapes[] = {{5, 3, 17},  {1, 1, 3}, {40, 37, 3},
                             {7, 9, 130}, {6, 5, 1}, {64, 64, 24}};

// One rounding; the halo of the result is zeroed, those of the inputs skipped.
TEST(Multiply, AgreesWithInterpreter) {
  for (const ShapeCase &c : kShapes) {
    expectAgreesWithInterpreter({"nn.multiply %a0, %a1",
                                 {c.value(kHalo), c.gate()},
                                 c.value(kOther),
                                 {6e-8, 0}});
    expectAgreesWithInterpreter({"nn.multiply %a0, %a1",
                                 {c.value(kHalo), c.value()},
                                 c.value(),
                                 {6e-8, 0}});
  }
  expectAgreesWithInterpreter({"nn.multiply %a0, %a1",
                               {picture({9, 20}), picture({1, 20})},
                               picture({9, 20}),
                               {6e-8, 0}});
}

// Up to 4,096 products below 1, each sum of a row and of the rows rounded.
TEST(MultiplyGradGate, AgreesWithInterpreter) {
  for (const ShapeCase &c : kShapes)
    expectAgreesWithInterpreter({"nn.multiply_grad_gate %a0, %a1",
                                 {c.value(kHalo), c.value(kOther)},
                                 c.gate(kHalo),
                                 {1e-6, 1e-4}});
}

TEST(ScaleChannels, AgreesWithInterpreter) {
  for (const ShapeCase &c : kShapes)
    expectAgreesWithInterpreter({"nn.scale_channels %a0, %a1",
                                 {c.value(kHalo), c.vector()},
                                 c.value(kOther),
                                 {6e-8, 0}});
  expectAgreesWithInterpreter({"nn.scale_channels %a0, %a1",
                               {picture({9, 20}), "tensor<20xf32>"},
                               picture({9, 20}),
                               {6e-8, 0}});
}

// As the sums of the gate, over the pictures of the batch as well.
TEST(ScaleChannelsGrad, AgreesWithInterpreter) {
  for (const ShapeCase &c : kShapes)
    expectAgreesWithInterpreter({"nn.scale_channels_grad %a0, %a1",
                                 {c.value(kHalo), c.value(kOther)},
                                 c.vector(),
                                 {1e-6, 3e-4}});
}

// A product and a sum, of values up to 3.
TEST(Rescale, AgreesWithInterpreter) {
  for (const ShapeCase &c : kShapes)
    expectAgreesWithInterpreter(
        {"nn.rescale %a0 {scale = array<f32: 0.1>, offset = array<f32: -1.0>}",
         {c.value(kHalo)},
         c.value(kOther),
         {0, 2e-7}});
  for (const std::string &type :
       {picture({1, 1, 3}), picture({40, 37, 3}), picture({3})})
    expectAgreesWithInterpreter(
        {"nn.rescale %a0 {scale = array<f32: 2.0, 0.5, -0.25>, "
         "offset = array<f32: 0.0, 1.0, 3.0>}",
         {type},
         type,
         {0, 4e-7}});
}

// A difference, a root and a quotient. Variances are positive, and one is 0:
// there the divisor is 1e-7.
TEST(Standardize, AgreesWithInterpreter) {
  auto fill = [](unsigned index, int64_t elements) {
    Array values = randomArray(elements, index + 5);
    if (index == 1)
      for (float &value : values)
        value = value * value + 0.01f;
    if (index == 1)
      values[0] = 0;
    return values;
  };
  for (const ShapeCase &c : kShapes) {
    std::string vector = c.vector();
    expectAgreesWithInterpreter({"nn.standardize %a0, %a1 mean %a2",
                                 {c.value(kHalo), vector, vector},
                                 c.value(kOther),
                                 {3e-7, 1e-5},
                                 false,
                                 "",
                                 fill});
    expectAgreesWithInterpreter({"nn.standardize %a0, %a1",
                                 {c.value(), vector},
                                 c.value(),
                                 {3e-7, 0},
                                 false,
                                 "",
                                 fill});
  }
}
} // namespace
