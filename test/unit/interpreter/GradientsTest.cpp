// Every rule of dialects/NN/Gradients.cpp against central differences of the
// interpreter, in double, on awkward shapes.
//
// The tolerance: a central difference with step h errs by h^2/6 f''' plus
// about 1e-16 |f| / h; with h = 1e-5, |f| up to 100 and third derivatives of
// order 1 that is below 1e-8 (relative to values of order 1). 1e-6 leaves room
// for sums over a few hundred elements and is far below any wrong rule.
#include "test/unit/interpreter/Program.h"

#include "mlir/IR/Builders.h"
#include "llvm/ADT/StringSet.h"

#include <functional>

namespace tl {
namespace {

using namespace mlir;

constexpr double kStep = 1e-5, kTolerance = 1e-6;

/// One operation on arguments %a0, %a1, ...; those in `stored` are statistics:
/// positive, and without a gradient.
struct RuleCase {
  std::string text;
  std::vector<std::string> types;
  std::string result;
  std::vector<unsigned> stored = {};

  bool isStored(unsigned operand) const {
    return llvm::is_contained(stored, operand);
  }
};

std::string windows(const std::string &window, const std::string &strides,
                    const std::string &pads) {
  return " {window = array<i64: " + window +
         ">, strides = array<i64: " + strides + ">, pads = array<i64: " + pads +
         ">}";
}

/// Overlapping windows, a last one that reaches past the input (ceil mode),
/// strides that leave elements out, one-sided padding, a single element.
const std::vector<RuleCase> &pools() {
  struct Geometry {
    std::string in, out, windows;
  };
  static const std::vector<RuleCase> list = [] {
    std::vector<RuleCase> rules;
    for (const Geometry &g :
         {Geometry{"5x7x2", "3x4x2", windows("3, 3", "2, 2", "1, 1, 1, 1")},
          {"5x6x1", "3x3x1", windows("2, 3", "2, 2", "0, 1, 0, 1")},
          {"7x5x1", "2x2x1", windows("2, 1", "4, 3", "0, 0, 0, 0")},
          {"3x4x3", "2x3x3", windows("2, 2", "1, 1", "0, 0, 0, 0")},
          {"1x1x2", "1x1x2", windows("3, 3", "1, 1", "1, 1, 1, 1")}})
      for (std::string op : {"nn.max_pool", "nn.avg_pool"})
        rules.push_back({op + " %a0" + g.windows,
                         {"tensor<?x" + g.in + "xf32>"},
                         "tensor<?x" + g.out + "xf32>"});
    for (auto [in, out] :
         {std::pair("5x7x2", "3x4x2"), {"4x6x1", "2x3x1"}, {"2x1x3", "3x2x3"}})
      rules.push_back({"nn.adaptive_avg_pool %a0",
                       {std::string("tensor<?x") + in + "xf32>"},
                       std::string("tensor<?x") + out + "xf32>"});
    rules.push_back(
        {"nn.avg_pool %a0 {window = array<i64: 3, 3>, strides = array<i64: 2, "
         "2>, pads = array<i64: 1, 1, 1, 1>, count_padding}",
         {"tensor<?x5x7x2xf32>"},
         "tensor<?x3x4x2xf32>"});
    return rules;
  }();
  return list;
}

/// What moves elements: strides that do not divide, the first token, features.
const std::vector<RuleCase> &moving() {
  static const std::vector<RuleCase> list = {
      {"nn.slice %a0 {offsets = array<i64: 1, 0, 2>, strides = array<i64: 2, "
       "3, 1>}",
       {"tensor<?x6x5x4xf32>"},
       "tensor<?x3x2x2xf32>"},
      {"nn.slice %a0 {offsets = array<i64: 0, 0>, strides = array<i64: 1, 1>}",
       {"tensor<?x5x3xf32>"},
       "tensor<?x1x3xf32>"},
      {"nn.slice %a0 {offsets = array<i64: 1>, strides = array<i64: 2>}",
       {"tensor<?x7xf32>"},
       "tensor<?x3xf32>"},
      {"nn.pad_channels %a0 {before = 2 : i64, after = 1 : i64}",
       {"tensor<?x2x3x2xf32>"},
       "tensor<?x2x3x5xf32>"},
      {"nn.pad_channels %a0 {before = 0 : i64, after = 3 : i64}",
       {"tensor<?x1xf32>"},
       "tensor<?x4xf32>"},
      {"nn.pad %a0 {pads = array<i64: 1, 0, 2, 3>}",
       {"tensor<?x3x1x2xf32>"},
       "tensor<?x4x6x2xf32>"},
      {"nn.concat %a0, %a1, %a2",
       {"tensor<?x2x3x2xf32>", "tensor<?x2x3x1xf32>", "tensor<?x2x3x3xf32>"},
       "tensor<?x2x3x6xf32>"},
      {"nn.concat %a0, %a1",
       {"tensor<?x3xf32>", "tensor<?x1xf32>"},
       "tensor<?x4xf32>"},
  };
  return list;
}

/// A batch norm, with stored statistics, of values of this type.
RuleCase batchNorm(const std::string &type, int64_t channels) {
  std::string vector = "tensor<" + std::to_string(channels) + "xf32>";
  return {"nn.batch_norm %a0, %a1, %a2, %a3, %a4 {epsilon = 0.01}",
          {type, vector, vector, vector, vector},
          type,
          {3, 4}};
}

/// Convolutions: what the shape or the attributes of each do not fit.
std::vector<RuleCase> convolutions() {
  return {
      // a bias and an even filter, padded on one side only
      {"nn.conv2d %a0, %a1, %a2 {pads = array<i64: 0, 1, 1, 0>}",
       {"tensor<?x3x5x2xf32>", "tensor<2x2x2x3xf32>", "tensor<3xf32>"},
       "tensor<?x3x5x3xf32>"},
      // a stride that leaves the last row and columns unread
      {"nn.conv2d %a0, %a1 {strides = array<i64: 3, 2>, pads = array<i64: 0, "
       "0, 2, 0>}",
       {"tensor<?x6x5x1xf32>", "tensor<2x3x1x2xf32>"},
       "tensor<?x2x3x2xf32>"},
      // a stride beyond the filter: elements that no window reads
      {"nn.conv2d %a0, %a1 {strides = array<i64: 2, 2>}",
       {"tensor<?x5x4x3xf32>", "tensor<1x1x3x1xf32>"},
       "tensor<?x3x2x1xf32>"},
      // one pixel, nearly all of the filter outside
      {"nn.conv2d %a0, %a1 {pads = array<i64: 1, 1, 1, 1>}",
       {"tensor<?x1x1x2xf32>", "tensor<3x3x2x2xf32>"},
       "tensor<?x1x1x2xf32>"},
      // dilation 2, with and without a stride that shares a factor
      {"nn.conv2d %a0, %a1 {dilations = array<i64: 2, 2>, pads = array<i64: 2, "
       "1, 0, 2>}",
       {"tensor<?x5x4x2xf32>", "tensor<3x2x2x1xf32>"},
       "tensor<?x4x4x1xf32>"},
      {"nn.conv2d %a0, %a1 {strides = array<i64: 2, 3>, dilations = array<i64: "
       "2, 2>, pads = array<i64: 1, 1, 1, 1>}",
       {"tensor<?x6x7x1xf32>", "tensor<2x3x1x2xf32>"},
       "tensor<?x3x2x2xf32>"},
      // groups of two to three and of one to two channels
      {"nn.conv2d %a0, %a1, %a2 {groups = 2 : i64}",
       {"tensor<?x3x3x4xf32>", "tensor<2x2x2x6xf32>", "tensor<6xf32>"},
       "tensor<?x2x2x6xf32>"},
      {"nn.conv2d %a0, %a1 {groups = 3 : i64, strides = array<i64: 2, 1>}",
       {"tensor<?x4x2x3xf32>", "tensor<3x1x1x6xf32>"},
       "tensor<?x1x2x6xf32>"},
      // one filter a channel; one channel alone
      {"nn.conv2d %a0, %a1, %a2 {groups = 3 : i64, strides = array<i64: 2, 2>, "
       "pads = array<i64: 0, 1, 0, 1>}",
       {"tensor<?x4x5x3xf32>", "tensor<3x3x1x3xf32>", "tensor<3xf32>"},
       "tensor<?x2x2x3xf32>"},
      {"nn.conv2d %a0, %a1",
       {"tensor<?x3x3x1xf32>", "tensor<2x2x1x1xf32>"},
       "tensor<?x2x2x1xf32>"},
      // everything that can be fused
      {"nn.conv2d %a0, %a1, %a2 residual %a3 {activation = #nn.act<tanh>}",
       {"tensor<?x2x3x2xf32>", "tensor<1x2x2x3xf32>", "tensor<3xf32>",
        "tensor<?x2x2x3xf32>"},
       "tensor<?x2x2x3xf32>"},
      {"nn.conv2d %a0, %a1 residual %a2 {activation = #nn.act<relu>}",
       {"tensor<?x2x2x1xf32>", "tensor<1x1x1x2xf32>", "tensor<?x2x2x2xf32>"},
       "tensor<?x2x2x2xf32>"},
  };
}

std::vector<RuleCase> cases() {
  std::vector<RuleCase> list = {
      {"nn.dense %a0, %a1, %a2",
       {"tensor<?x5xf32>", "tensor<5x3xf32>", "tensor<3xf32>"},
       "tensor<?x3xf32>"},
      {"nn.dense %a0, %a1",
       {"tensor<?x1xf32>", "tensor<1x17xf32>"},
       "tensor<?x17xf32>"},
      {"nn.dense %a0, %a1, %a2 {activation = #nn.act<tanh>}",
       {"tensor<?x3xf32>", "tensor<3x1xf32>", "tensor<1xf32>"},
       "tensor<?x1xf32>"},
      // Every token is a row of its own.
      {"nn.dense %a0, %a1, %a2",
       {"tensor<?x3x5xf32>", "tensor<5x2xf32>", "tensor<2xf32>"},
       "tensor<?x3x2xf32>"},
      {"nn.softmax %a0", {"tensor<?x3xf32>"}, "tensor<?x3xf32>"},
      {"nn.softmax %a0", {"tensor<?x1xf32>"}, "tensor<?x1xf32>"},
      {"nn.global_avg_pool %a0", {"tensor<?x3x5x2xf32>"}, "tensor<?x2xf32>"},
      {"nn.global_avg_pool %a0", {"tensor<?x1x1x3xf32>"}, "tensor<?x3xf32>"},
      {"nn.reshape %a0", {"tensor<?x1x3x5xf32>"}, "tensor<?x15xf32>"},
      {"nn.add %a0, %a1",
       {"tensor<?x3x1x2xf32>", "tensor<?x3x1x2xf32>"},
       "tensor<?x3x1x2xf32>"},
      {"nn.add %a0, %a1 {activation = #nn.act<sigmoid>}",
       {"tensor<?x7xf32>", "tensor<?x7xf32>"},
       "tensor<?x7xf32>"},
      {"nn.dropout %a0 ids %a1 step %a2 {rate = 0.4, stream = 2}",
       {"tensor<?x3x3x1xf32>", "tensor<?xi32>", "tensor<16xi32>"},
       "tensor<?x3x3x1xf32>"},
      {"nn.dropout %a0 ids %a1 step %a2 {rate = 0.4, stream = 2, per_picture}",
       {"tensor<?x3x3x1xf32>", "tensor<?xi32>", "tensor<16xi32>"},
       "tensor<?x3x3x1xf32>"},
      {"nn.multiply %a0, %a1",
       {"tensor<?x3x2x4xf32>", "tensor<?x1x1x4xf32>"},
       "tensor<?x3x2x4xf32>"},
      {"nn.multiply %a0, %a1",
       {"tensor<?x3x2xf32>", "tensor<?x3x2xf32>"},
       "tensor<?x3x2xf32>"},
      {"nn.scale_channels %a0, %a1",
       {"tensor<?x3x2x4xf32>", "tensor<4xf32>"},
       "tensor<?x3x2x4xf32>"},
      {"nn.standardize %a0, %a1 mean %a2",
       {"tensor<?x3x2x4xf32>", "tensor<4xf32>", "tensor<4xf32>"},
       "tensor<?x3x2x4xf32>",
       {1, 2}},
      {"nn.rescale %a0 {scale = array<f32: 2.0, -0.5>, "
       "offset = array<f32: 3.0>}",
       {"tensor<?x3x2x2xf32>"},
       "tensor<?x3x2x2xf32>"},
      {"nn.layer_norm %a0, %a1, %a2 {epsilon = 0.1}",
       {"tensor<?x2x5xf32>", "tensor<5xf32>", "tensor<5xf32>"},
       "tensor<?x2x5xf32>"},
      {"nn.layer_norm %a0, %a1, %a2 {epsilon = 0.1}",
       {"tensor<?x1xf32>", "tensor<1xf32>", "tensor<1xf32>"},
       "tensor<?x1xf32>"},
      {"nn.attention %a0 {heads = 2, scale = 0.7}",
       {"tensor<?x5x18xf32>"},
       "tensor<?x5x6xf32>"},
      {"nn.attention %a0 {heads = 1, scale = 1.0}",
       {"tensor<?x1x3xf32>"},
       "tensor<?x1x1xf32>"},
      {"nn.prepend_token %a0, %a1",
       {"tensor<?x2x3xf32>", "tensor<3xf32>"},
       "tensor<?x3x3xf32>"},
      {"nn.add_position %a0, %a1",
       {"tensor<?x3x2xf32>", "tensor<3x2xf32>"},
       "tensor<?x3x2xf32>"},
  };
  list.insert(list.end(), moving().begin(), moving().end());
  list.insert(list.end(), pools().begin(), pools().end());
  for (std::string kind :
       {"none", "relu", "relu6", "leaky_relu, 0.25", "sigmoid", "tanh", "silu",
        "gelu", "hard_sigmoid", "hard_swish", "elu, 1.5", "gelu_tanh"})
    list.push_back({"nn.activation %a0 {activation = #nn.act<" + kind + ">}",
                    {"tensor<?x3x3x3xf32>"},
                    "tensor<?x3x3x3xf32>"});
  list.push_back(batchNorm("tensor<?x5xf32>", 5));
  list.push_back(batchNorm("tensor<?x3x2x4xf32>", 4));
  list.push_back(batchNorm("tensor<?x1x1x1xf32>", 1));
  llvm::append_range(list, convolutions());
  return list;
}

/// A function of the operation's operands and dy: its result, then the
/// gradients of all f32 operands that have one. Operations in `before` stand
/// ahead of it, on the same arguments.
struct GradientProgram {
  Program program;
  std::vector<unsigned> differentiated; ///< operand of each gradient returned

