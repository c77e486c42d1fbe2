// The loop around the formulas: inputs, batch, parameters, rounding, errors.
#include "test/unit/interpreter/Program.h"

namespace tl {
namespace {

// nn.get reads the map, nn.set writes it.
TEST(Interpreter, Parameters) {
  Program program(R"(
    nn.parameter @w : tensor<2xf32>
    func.func @f(%x: tensor<2xf32>) -> tensor<2xf32> {
      %old = nn.get @w : tensor<2xf32>
      nn.set @w, %x : tensor<2xf32>
      %new = nn.get @w : tensor<2xf32>
      %sum = nn.add %old, %new : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
      return %sum : tensor<2xf32>
    })");
  Interpreter interpreter;
  interpreter.parameters["w"] = NNValue({2}, {1, 2});
  auto results = interpreter.run(program.function(), {NNValue({2}, {10, 20})});
  ASSERT_TRUE(succeeded(results)) << program.errors;
  expectValues(results->front(), {11, 22});
  expectValues(interpreter.parameters["w"], {10, 20});
}

// A kernel's body is its oracle; the encodings of its types change nothing.
TEST(Interpreter, KernelWithEncodings) {
  Program program(R"(rt.kernel @k {
    ^bb0(%x: tensor<?x1x1x2xf32, #nn.halo<1, 1, 1, 1>>):
      %y = nn.pad %x {pads = array<i64: 0, 0, 1, 0>} : (tensor<?x1x1x2xf32, #nn.halo<1, 1, 1, 1>>) -> tensor<?x1x2x2xf32>
      rt.return %y, %x : tensor<?x1x2x2xf32>, tensor<?x1x1x2xf32, #nn.halo<1, 1, 1, 1>>
    })");
  auto kernel = *program.module->getOps<rt::KernelOp>().begin();
  auto results = Interpreter().run(kernel, {NNValue({1, 1, 1, 2}, {3, 4})});
  ASSERT_TRUE(succeeded(results)) << program.errors;
  ASSERT_EQ(results->size(), 2u);
  expectValues((*results)[0], {0, 0, 3, 4});
  expectValues((*results)[1], {3, 4});
}

// Values stay double, unless every result is to be rounded.
TEST(Interpreter, RoundsToFloat) {
  Program program(R"(func.func @f(%x: tensor<?xf32>) -> tensor<?xf32> {
      %y = nn.add %x, %x : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
      return %y : tensor<?xf32>
    })");
  NNValue x({1}, {0.1});
  EXPECT_EQ(program.run({x})[0].data[0], 0.2);
  EXPECT_EQ(program.run({x}, Interpreter({.roundToFloat = true}))[0].data[0],
            double(0.2f));
}

/// The diagnostics of a run that must fail.
std::string errorOf(const std::string &text, llvm::ArrayRef<NNValue> inputs) {
  Program program(text);
  EXPECT_TRUE(failed(Interpreter().run(program.function(), inputs)));
  return program.errors;
}

const char *kAdd =
    R"(func.func @f(%x: tensor<?x2xf32>, %y: tensor<?x2xf32>) -> tensor<?x2xf32> {
    %r = nn.add %x, %y : (tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<?x2xf32>
    return %r : tensor<?x2xf32>
  })";

TEST(Interpreter, WrongInputs) {
  NNValue one({1, 2}), two({2, 2});
  EXPECT_EQ(errorOf(kAdd, {one}), "takes 2 inputs, found 1\n");
  EXPECT_EQ(errorOf(kAdd, {one, two}),
            "inputs must agree in their batch, found 1 and 2\n");
  EXPECT_EQ(errorOf(kAdd, {one, NNValue({1, 3})}),
            "input 1 must be 'tensor<?x2xf32>', found [1, 3]\n");
}

TEST(Interpreter, ParameterWithoutValue) {
  EXPECT_EQ(errorOf(R"(
    nn.parameter @w : tensor<2xf32>
    func.func @f() -> tensor<2xf32> {
      %w = nn.get @w : tensor<2xf32>
      return %w : tensor<2xf32>
    })",
                    {}),
            "parameter @w has no value\n");
}

TEST(Interpreter, ForeignOperation) {
  EXPECT_EQ(errorOf(R"(func.func @f(%x: tensor<2xf32>) {
      func.call @f(%x) : (tensor<2xf32>) -> ()
      return
    })",
                    {NNValue({2})}),
            "the interpreter does not know this operation\n");
}

} // namespace
} // namespace tl
