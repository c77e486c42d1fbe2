// Kernels on tokens, [N, T, C], against the interpreter: those of their own,
// and the ones that were made for pictures and rows of features.
#include "test/unit/kernels/Oracle.h"

#include <gtest/gtest.h>

using namespace tl;
using namespace tl::test;

namespace {
std::string tensor(std::initializer_list<int64_t> shape) {
  std::string text = "tensor<";
  for (int64_t size : shape)
    text += std::to_string(size) + "x";
  return text + "f32>";
}

// Nothing is computed: every bit must arrive.
TEST(PrependToken, AgreesWithInterpreter) {
  for (auto [tokens, channels] :
       {std::pair<int64_t, int64_t>{1, 1}, {3, 5}, {64, 128}, {300, 100}})
    expectAgreesWithInterpreter(
        {"nn.prepend_token %a0, %a1",
         {picture({tokens, channels}), tensor({channels})},
         picture({tokens + 1, channels})});
}

// One rounding.
TEST(AddPosition, AgreesWithInterpreter) {
  expectAgreesWithInterpreter({"nn.add_position %a0, %a1",
                               {picture({65, 37}), tensor({65, 37})},
                               picture({65, 37}),
                               {6e-8, 0}});
  expectAgreesWithInterpreter({"nn.add_position %a0, %a1",
                               {picture({1}), tensor({1})},
                               picture({1}),
                               {6e-8, 0}});
  expectAgreesWithInterpreter(
      {"nn.add_position %a0, %a1",
       {picture({5, 3, 17}, "1, 0, 2, 1"), tensor({5, 3, 17})},
       picture({5, 3, 17}, "0, 2, 1, 3"),
       {6e-8, 0}});
}

// Up to 6 additions of values below 1.
TEST(BatchSum, AgreesWithInterpreter) {
  expectAgreesWithInterpreter(
      {"nn.batch_sum %a0", {picture({65, 128})}, tensor({65, 128}), {0, 2e-6}});
  expectAgreesWithInterpreter(
      {"nn.batch_sum %a0", {picture({3})}, tensor({3}), {0, 2e-6}});
  expectAgreesWithInterpreter({"nn.batch_sum %a0",
                               {picture({5, 3, 17}, "1, 0, 2, 1")},
                               tensor({5, 3, 17}),
                               {0, 2e-6}});
}

// Dense: every token is a row. Few and many tokens a picture, one more than a
// block has, more than a tile takes; outputs below and above a panel's width.
struct DenseShape {
  int64_t tokens, inputs, outputs;
};
std::vector<DenseShape> denseShapes() {
  return {{1, 5, 3},    {3, 19, 16},   {17, 7, 40},   {65, 33, 49},
          {64, 130, 5}, {300, 20, 32}, {16, 100, 128}};
}
std::string weight(const DenseShape &s) {
  return "tensor<" + std::to_string(s.inputs) + "x" +
         std::to_string(s.outputs) +
         (s.outputs < 16 ? "xf32, #nn.form<rows>>" : "xf32, #nn.form<panels>>");
}

// A sum of up to 130 products below 1, which is below 12 or so.
TEST(DenseOfTokens, AgreesWithInterpreter) {
  for (const DenseShape &s : denseShapes()) {
    std::string x = picture({s.tokens, s.inputs});
    std::string y = picture({s.tokens, s.outputs});
    expectAgreesWithInterpreter(
        {"nn.dense %a0, %a1, %a2 {activation = #nn.act<relu>}",
         {x, weight(s), tensor({s.outputs})},
         y,
         {1e-6, 1e-5}});
    expectAgreesWithInterpreter(
        {"nn.dense_grad_input %a0, %a1", {y, weight(s)}, x, {1e-6, 1e-5}});
  }
}

// Chains of 128 products whose sum is below 40, 17 of them: 128 roundings at
// 2e-6 at most, and 17 at 8e-6.
TEST(DenseOfTokens, GradientOfTheWeight) {
  for (const DenseShape &s : denseShapes())
    expectAgreesWithInterpreter(
        {"nn.dense_grad_weight %a0, %a1",
         {picture({s.tokens, s.inputs}), picture({s.tokens, s.outputs})},
         weight(s),
         {1e-6, 1e-4}});
}

// Thousands of rows: each product is 1, and so is every partial sum exact; a
// row that were counted twice or not at all would show.
TEST(DenseOfTokens, EveryRowOnce) {
  std::string x = picture({300, 3}), dy = picture({300, 17});
  std::string w = weight({300, 3, 17});
  Program program(Program::kernel("%x: " + x + ", %dy: " + dy,
                                  "%w = nn.dense_grad_weight %x, %dy : (" + x +
                                      ", " + dy + ") -> " + w +
                                      "\nrt.return %w : " + w));
  for (const cpu::Isa *isa : runnableIsas()) {
    auto dw = run(program, *isa, 11,
                  {Array(11 * 300 * 3, 1.0f), Array(11 * 300 * 17, 1.0f)});
    ASSERT_EQ(dw.size(), 1u);
    EXPECT_EQ(dw[0], Array(3 * 17, 3300.0f));
  }
}

// Elementwise kernels, softmax, dropout and reshape know three dimensions, with
// a vector's remainder in every row.
TEST(KernelsOfTokens, Elementwise) {
  std::string type = picture({5, 19});
  expectAgreesWithInterpreter({"nn.activation %a0 {activation = #nn.act<gelu>}",
                               {type},
                               type,
                               {1e-6, 1e-6}});
  expectAgreesWithInterpreter(
      {"nn.activation_grad %a0, %a1 {activation = #nn.act<gelu>}",
       {type, type},
       type,
       {1e-6, 1e-6}});
  expectAgreesWithInterpreter(
      {"nn.add %a0, %a1", {type, type}, type, {6e-8, 0}});
  expectAgreesWithInterpreter({"nn.softmax %a0", {type}, type, {1e-6, 0}});
  expectAgreesWithInterpreter(
      {"nn.softmax_grad %a0, %a1", {type, type}, type, {1e-6, 1e-6}});
  expectAgreesWithInterpreter(
      {"nn.reshape %a0", {picture({2, 3, 7}, "1, 0, 2, 1")}, picture({6, 7})});
  expectAgreesWithInterpreter(
      {"nn.bias_grad %a0", {picture({65, 19})}, tensor({19}), {0, 65 * 2e-6}});
}

// The draws go by the element's number within the picture, whatever its shape.
TEST(KernelsOfTokens, Dropout) {
  auto fill = [](unsigned index, int64_t elements) {
    if (index == 2)
      return stepArray(exampleStep());
    Array values(elements, 1.0f);
    for (size_t i = 0; index == 1 && i < values.size(); ++i)
      values[i] = float(i) * 7;
    return values;
  };
  std::string type = picture({5, 19});
  expectAgreesWithInterpreter(
      {"nn.dropout %a0 ids %a1 step %a2 {rate = 0.3, stream = 2}",
       {type, "tensor<?xi32>", "tensor<16xi32>"},
       type,
       {1.3e-7, 0},
       false,
       "",
       fill});
}
} // namespace
