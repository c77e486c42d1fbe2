// Elementwise kernels against the interpreter: activation_grad, add, dropout.
#include "test/unit/kernels/Oracle.h"

#include <gtest/gtest.h>

using namespace tl;
using namespace tl::test;

namespace {
const std::string kHalo = "1, 0, 2, 1", kOther = "0, 2, 1, 3";

/// Shapes with remainders of every width, one pixel, one channel, rows that
/// are cut into several tiles.
std::vector<std::string> shapes(const std::string &halo) {
  return {picture({5, 3, 17}, halo), picture({1, 1, 3}, halo),
          picture({7, 9, 1}, halo), picture({21, 33, 64}, halo)};
}

// Sums round once: half a unit of the last place, 6e-8. The sigmoid adds its
// 3 units (VectorMathTest).
TEST(Add, AgreesWithInterpreter) {
  auto plain = shapes(""), in = shapes(kHalo), out = shapes(kOther);
  for (size_t i = 0; i < plain.size(); ++i) {
    expectAgreesWithInterpreter(
        {"nn.add %a0, %a1", {in[i], plain[i]}, out[i], {6e-8, 0}});
    expectAgreesWithInterpreter(
        {"nn.add %a0, %a1 {activation = #nn.act<sigmoid>}",
         {plain[i], out[i]},
         in[i],
         {4e-7, 0}});
  }
  expectAgreesWithInterpreter({"nn.add %a0, %a1 {activation = #nn.act<relu>}",
                               {picture({1}), picture({1})},
                               picture({1}),
                               {6e-8, 0}});
  // Three dimensions are one row.
  expectAgreesWithInterpreter({"nn.add %a0, %a1",
                               {picture({5, 7}), picture({5, 7})},
                               picture({5, 7}),
                               {6e-8, 0}});
}

// f' is computed to a few units of 1, then one product: 1e-6 of dy <= 1.
TEST(ActivationGrad, AgreesWithInterpreter) {
  for (std::string kind :
       {"none", "relu", "relu6", "leaky_relu, 0.25", "sigmoid", "tanh", "silu",
        "gelu", "hard_sigmoid", "hard_swish", "elu, 1.5", "gelu_tanh"}) {
    // From deep in the lower bend to beyond the upper one; not on a bend,
    // where the side is a matter of rounding.
    auto fill = [](unsigned index, int64_t elements) {
      Array values = randomArray(elements, index + 1);
      if (index == 1)
        for (float &value : values)
          value = value * 8 + 0.0123f;
      return values;
    };
    std::string type = picture({3, 5, 17}, kHalo);
    expectAgreesWithInterpreter(
        {"nn.activation_grad %a0, %a1 {activation = #nn.act<" + kind + ">}",
         {picture({3, 5, 17}), type},
         picture({3, 5, 17}, kOther),
         {1e-6, 1e-6},
         false,
         "",
         fill});
  }
}

// The tolerance has no absolute part: what the interpreter drops must be
// exactly zero, so every draw is compared. Kept elements round 1 / (1 - rate)
// and one product: 2 units, 1.2e-7.
TEST(Dropout, DrawsTheSameAsTheInterpreter) {
  auto fill = [](unsigned index, int64_t elements) {
    if (index == 2)
      return stepArray(exampleStep());
    Array values = randomArray(elements, 3);
    for (size_t i = 0; i < values.size(); ++i)
      if (index == 1) // picture ids, in no order, with the top bit
        values[i] = float(i % 2 ? -1234567 * int(i) : 7654321 + int(i));
      else if (values[i] == 0)
        values[i] = 1;
    return values;
  };
  auto check = [&](const std::string &in, const std::string &out,
                   const std::string &rate) {
    expectAgreesWithInterpreter(
        {"nn.dropout %a0 ids %a1 step %a2 {rate = " + rate + ", stream = 200}",
         {in, "tensor<?xi32>", "tensor<16xi32>"},
         out,
         {1.3e-7, 0},
         false,
         "",
         fill});
  };
  // Whole vectors of blocks and every remainder; rows that start on no
  // multiple of four; halos; a rate that f32 cannot hold.
  check(picture({335}), picture({335}), "0.2");
  check(picture({1}), picture({1}), "0.7");
  check(picture({3, 5, 17}, kHalo), picture({3, 5, 17}, kOther), "0.5");
  check(picture({3, 5, 28}, kHalo), picture({3, 5, 28}), "0.3");
  check(picture({3, 5, 7}), picture({3, 5, 7}), "0.0");
  check(picture({40, 40, 16}), picture({40, 40, 16}), "0.9");
}

// One draw a picture keeps or drops all of it, in each tile the same.
TEST(Dropout, PerPictureAgreesWithInterpreter) {
  auto fill = [](unsigned index, int64_t elements) {
    if (index == 2)
      return stepArray(exampleStep());
    Array values = randomArray(elements, 7);
    if (index == 1)
      for (int64_t n = 0; n < elements; ++n)
        values[n] = float(n - 2);
    return values;
  };
  for (auto [in, out] : {std::pair{picture({335}), picture({335})},
                         {picture({3, 5, 17}, kHalo), picture({3, 5, 17})},
                         {picture({40, 50, 19}), picture({40, 50, 19})}})
    expectAgreesWithInterpreter({"nn.dropout %a0 ids %a1 step %a2 {rate = 0.5, "
                                 "stream = 3, per_picture}",
                                 {in, "tensor<?xi32>", "tensor<16xi32>"},
                                 out,
                                 {1.3e-7, 0},
                                 false,
                                 "",
                                 fill});
}

// In inference dropout is not there; a kernel of it would be a mistake.
TEST(Dropout, HasNoKernelForInference) {
  Program program(Program::kernel(
      "%x: tensor<?x3xf32>",
      "%y = nn.dropout %x {rate = 0.5, stream = 0} : (tensor<?x3xf32>) -> "
      "tensor<?x3xf32>\nrt.return %y : tensor<?x3xf32>"));
  EXPECT_TRUE(failed(compileKernels(program.module(), cpu::allIsas()[0])));
  EXPECT_NE(program.diagnostics().find(
                "has no kernel for inference, where it changes nothing: the "
                "fold phase removes it"),
            std::string::npos)
      << program.diagnostics();
}
} // namespace