  explicit GradientProgram(const RuleCase &rule, const std::string &before = "")
      : program(text(rule, before)) {
    func::FuncOp function = program.function();
    Operation *end = function.getBody().front().getTerminator();
    Operation &op = *end->getPrevNode();
    Value dy = function.getBody().front().getArguments().back();
    llvm::BitVector wanted(op.getNumOperands());
    for (auto [i, operand] : llvm::enumerate(op.getOperands()))
      wanted[i] =
          getElementTypeOrSelf(operand.getType()).isF32() && !rule.isStored(i);
    OpBuilder builder(end);
    SmallVector<Value> gradients;
    cast<nn::Differentiable>(op).buildGradient(builder, dy, wanted, gradients);
    SmallVector<Value> returned{op.getResult(0)};
    for (auto [i, gradient] : llvm::enumerate(gradients))
      if (gradient) {
        differentiated.push_back(i);
        returned.push_back(gradient);
      }
    end->setOperands(returned);
    function.setType(builder.getFunctionType(function.getArgumentTypes(),
                                             ValueRange(returned).getTypes()));
    EXPECT_TRUE(succeeded(verify(*program.module))) << program.errors;
    EXPECT_EQ(differentiated.size(), wanted.count());
  }

  static std::string text(const RuleCase &rule, const std::string &before) {
    std::string arguments, types;
    for (size_t i = 0; i < rule.types.size(); ++i) {
      arguments += "%a" + std::to_string(i) + ": " + rule.types[i] + ", ";
      types += (i ? ", " : "") + rule.types[i];
    }
    return "func.func @f(" + arguments + "%dy: " + rule.result + ") -> " +
           rule.result + " {\n" + before + "\n%r = " + rule.text + " : (" +
           types + ") -> " + rule.result + "\nreturn %r : " + rule.result +
           "\n}";
  }
};

/// Inputs for the function's arguments with a batch of three.
std::vector<NNValue> randomInputs(func::FuncOp function, const RuleCase &rule,
                                  std::mt19937 &rng) {
  std::vector<NNValue> inputs;
  for (auto [i, type] : llvm::enumerate(function.getArgumentTypes())) {
    SmallVector<int64_t> shape(cast<RankedTensorType>(type).getShape());
    if (!shape.empty() && ShapedType::isDynamic(shape[0]))
      shape[0] = 3;
    inputs.push_back(randomValue(shape, rng));
    if (getElementTypeOrSelf(type).isInteger(32)) // ids, step
      inputs.back() = iota(shape, 4);
    if (rule.isStored(i))
      for (double &element : inputs.back().data)
        element = std::abs(element);
  }
  return inputs;
}

/// d/dx of sum(y dy) with x the `element` of input `index`.
double centralDifference(Program &program, std::vector<NNValue> inputs,
                         unsigned index, size_t element) {
  auto objective = [&](double shift) {
    std::vector<NNValue> moved = inputs;
    moved[index].data[element] += shift;
    NNValue y = program.run(moved)[0];
    double sum = 0;
    for (size_t i = 0; i < y.data.size(); ++i)
      sum += y.data[i] * inputs.back().data[i];
    return sum;
  };
  return (objective(kStep) - objective(-kStep)) / (2 * kStep);
}

/// All gradients of a program at a random place.
void checkGradients(GradientProgram &gradient, const RuleCase &rule,
                    std::mt19937 &rng) {
  SCOPED_TRACE(rule.text + " : " + rule.types[0]);
  auto inputs = randomInputs(gradient.program.function(), rule, rng);
  auto results = gradient.program.run(inputs);
  ASSERT_EQ(results.size(), 1 + gradient.differentiated.size());
  for (auto [i, operand] : llvm::enumerate(gradient.differentiated)) {
    const NNValue &built = results[1 + i];
    ASSERT_EQ(built.shape, inputs[operand].shape);
    for (size_t e = 0; e < built.data.size(); ++e)
      EXPECT_NEAR(built.data[e],
                  centralDifference(gradient.program, inputs, operand, e),
                  kTolerance)
          << "operand " << operand << ", element " << e;
  }
}

TEST(Gradients, AgreeWithFiniteDifferences) {
  std::mt19937 rng(7);
  for (const RuleCase &rule : cases()) {
    GradientProgram gradient(rule);
    checkGradients(gradient, rule, rng);
  }
}

// In training mode x reaches y through mean and variance too: the two
// operations are differenced together.
TEST(Gradients, BatchNormThroughItsStatistics) {
  std::mt19937 rng(11);
  auto check = [&](const std::string &type, int64_t channels) {
    std::string vector = "tensor<" + std::to_string(channels) + "xf32>";
    RuleCase rule{"nn.batch_norm %a0, %a1, %a2, %s#0, %s#1 "
                  "{epsilon = 0.01, batch_statistics}",
                  {type, vector, vector, vector, vector},
                  type,
                  {3, 4}};
    GradientProgram gradient(rule, "%s:2 = nn.batch_stats %a0 : (" + type +
                                       ") -> (" + vector + ", " + vector + ")");
    checkGradients(gradient, rule, rng);
  };
  check("tensor<?x5xf32>", 5);
  check("tensor<?x1xf32>", 1);
  check("tensor<?x3x2x4xf32>", 4);
  check("tensor<?x1x1x3xf32>", 3);
  check("tensor<?x2x3x1xf32>", 1);
}

// The saturated pieces of the activations, which small values do not reach.
TEST(Gradients, ActivationsFarFromZero) {
  for (std::string kind : {"relu6", "hard_sigmoid", "hard_swish", "sigmoid",
                           "silu", "gelu", "elu, 1.5", "gelu_tanh"}) {
    SCOPED_TRACE(kind);
    GradientProgram gradient(
        RuleCase{"nn.activation %a0 {activation = #nn.act<" + kind + ">}",
                 {"tensor<?x6xf32>"},
                 "tensor<?x6xf32>"});
    std::vector<NNValue> inputs = {
        NNValue({1, 6}, {-9, -3.5, -2.5, 2.5, 3.5, 9}),
        NNValue({1, 6}, {1, -2, 3, 4, -5, 6})};
    NNValue built = gradient.program.run(inputs)[1];
    for (size_t e = 0; e < 6; ++e)
      EXPECT_NEAR(built.data[e],
                  centralDifference(gradient.program, inputs, 0, e),
                  kTolerance);
  }
}

// A new rule needs a case above, or a reason here.
TEST(Gradients, EveryDifferentiableOperationHasACase) {
  llvm::StringSet<> covered;
  for (const RuleCase &rule : cases())
    covered.insert(StringRef(rule.text).split(' ').first);
  MLIRContext context;
  context.loadDialect<nn::NNDialect>();
  for (RegisteredOperationName name : context.getRegisteredOperations())
    if (name.hasInterface<nn::Differentiable>())
      EXPECT_TRUE(covered.contains(name.getStringRef()))
          << name.getStringRef().str();
}

/// The gradient operation of a loss against differences of the mean loss; with
/// weights and a second label where `mixed`.
void checkLoss(const std::string &loss, int64_t classes,
               const std::vector<double> &labels, bool mixed) {
  SCOPED_TRACE(loss);
  std::string logits = "tensor<?x" + std::to_string(classes) + "xf32>";
  std::vector<std::string> types = {logits, "tensor<?xi32>"};
  std::string attributes = " %a0, %a1 {label_smoothing = 0.1}";
  int64_t batch = labels.size();
  std::mt19937 rng(3);
  std::vector<NNValue> inputs = {randomValue({batch, classes}, rng),
                                 NNValue({batch}, labels)};
  if (mixed) {
    types.insert(types.end(),
                 {"tensor<?xf32>", "tensor<?xi32>", "tensor<?xf32>"});
    attributes = " %a0, %a1 weights %a2 mix %a3 by %a4 {label_smoothing = 0.1}";
    inputs.push_back(iota({batch}, 0.5));
    inputs.push_back(NNValue({batch}, {labels.rbegin(), labels.rend()}));
    inputs.push_back(NNValue({batch}, std::vector<double>(batch, 0.375)));
  }
  NNValue built = evaluate(loss + "_grad" + attributes, types, logits, inputs);
  for (size_t e = 0; e < built.data.size(); ++e) {
    double difference = 0;
    for (double sign : {1.0, -1.0}) {
      std::vector<NNValue> moved = inputs;
      moved[0].data[e] += sign * kStep;
      NNValue losses =
          evaluate(loss + attributes, types, "tensor<?xf32>", moved);
      for (double value : losses.data)
        difference += sign * value / double(batch) / (2 * kStep);
    }
    EXPECT_NEAR(built.data[e], difference, kTolerance) << "element " << e;
  }
}

TEST(Gradients, Losses) {
  for (bool mixed : {false, true}) {
    checkLoss("nn.softmax_cross_entropy", 3, {2, 0, 1, 1, 0}, mixed);
    checkLoss("nn.softmax_cross_entropy", 17, {16}, mixed);
    checkLoss("nn.sigmoid_cross_entropy", 1, {1, 0, 1}, mixed);
  }
}

} // namespace
} // namespace tl
