// Layer norm and its gradients against the interpreter.
#include "test/unit/kernels/Oracle.h"

#include <gtest/gtest.h>

using namespace tl;
using namespace tl::test;

namespace {
std::string vector(int64_t elements) {
  return "tensor<" + std::to_string(elements) + "xf32>";
}

/// A row's values, and where they lie: with a halo, and cut into many tiles.
struct Place {
  std::string in, out;
  int64_t channels;
};
std::vector<Place> places() {
  return {{picture({5, 1}), picture({5, 1}), 1},
          {picture({3}), picture({3}), 3},
          {picture({65, 128}), picture({65, 128}), 128},
          {picture({17, 37}), picture({17, 37}), 37},
          {picture({3, 5, 17}, "1, 0, 2, 1"), picture({3, 5, 17}, "0, 2, 1, 3"),
           17},
          {picture({2, 300}), picture({2, 300}), 300},
          {picture({100, 512}), picture({100, 512}), 512}};
}

/// A mean far from zero beside a spread of 1, which a one-pass variance would
/// lose: 100 rounds at 4e-6 in each value, and so does the mean.
Array shifted(unsigned index, int64_t elements, unsigned input) {
  Array values = randomArray(elements, index + 1);
  if (index == input)
    for (float &value : values)
      value += 100;
  return values;
}

// xhat is at most about 2 for values of [-1, 1); a mean of up to 512 terms in
// lanes, a variance of the same, four more roundings: 2e-6 of it.
TEST(LayerNorm, AgreesWithInterpreter) {
  for (const Place &p : places())
    expectAgreesWithInterpreter(
        {"nn.layer_norm %a0, %a1, %a2 {epsilon = 1.0e-3}",
         {p.in, vector(p.channels), vector(p.channels)},
         p.out,
         {1e-6, 4e-6}});
}

TEST(LayerNorm, FarFromZero) {
  expectAgreesWithInterpreter(
      {"nn.layer_norm %a0, %a1, %a2 {epsilon = 1.0e-5}",
       {picture({7, 96}), vector(96), vector(96)},
       picture({7, 96}),
       {0, 1e-4},
       false,
       "",
       [](unsigned i, int64_t n) { return shifted(i, n, 0); }});
}

// Rows of equal values have no variance: the result is beta, not a division
// by zero.
TEST(LayerNorm, ConstantRows) {
  expectAgreesWithInterpreter({"nn.layer_norm %a0, %a1, %a2 {epsilon = 1.0e-5}",
                               {picture({3, 20}), vector(20), vector(20)},
                               picture({3, 20}),
                               {1e-7, 0},
                               false,
                               "",
                               [](unsigned index, int64_t elements) {
                                 return index == 0
                                            ? Array(elements, 0.5f)
                                            : randomArray(elements, index);
                               }});
}

// 1 / sqrt(variance + epsilon) is below 2 but where a row is one value (its
// variance 0, and 1 / sqrt(1e-3) = 32); two more means: 1e-5 of that.
TEST(LayerNormGradInput, AgreesWithInterpreter) {
  for (const Place &p : places())
    expectAgreesWithInterpreter(
        {"nn.layer_norm_grad_input %a0, %a1, %a2 {epsilon = 1.0e-3}",
         {p.out, p.in, vector(p.channels)},
         p.in,
         {1e-5, 1e-5}});
}

// Sums of up to 7 x 100 products below 2, 64 in a chain: 64 roundings of sums
// below 30 at 2e-6, and 11 of sums below 200 at 8e-6.
TEST(LayerNormGradAffine, AgreesWithInterpreter) {
  for (const Place &p : places())
    expectAgreesWithInterpreter(
        {"nn.layer_norm_grad_affine %a0, %a1 {epsilon = 1.0e-3}",
         {p.out, p.in},
         "(" + vector(p.channels) + ", " + vector(p.channels) + ")",
         {1e-6, 2e-4}});
}
} // namespace
