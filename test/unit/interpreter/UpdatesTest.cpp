// Clipping and updates on single elements worked out by hand: every rule of
// dialects/NN/Optimizers.h's table, in both conventions, from its formula.
#include "test/unit/interpreter/Program.h"

#include <cmath>

namespace tl {
namespace {

/// Options of an update beyond its rule.
struct Extras {
  int rate = 0;     ///< 0: 0.5, 1: 0.25
  double scale = 0; ///< of the gradient, 0: none
  double emaMomentum = 0.75;
};

/// Runs one update of the single element 1 with gradient 2, rate 0.5 (of the
/// backbone 0.25) and bias corrections 0.5 and 0.25; gives the parameter and
/// the slots.
std::vector<double> update(const std::string &optimizer,
                           const std::vector<double> &slots,
                           Extras extras = {}) {
  std::string t = "tensor<1xf32>", types, arguments, names, results = t;
  std::string scaled = extras.scale ? " scaled %c" : "";
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
                  ", %c: " + t + ", %step: tensor<16xi32>) -> (" + results +
                  ") {\n%r:" + count + " = nn.update %p slots(" + names +
                  ") by %g" + scaled + " at %step {optimizer = #nn.optimizer<" +
                  optimizer + ">, rate = " + std::to_string(extras.rate) +
                  "} : (" + t + ", " + types + t +
                  (extras.scale ? ", " + t : "") + ", tensor<16xi32>) -> (" +
                  results + ")\nreturn " + returned + " : " + results + "\n}");
  schema::StepBlock step{};
  step.learningRate = 0.5f;
  step.backboneRate = 0.25f;
  step.emaMomentum = float(extras.emaMomentum);
  step.biasCorrection1 = 0.5f;
  step.biasCorrection2 = 0.25f;
  std::vector<NNValue> inputs{NNValue({1}, {1})};
  for (double slot : slots)
    inputs.push_back(NNValue({1}, {slot}));
  inputs.push_back(NNValue({1}, {2}));
  inputs.push_back(NNValue({1}, {extras.scale}));
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

TEST(Updates, Sgd) {
  expectUpdate(update("sgd, keras, {}", {}), {0});
  expectUpdate(update("sgd, torch, {}", {}), {0});
  // keras: m = 0.5*4 - 0.5*2 = 1; torch: b = 0.5*4 + 2 = 4
  expectUpdate(update("sgd, keras, {momentum = 0.5}", {4}), {2, 1});
  expectUpdate(update("sgd, torch, {momentum = 0.5}", {4}), {-1, 4});
  // keras: p += 0.5*1 - 1; torch: p -= 0.5 (2 + 0.5*4)
  expectUpdate(update("sgd, keras, {momentum = 0.5, nesterov}", {4}), {0.5, 1});
  expectUpdate(update("sgd, torch, {momentum = 0.5, nesterov}", {4}), {-1, 4});
}

TEST(Updates, RmsProp) {
  // v = 0.5*4 + 0.5*4 = 4
  expectUpdate(update("rmsprop, keras, {rho = 0.5, epsilon = 12.0}", {4}),
               {0.75, 4});
  expectUpdate(update("rmsprop, torch, {rho = 0.5, epsilon = 2.0}", {4}),
               {0.75, 4});
}

TEST(Updates, Adam) {
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

// keras: 0.5*0.5*1 off the parameter, whatever the rule. torch: 0.5*1 onto the
// gradient, and from there into the slots.
TEST(Updates, WeightDecay) {
  expectUpdate(update("sgd, keras, {weight_decay = 0.5}", {}), {-0.25});
  expectUpdate(update("sgd, torch, {weight_decay = 0.5}", {}), {-0.25});
  expectUpdate(update("sgd, keras, {momentum = 0.5, weight_decay = 0.5}", {4}),
               {1.75, 1});
  expectUpdate(update("sgd, torch, {momentum = 0.5, weight_decay = 0.5}", {4}),
               {-1.25, 4.5});
  std::string rms = "{rho = 0.5, weight_decay = 0.5, epsilon = ";
  expectUpdate(update("rmsprop, keras, " + rms + "12.0}", {4}), {0.5, 4});
  // v = 0.5*4 + 0.5*2.5^2 = 5.125
  expectUpdate(update("rmsprop, torch, " + rms + "1.0}", {4}),
               {1 - 1.25 / (std::sqrt(5.125) + 1), 5.125});
  std::string adam =
      "{beta1 = 0.5, beta2 = 0.5, epsilon = 1.0, weight_decay = 0.5}";
  double keras = 1 - 3 * 0.5 / (std::sqrt(8.0) + 1);
  expectUpdate(update("adam, keras, " + adam, {4, 12}), {keras - 0.25, 3, 8});
  // m = 4 + (2.5-4)/2 = 3.25; v = 12 + (6.25-12)/2 = 9.125
  expectUpdate(update("adam, torch, " + adam, {4, 12}),
               {1 - 3.25 / (std::sqrt(9.125) / 0.5 + 1), 3.25, 9.125});
}

// The backbone's rate, in the rule and in the decay.
TEST(Updates, Rate) {
  expectUpdate(update("sgd, keras, {}", {}, {.rate = 1}), {0.5});
  expectUpdate(update("sgd, keras, {weight_decay = 0.5}", {}, {.rate = 1}),
               {0.375});
}

// The scale is of the gradient alone: torch's decay joins it afterwards.
TEST(Updates, Scale) {
  expectUpdate(update("sgd, keras, {}", {}, {.scale = 0.25}), {0.75});
  expectUpdate(update("sgd, torch, {weight_decay = 0.5}", {}, {.scale = 0.25}),
               {0.5});
}

// The average follows the new parameter, in a slot after the rule's own; at the
// first step, with momentum 0, it is the parameter.
TEST(Updates, MovingAverageOfParameters) {
  expectUpdate(update("sgd, keras, {ema = 0.75}", {8}), {0, 6});
  expectUpdate(update("sgd, torch, {ema = 0.75}", {8}, {.emaMomentum = 0}),
               {0, 0});
  expectUpdate(update("sgd, torch, {momentum = 0.5, ema = 0.75}", {4, 8}),
               {-1, 4, 5.75});
}

// Chunks are of stored elements: of the 16 x 4098 elements of a panel the first
// 65536 are in the first chunk, the last two rows in the second.
TEST(Clipping, SumSquares) {
  expectValues(evaluate("nn.sum_squares %a0", {"tensor<2x2xf32>"},
                        "tensor<1xf32>", {iota({2, 2})}),
               {14});
  NNValue gradient({4098, 1});
  gradient.data[4095] = 2;
  gradient.data[4096] = 3;
  gradient.data[4097] = 4;
  expectValues(evaluate("nn.sum_squares %a0",
                        {"tensor<4098x1xf32, #nn.form<panels>>"},
                        "tensor<2xf32>", {gradient}),
               {4, 25});
  expectValues(evaluate("nn.sum_squares %a0", {"tensor<4098x1xf32>"},
                        "tensor<1xf32>", {gradient}),
               {29});
}

// Norms of 5 (above the largest) and of less, by both rules.
TEST(Clipping, ClipScale) {
  std::vector<std::string> types = {"tensor<2xf32>", "tensor<1xf32>"};
  std::vector<NNValue> five = {NNValue({2}, {9, 12}), NNValue({1}, {4})};
  auto scale = [&](const std::string &attributes) {
    return evaluate("nn.clip_scale %a0, %a1 {" + attributes + "}", types,
                    "tensor<1xf32>", five);
  };
  expectValues(scale("max_norm = 2.0"), {0.4});
  expectValues(scale("max_norm = 8.0"), {1});
  expectValues(scale("max_norm = 2.0, torch"), {2 / (5 + 1e-6)});
  expectValues(scale("max_norm = 8.0, torch"), {1});
}

} // namespace
} // namespace tl
