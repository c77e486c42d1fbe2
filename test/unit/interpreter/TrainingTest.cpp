// Losses, gradients and updates on cases small enough to be worked out by
// hand. That gradients fit their layers is GradientsTest's work.
#include "test/unit/interpreter/Program.h"

#include <cmath>
#include <limits>

namespace tl {
namespace {

const std::vector<std::string> kLoss2 = {"tensor<?x2xf32>", "tensor<?xi32>"};
const std::vector<std::string> kLoss1 = {"tensor<?x1xf32>", "tensor<?xi32>"};

// softmax(0, log 3) = 1/4, 3/4; a logit of 1000 neither overflows nor loses
// the loss of the other class.
TEST(Training, SoftmaxCrossEntropy) {
  NNValue z({3, 2}, {0, std::log(3), 0, std::log(3), 1000, 0});
  NNValue labels({3}, {0, 1, 1});
  expectValues(evaluate("nn.softmax_cross_entropy %a0, %a1", kLoss2,
                        "tensor<?xf32>", {z, labels}),
               {std::log(4), std::log(4.0 / 3), 1000});
  expectValues(
      evaluate("nn.softmax_cross_entropy %a0, %a1 {label_smoothing = 0.5}",
               kLoss2, "tensor<?xf32>", {z, labels}),
      {0.75 * std::log(4) + 0.25 * std::log(4.0 / 3),
       0.25 * std::log(4) + 0.75 * std::log(4.0 / 3), 750});
}

// (softmax - t) / N.
TEST(Training, SoftmaxCrossEntropyGrad) {
  NNValue z({2, 2}, {0, std::log(3), 0, std::log(3)});
  NNValue labels({2}, {0, 1});
  expectValues(evaluate("nn.softmax_cross_entropy_grad %a0, %a1", kLoss2,
                        "tensor<?x2xf32>", {z, labels}),
               {-0.375, 0.375, 0.125, -0.125});
  expectValues(
      evaluate("nn.softmax_cross_entropy_grad %a0, %a1 {label_smoothing = 0.5}",
               kLoss2, "tensor<?x2xf32>", {z, labels}),
      {-0.25, 0.25, 0, 0});
}

// sigmoid(log 3) = 3/4; large logits on both sides.
TEST(Training, SigmoidCrossEntropy) {
  NNValue z({4, 1}, {std::log(3), std::log(3), 1000, -1000});
  NNValue labels({4}, {1, 0, 0, 1});
  expectValues(evaluate("nn.sigmoid_cross_entropy %a0, %a1", kLoss1,
                        "tensor<?xf32>", {z, labels}),
               {std::log(4.0 / 3), std::log(4), 1000, 1000});
  expectValues(
      evaluate("nn.sigmoid_cross_entropy %a0, %a1 {label_smoothing = 0.5}",
               kLoss1, "tensor<?xf32>", {z, labels}),
      {0.75 * std::log(4.0 / 3) + 0.25 * std::log(4),
       0.25 * std::log(4.0 / 3) + 0.75 * std::log(4), 750, 750});
}

// (sigmoid - t) / N.
TEST(Training, SigmoidCrossEntropyGrad) {
  NNValue z({2, 1}, {std::log(3), -1000});
  NNValue labels({2}, {1, 1});
  expectValues(evaluate("nn.sigmoid_cross_entropy_grad %a0, %a1", kLoss1,
                        "tensor<?x1xf32>", {z, labels}),
               {-0.125, -0.5});
}

// A label outside the classes is an error, not a read past the end.
TEST(Training, LabelOutOfRange) {
  Program program(
      R"(func.func @f(%z: tensor<?x2xf32>, %t: tensor<?xi32>) -> tensor<?xf32> {
    %r = nn.softmax_cross_entropy %z, %t : (tensor<?x2xf32>, tensor<?xi32>) -> tensor<?xf32>
    return %r : tensor<?xf32>
  })");
  for (double label : {-1, 2}) {
    program.errors.clear();
    EXPECT_TRUE(failed(Interpreter().run(
        program.function(), {NNValue({1, 2}), NNValue({1}, {label})})));
    EXPECT_EQ(program.errors, "label " + std::to_string(int(label)) +
                                  " is not one of the 2 classes\n");
  }
}

TEST(Training, DenseGradInput) {
  NNValue dy({1, 2}, {1, 10}), w({3, 2}, {1, 2, 3, 4, 5, 6});
  expectValues(evaluate("nn.dense_grad_input %a0, %a1",
                        {"tensor<?x2xf32>", "tensor<3x2xf32>"},
                        "tensor<?x3xf32>", {dy, w}),
               {21, 43, 65});
}

TEST(Training, DenseGradWeight) {
  NNValue x({2, 2}, {1, 2, 3, 4}), dy({2, 1}, {1, 10});
  expectValues(evaluate("nn.dense_grad_weight %a0, %a1",
                        {"tensor<?x2xf32>", "tensor<?x1xf32>"},
                        "tensor<2x1xf32>", {x, dy}),
               {31, 42});
}

TEST(Training, BiasGrad) {
  expectValues(evaluate("nn.bias_grad %a0", {"tensor<?x2x3xf32>"},
                        "tensor<3xf32>", {iota({2, 2, 3})}),
               {18, 22, 26});
}

// relu from the result, silu from the input.
TEST(Training, ActivationGrad) {
  NNValue dy({1, 2}, {3, 5}), value({1, 2}, {0, 2});
  std::vector<std::string> types = {"tensor<?x2xf32>", "tensor<?x2xf32>"};
  expectValues(
      evaluate("nn.activation_grad %a0, %a1 {activation = #nn.act<relu>}",
               types, "tensor<?x2xf32>", {dy, value}),
      {0, 5});
  double s = 1 / (1 + std::exp(-2.0));
  expectValues(
      evaluate("nn.activation_grad %a0, %a1 {activation = #nn.act<silu>}",
               types, "tensor<?x2xf32>", {dy, value}),
      {1.5, 5 * (s + 2 * s * (1 - s))});
}

TEST(Training, GlobalAvgPoolGrad) {
  NNValue dy({2, 1}, {4, 8});
  expectValues(evaluate("nn.global_avg_pool_grad %a0", {"tensor<?x1xf32>"},
                        "tensor<?x2x1x1xf32>", {dy}),
               {2, 2, 4, 4});
}

// The columns 0 and 2 of 1x3.
TEST(Training, SliceGrad) {
  expectValues(evaluate("nn.slice_grad %a0 {offsets = array<i64: 0, 0, 0>, "
                        "strides = array<i64: 1, 2, 1>}",
                        {"tensor<?x1x2x1xf32>"}, "tensor<?x1x3x1xf32>",
                        {NNValue({1, 1, 2, 1}, {5, 7})}),
               {5, 0, 7});
}

// Windows of two over 1 3 3 0 at stride 1: of two equal elements the first
// wins, and the middle window's dy joins that of the first.
TEST(Training, MaxPoolGrad) {
  std::string attributes = " {window = array<i64: 1, 2>, strides = array<i64: "
                           "1, 1>, pads = array<i64: 0, 0, 0, 0>}";
  NNValue dy({1, 1, 3, 1}, {1, 10, 100});
  std::vector<std::string> types = {"tensor<?x1x3x1xf32>",
                                    "tensor<?x1x4x1xf32>"};
  auto gradient = [&](std::vector<double> x) {
    return evaluate("nn.max_pool_grad %a0, %a1" + attributes, types,
                    "tensor<?x1x4x1xf32>", {dy, NNValue({1, 1, 4, 1}, x)});
  };
  expectValues(gradient({1, 3, 3, 0}), {0, 11, 100, 0});
  // The first NaN of a window is its largest element; -inf can be one too.
  double inf = std::numeric_limits<double>::infinity(), nan = std::nan("");
  expectValues(gradient({9, nan, nan, 9}), {0, 11, 100, 0});
  expectValues(gradient({-inf, -inf, -inf, -inf}), {1, 10, 100, 0});
}

// Windows of two at stride 2 over three elements with one of padding: the last
// holds one element, which gets all of its dy; with padding counted, half.
TEST(Training, AvgPoolGrad) {
  NNValue dy({1, 1, 2, 1}, {2, 6});
  auto gradient = [&](const std::string &count) {
    return evaluate("nn.avg_pool_grad %a0 {" + count +
                        "window = array<i64: 1, 2>, strides = array<i64: 1, "
                        "2>, pads = array<i64: 0, 0, 0, 1>}",
                    {"tensor<?x1x2x1xf32>"}, "tensor<?x1x3x1xf32>", {dy});
  };
  expectValues(gradient(""), {1, 1, 6});
  expectValues(gradient("count_padding, "), {1, 1, 3});
}

TEST(Training, SoftmaxGrad) {
  NNValue dy({1, 2}, {1, 3}), y({1, 2}, {0.25, 0.75});
  expectValues(evaluate("nn.softmax_grad %a0, %a1",
                        {"tensor<?x2xf32>", "tensor<?x2xf32>"},
                        "tensor<?x2xf32>", {dy, y}),
               {-0.375, 0.375});
}

/// Runs one update of the single element 1 with gradient 2, rate 0.5 and bias
/// corrections 0.5 and 0.25; gives the parameter and the slots.
std::vector<double> update(const std::string &optimizer,
                           const std::vector<double> &slots) {
  std::string t = "tensor<1xf32>", types, arguments, names, results = t;
  for (size_t i = 0; i < slots.size(); ++i) {
    names += (i ? ", %s" : "%s") + std::to_string(i);
    arguments += "%s" + std::to_string(i) + ": " + t + ", ";
    types += t + ", ";
    results += ", " + t;
  }
  std::string count = std::to_string(slots.size() + 1);
  std::string returned;
  for (size_t i = 0; i <= slots.size(); ++i)
    returned += (i ? ", %r#" : "%r#") + std::to_string(i);
  Program program("func.func @f(%p: " + t + ", " + arguments + "%g: " + t +
                  ", %step: tensor<16xi32>) -> (" + results +
                  ") {\n%r:" + count + " = nn.update %p slots(" + names +
                  ") by %g at %step {optimizer = #nn.optimizer<" + optimizer +
                  ">} : (" + t + ", " + types + t + ", tensor<16xi32>) -> (" +
                  results + ")\nreturn " + returned + " : " + results + "\n}");
  schema::StepBlock step{};
  step.learningRate = 0.5f;
  step.biasCorrection1 = 0.5f;
  step.biasCorrection2 = 0.25f;
  std::vector<NNValue> inputs{NNValue({1}, {1})};
  for (double slot : slots)
    inputs.push_back(NNValue({1}, {slot}));
  inputs.push_back(NNValue({1}, {2}));
  inputs.push_back(stepValue(step));
  std::vector<double> values;
  for (const NNValue &value : program.run(inputs))
    values.push_back(value.data[0]);
  return values;
}

void expectUpdate(const std::vector<double> &values,
                  const std::vector<double> &expected) {
  expectValues(NNValue({int64_t(values.size())}, values), expected);
}

// Each rule of Optimizers.h's table, in both conventions, from its formula.
TEST(Training, UpdateSgd) {
  expectUpdate(update("sgd, keras, {}", {}), {0});
  expectUpdate(update("sgd, torch, {}", {}), {0});
  // keras: m = 0.5*4 - 0.5*2 = 1; torch: b = 0.5*4 + 2 = 4
  expectUpdate(update("sgd, keras, {momentum = 0.5}", {4}), {2, 1});
  expectUpdate(update("sgd, torch, {momentum = 0.5}", {4}), {-1, 4});
  // keras: p += 0.5*1 - 1; torch: p -= 0.5 (2 + 0.5*4)
  expectUpdate(update("sgd, keras, {momentum = 0.5, nesterov}", {4}), {0.5, 1});
  expectUpdate(update("sgd, torch, {momentum = 0.5, nesterov}", {4}), {-1, 4});
}

TEST(Training, UpdateRmsProp) {
  // v = 0.5*4 + 0.5*4 = 4
  expectUpdate(update("rmsprop, keras, {rho = 0.5, epsilon = 12.0}", {4}),
               {0.75, 4});
  expectUpdate(update("rmsprop, torch, {rho = 0.5, epsilon = 2.0}", {4}),
               {0.75, 4});
}

TEST(Training, UpdateAdam) {
  // m = 4 + (2-4)/2 = 3; v = 12 + (4-12)/2 = 8 -> with 12.0: sqrt 8
  double v = 8, keras = 1 - 3 * (0.5 * 0.5 / 0.5) / (std::sqrt(v) + 1),
         torch = 1 - 0.5 / 0.5 * 3 / (std::sqrt(v) / 0.5 + 1);
  std::string constants = "{beta1 = 0.5, beta2 = 0.5, epsilon = 1.0";
  expectUpdate(update("adam, keras, " + constants + "}", {4, 12}),
               {keras, 3, v});
  expectUpdate(update("adam, torch, " + constants + "}", {4, 12}),
               {torch, 3, v});
  // adamw first takes lr wd p = 0.5*0.5*1 off.
  constants += ", weight_decay = 0.5}";
  expectUpdate(update("adamw, keras, " + constants, {4, 12}),
               {keras - 0.25, 3, v});
  expectUpdate(update("adamw, torch, " + constants, {4, 12}),
               {torch - 0.25, 3, v});
}

} // namespace
} // namespace tl
