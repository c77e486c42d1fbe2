// Passes must not change what a program computes. The oracle is the reference
// interpreter: it runs every entry point before and after the passes, and a
// training step against finite differences of its own loss.
#include "compiler/Transforms/Passes.h"
#include "compiler/Interpreter/Interpreter.h"
#include "compiler/Pipeline/Register.h"
#include "compiler/Transforms/ParameterValues.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

using namespace mlir;
using namespace tl;

namespace {

class PassesTest : public ::testing::Test {
protected:
  PassesTest() {
    DialectRegistry registry;
    registerAllDialects(registry);
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
    load("tiny-model.mlir");
  }

  void load(const std::string &file) {
    module = parseSourceFile<ModuleOp>(
        TL_SOURCE_DIR "/test/lit/conversion/Inputs/" + file, &context);
  }

  /// Gives every parameter values: odd ones, variances positive.
  void fillParameters(float largest = 1) {
    std::mt19937 random(7);
    std::uniform_real_distribution<float> uniform(-largest, largest);
    module->walk([&](nn::ParameterOp parameter) {
      auto [attribute, data] =
          allocateValues(parameter.getTensorType(), parameter.getSymName());
      for (float &value : data)
        value = parameter.getRole() == "moving_variance"
                    ? 0.5f + std::abs(uniform(random))
                    : uniform(random);
      parameter.setValueAttr(attribute);
    });
  }

  void runPasses(llvm::function_ref<void(PassManager &)> build) {
    PassManager passes(&context);
    build(passes);
    ASSERT_TRUE(succeeded(passes.run(*module)));
  }

  /// The interpreter with the module's parameters; slots are zero.
  Interpreter interpreter() {
    Interpreter result;
    for (auto parameter : module->getOps<nn::ParameterOp>()) {
      NNValue value(parameter.getTensorType().getShape());
      if (parameter.getValueAttr()) {
        ArrayRef<float> data = parameterValues(parameter);
        value.data.assign(data.begin(), data.end());
      }
      result.parameters[parameter.getSymName()] = value;
    }
    return result;
  }

  std::vector<NNValue> run(Interpreter &interpreter, StringRef entry) {
    return run(interpreter, entry,
               inputsFor(module->lookupSymbol<func::FuncOp>(entry)));
  }

  std::vector<NNValue> run(Interpreter &interpreter, StringRef entry,
                           ArrayRef<NNValue> inputs) {
    auto function = module->lookupSymbol<func::FuncOp>(entry);
    auto outputs = interpreter.run(function, inputs);
    EXPECT_TRUE(succeeded(outputs)) << entry.str();
    return succeeded(outputs) ? *outputs : std::vector<NNValue>();
  }

  static std::vector<NNValue> inputsFor(func::FuncOp function) {
    constexpr int64_t kBatch = 3;
    std::vector<NNValue> inputs;
    for (auto [i, type] : llvm::enumerate(function.getArgumentTypes())) {
      auto name = function.getArgAttrOfType<StringAttr>(i, nn::kNameAttr);
      if (name.getValue() == "step") {
        schema::StepBlock step{};
        step.learningRate = step.backboneRate = 1e-3f;
        step.biasCorrection1 = 0.1f;
        step.biasCorrection2 = 0.001f;
        inputs.push_back(stepValue(step));
        continue;
      }
      SmallVector<int64_t> shape(cast<RankedTensorType>(type).getShape());
      shape[0] = kBatch;
      NNValue value(shape);
      std::mt19937 random(11 + i);
      for (size_t k = 0; k < value.data.size(); ++k)
        value.data[k] = name.getValue() == "labels"       ? double(k % 2)
                        : name.getValue() == "mix_labels" ? double((k + 1) % 2)
                        : name.getValue() == "ids"
                            ? double(k + 40)
                            : std::uniform_real_distribution<>(-1, 1)(random);
      inputs.push_back(std::move(value));
    }
    return inputs;
  }

  double meanLoss(Interpreter &i, StringRef step) {
    NNValue loss = run(i, step).front();
    double sum = 0;
    for (double v : loss.data)
      sum += v;
    return sum / loss.data.size();
  }

  /// Compares what plain gradient descent at a rate of 1e-3 does to some
  /// parameters with central differences of the mean loss. Gives the number of
  /// elements that move.
  int checkStep(StringRef step, ArrayRef<StringRef> names) {
    Interpreter start = interpreter(), stepped = interpreter();
    run(stepped, step);
    constexpr double kRate = 1e-3f, kDelta = 1e-5;
    int moving = 0;
    for (StringRef name : names)
      for (size_t i = 0; i < start.parameters[name].data.size(); i += 3) {
        Interpreter up = interpreter(), down = interpreter();
        up.parameters[name].data[i] += kDelta;
        down.parameters[name].data[i] -= kDelta;
        double slope = (meanLoss(up, step) - meanLoss(down, step)) / 2 / kDelta;
        double change =
            stepped.parameters[name].data[i] - start.parameters[name].data[i];
        EXPECT_NEAR(change, -kRate * slope, kRate * 1e-7)
            << name.str() << " element " << i;
        moving += slope != 0;
      }
    return moving;
  }

  MLIRContext context;
  OwningOpRef<ModuleOp> module;
};

void expectNear(const NNValue &a, const NNValue &b, double bound,
                const std::string &what) {
  ASSERT_EQ(a.shape, b.shape) << what;
  for (size_t i = 0; i < a.data.size(); ++i)
    ASSERT_NEAR(a.data[i], b.data[i], bound) << what << ", element " << i;
}

// Folding rounds weights to f32 once more; values here are of order 1, so
// that 1e-5 is ten units in the last place of a sum of 27.
TEST_F(PassesTest, FoldFuseAndLayoutKeepEveryEntrysValues) {
  fillParameters();
  runPasses([](PassManager &p) { p.addPass(createConvertTLToNN()); });
  std::map<std::string, std::vector<NNValue>> before;
  {
    Interpreter reference = interpreter();
    for (auto function : module->getOps<func::FuncOp>())
      before[function.getSymName().str()] =
          run(reference, function.getSymName());
  }
  ASSERT_EQ(before.size(), 7u); // extract, predict, evaluate, step, three taps
  runPasses([](PassManager &p) {
    p.addPass(createFoldDropout());
    p.addPass(createFoldBatchNorm());
    p.addPass(createDropUnusedParameters());
    p.addPass(createDifferentiate());
    p.addPass(createFuseActivations());
    p.addPass(createFuseResiduals());
    p.addPass(createFusePadding());
    p.addPass(createAssignLayouts());
  });
  for (auto &[name, expected] : before) {
    Interpreter fresh = interpreter();
    std::vector<NNValue> found = run(fresh, name);
    ASSERT_EQ(found.size(), expected.size()) << name;
    for (size_t i = 0; i < found.size(); ++i)
      expectNear(found[i], expected[i], 1e-5, name);
  }
}

// One step of plain gradient descent moves each parameter by -rate times the
// derivative of the mean loss, which central differences give to about 1e-8.
TEST_F(PassesTest, AStepFollowsTheFiniteDifferencesOfItsLoss) {
  fillParameters();
  module->walk([&](ask::PhaseOp phase) {
    phase.setOptimizerAttr(nn::OptimizerAttr::get(
        &context, nn::OptimizerKind::Sgd, nn::Convention::Keras,
        DictionaryAttr::get(&context)));
  });
  runPasses([](PassManager &p) {
    p.addPass(createConvertTLToNN());
    p.addPass(createDifferentiate());
  });
  // Dropout and relu may silence some elements, not most.
  EXPECT_GT(checkStep("train_step.head", {"dense.kernel", "dense.bias",
                                          "dense_1.kernel", "dense_1.bias"}),
            20);
}

// The same for a step of fine-tuning: a convolution and a batch norm in
// training mode, class weights and mixup. What the phase does not train stays,
// and the stored statistics move.
TEST_F(PassesTest, AStepOfFineTuningFollowsItsFiniteDifferences) {
  load("phases-model.mlir");
  fillParameters();
  module->walk([&](ask::PhaseOp phase) { phase.removeClipNormAttr(); });
  runPasses([](PassManager &p) {
    p.addPass(createConvertTLToNN());
    p.addPass(createDifferentiate());
  });
  EXPECT_GT(
      checkStep("train_step.two", {"conv2.kernel", "bn2.beta", "dense.kernel"}),
      8);
  Interpreter start = interpreter(), stepped = interpreter();
  run(stepped, "train_step.two");
  for (auto &[name, value] : start.parameters) {
    StringRef parameter = name;
    bool frozen = parameter.starts_with("conv1") ||
                  parameter.starts_with("bn1") || parameter == "bn2.gamma";
    EXPECT_EQ(value.data == stepped.parameters[name].data, frozen)
        << parameter.str();
  }
}

// Wherever a phase is cut, what is computed is the same: from the pixels
// through each extraction to the logits, bit for bit, also after folding.
TEST_F(PassesTest, EveryCutGivesTheSameLogits) {
  load("phases-model.mlir");
  fillParameters();
  runPasses([](PassManager &p) {
    p.addPass(createConvertTLToNN());
    p.addPass(createFoldDropout());
    p.addPass(createFoldBatchNorm());
    p.addPass(createDropUnusedParameters());
  });
  Interpreter i = interpreter();
  std::vector<NNValue> all = run(i, "extract");
  std::vector<NNValue> high = run(i, "extract.one");
  std::vector<NNValue> low = run(i, "extract.two");
  ASSERT_EQ(all.size(), 2u);
  expectNear(all[0], high.front(), 0, "extract.one");
  expectNear(all[1], low.front(), 0, "extract.two");
  NNValue labels =
      inputsFor(module->lookupSymbol<func::FuncOp>("evaluate.one")).back();
  std::vector<NNValue> predicted = run(i, "predict", low);
  std::vector<NNValue> one = run(i, "evaluate.one", {high.front(), labels});
  std::vector<NNValue> two = run(i, "evaluate.two", {low.front(), labels});
  expectNear(one[1], predicted[0], 0, "logits of evaluate.one");
  expectNear(two[1], predicted[0], 0, "logits of evaluate.two");
  expectNear(one[0], two[0], 0, "losses");
}

// A first layer's gradient passes through a frozen convolution and a trained
// one, all of them Winograd's: the step does what the direct one does (exact
// algebra, so that only rounding of double is left), and follows finite
// differences of its own loss. Weights up to 0.1 keep values over three layers,
// and with them derivatives of the loss, of order 1.
TEST_F(PassesTest, AStepByWinogradFollowsItsFiniteDifferences) {
  module = parseSourceString<ModuleOp>(R"mlir(
nn.parameter @b : tensor<16xf32> {first_phase = 0 : i64, init = #nn.init<fill, 1.0 : f32, stream 0>}
nn.parameter @u : tensor<3x3x16x16xf32> {first_phase = 0 : i64, init = #nn.init<fill, 1.0 : f32, stream 1>}
nn.parameter @v : tensor<3x3x16x16xf32> {init = #nn.init<fill, 1.0 : f32, stream 2>}
nn.parameter @w : tensor<3x3x16x16xf32> {first_phase = 0 : i64, init = #nn.init<fill, 1.0 : f32, stream 3>}
func.func @step(%x: tensor<?x16x16x16xf32> {nn.name = "frontier"}, %t: tensor<?xi32> {nn.name = "labels"}, %s: tensor<16xi32> {nn.name = "step"}) -> (tensor<?xf32> {nn.name = "loss"})
    attributes {nn.entry = "train_step", nn.phase = 0 : i64, nn.optimizer = #nn.optimizer<sgd, keras, {}>} {
  %b = nn.get @b : tensor<16xf32>
  %u = nn.get @u : tensor<3x3x16x16xf32>
  %v = nn.get @v : tensor<3x3x16x16xf32>
  %w = nn.get @w : tensor<3x3x16x16xf32>
  %0 = nn.conv2d %x, %u, %b {pads = array<i64: 1, 1, 1, 1>} : (tensor<?x16x16x16xf32>, tensor<3x3x16x16xf32>, tensor<16xf32>) -> tensor<?x16x16x16xf32>
  %1 = nn.conv2d %0, %v {pads = array<i64: 1, 1, 1, 1>} : (tensor<?x16x16x16xf32>, tensor<3x3x16x16xf32>) -> tensor<?x16x16x16xf32>
  %2 = nn.conv2d %1, %w {pads = array<i64: 0, 1, 1, 1>} : (tensor<?x16x16x16xf32>, tensor<3x3x16x16xf32>) -> tensor<?x15x16x16xf32>
  %3 = nn.global_avg_pool %2 : (tensor<?x15x16x16xf32>) -> tensor<?x16xf32>
  %4 = nn.softmax_cross_entropy %3, %t : (tensor<?x16xf32>, tensor<?xi32>) -> tensor<?xf32>
  return %4 : tensor<?xf32>
})mlir",
                                       &context);
  fillParameters(0.1f);
  runPasses([](PassManager &p) { p.addPass(createDifferentiate()); });
  Interpreter direct = interpreter(), winograd = interpreter();
  run(direct, "step");
  runPasses([](PassManager &p) {
    p.addPass(createAdvanceUpdates());
    p.addPass(createUseWinograd());
    p.addPass(createAssignLayouts());
  });
  int convolutions = 0;
  module->walk([&](nn::WinogradConv2DOp) { ++convolutions; });
  EXPECT_EQ(convolutions, 5); // three, and two gradients of inputs
  run(winograd, "step");
  for (auto &[name, value] : direct.parameters)
    expectNear(winograd.parameters[name], value, 1e-12, name.str());
  EXPECT_EQ(checkStep("step", {"b"}), 6);
}

// Pools in a convolution: one map that nothing else reads, odd and behind an
// activation that falls and rises, and one that another layer reads, too. The
// same values to the bit.
TEST_F(PassesTest, PoolingInTheConvolutionKeepsItsValues) {
  module = parseSourceString<ModuleOp>(R"mlir(
nn.parameter @u : tensor<36x3x5xf32> {init = #nn.init<fill, 1.0 : f32, stream 0>}
nn.parameter @v : tensor<36x5x5xf32> {init = #nn.init<fill, 1.0 : f32, stream 1>}
func.func @predict(%x: tensor<?x19x13x3xf32> {nn.name = "pixels"}) -> (tensor<?x4x3x5xf32> {nn.name = "a"}, tensor<?x9x6x5xf32> {nn.name = "b"}) attributes {nn.entry = "predict"} {
  %u = nn.get @u : tensor<36x3x5xf32>
  %v = nn.get @v : tensor<36x5x5xf32>
  %0 = nn.winograd_conv2d %x, %u {pads = array<i64: 1, 1, 1, 1>, activation = #nn.act<silu>} : (tensor<?x19x13x3xf32>, tensor<36x3x5xf32>) -> tensor<?x19x13x5xf32>
  %1 = nn.max_pool %0 {window = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>} : (tensor<?x19x13x5xf32>) -> tensor<?x9x6x5xf32>
  %2 = nn.winograd_conv2d %1, %v {pads = array<i64: 1, 1, 1, 1>} : (tensor<?x9x6x5xf32>, tensor<36x5x5xf32>) -> tensor<?x9x6x5xf32>
  %3 = nn.max_pool %2 {window = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>} : (tensor<?x9x6x5xf32>) -> tensor<?x4x3x5xf32>
  return %3, %2 : tensor<?x4x3x5xf32>, tensor<?x9x6x5xf32>
})mlir",
                                       &context);
  fillParameters();
  Interpreter apart = interpreter();
  std::vector<NNValue> expected = run(apart, "predict");
  runPasses([](PassManager &p) { p.addPass(createFusePools()); });
  int pools = 0;
  module->walk([&](nn::MaxPoolOp) { ++pools; });
  EXPECT_EQ(pools, 1);
  Interpreter together = interpreter();
  std::vector<NNValue> found = run(together, "predict");
  ASSERT_EQ(found.size(), 2u);
  for (size_t i = 0; i < found.size(); ++i)
    expectNear(found[i], expected[i], 0, "result");
}

// gelu's gradient reads its input and the next weight's its result, so that the
// first layer's result is computed again (the last one's saves nothing: its
// forward pass alone needs as much); what the step writes has the same bits.
TEST_F(PassesTest, RematerialisingKeepsTheStep) {
  module = parseSourceString<ModuleOp>(R"mlir(
nn.parameter @w : tensor<6x64xf32> {first_phase = 0 : i64, init = #nn.init<fill, 1.0 : f32, stream 0>}
nn.parameter @v : tensor<64x64xf32> {first_phase = 0 : i64, init = #nn.init<fill, 1.0 : f32, stream 2>}
nn.parameter @u : tensor<64x2xf32> {first_phase = 0 : i64, init = #nn.init<fill, 1.0 : f32, stream 1>}
func.func @step(%x: tensor<?x6xf32> {nn.name = "frontier"}, %t: tensor<?xi32> {nn.name = "labels"}, %s: tensor<16xi32> {nn.name = "step"}) -> (tensor<?xf32> {nn.name = "loss"})
    attributes {nn.entry = "train_step", nn.phase = 0 : i64, nn.optimizer = #nn.optimizer<sgd, keras, {}>} {
  %w = nn.get @w : tensor<6x64xf32>
  %v = nn.get @v : tensor<64x64xf32>
  %u = nn.get @u : tensor<64x2xf32>
  %0 = nn.dense %x, %w : (tensor<?x6xf32>, tensor<6x64xf32>) -> tensor<?x64xf32>
  %1 = nn.activation %0 {activation = #nn.act<gelu>} : (tensor<?x64xf32>) -> tensor<?x64xf32>
  %2 = nn.dense %1, %v : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
  %3 = nn.activation %2 {activation = #nn.act<gelu>} : (tensor<?x64xf32>) -> tensor<?x64xf32>
  %4 = nn.dense %3, %u : (tensor<?x64xf32>, tensor<64x2xf32>) -> tensor<?x2xf32>
  %5 = nn.softmax_cross_entropy %4, %t : (tensor<?x2xf32>, tensor<?xi32>) -> tensor<?xf32>
  return %5 : tensor<?xf32>
})mlir",
                                       &context);
  fillParameters();
  runPasses([](PassManager &p) { p.addPass(createDifferentiate()); });
  auto activations = [&] {
    int count = 0;
    module->walk([&](nn::ActivationOp) { ++count; });
    return count;
  };
  Interpreter before = interpreter();
  run(before, "step");
  EXPECT_EQ(activations(), 2);
  runPasses([](PassManager &p) { p.addPass(createRematerialise()); });
  EXPECT_EQ(activations(), 3);
  Interpreter after = interpreter();
  run(after, "step");
  for (StringRef name : {"w", "v", "u"})
    expectNear(after.parameters[name], before.parameters[name], 0, name.str());
}

} // namespace
