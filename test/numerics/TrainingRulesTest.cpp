// What surrounds a gradient against Keras and PyTorch: clipping and every
// optimizer with all its options step by step, weighted and mixed losses, batch
// normalisation in training (training_rules.py made the goldens, in double).
// Each runs on the reference interpreter, which must agree to the last digits,
// and on the kernels of every ISA here, which round to single precision.
#include "compiler/Interpreter/Interpreter.h"
#include "test/numerics/Tensors.h"
#include "test/unit/kernels/Harness.h"

#include <cmath>
#include <cstring>
#include <gtest/gtest.h>

using namespace mlir;
using namespace tl;
using namespace tl::test;

namespace {

using Vectors = std::vector<std::vector<double>>;

const std::map<std::string, NumericTensor> &goldens() {
  static const auto tensors = readSafetensors(
      TL_SOURCE_DIR "/test/numerics/training_rules.safetensors");
  return tensors;
}
const std::vector<double> &golden(const std::string &name) {
  return goldens().at(name).values;
}

/// One operation as a kernel that can be evaluated: on the interpreter, or on
/// an ISA. Its types are plain, so that values are row-major.
class Operation {
public:
  Operation(const std::string &text, const std::vector<std::string> &types,
            const std::vector<std::string> &results,
            const std::string &inPlace = "")
      : program(kernelText(text, types, results, inPlace)) {}

  /// The results in order, for a batch of `batch`; `isa` null: interpreted.
  Vectors run(const cpu::Isa *isa, int64_t batch, const Vectors &inputs) {
    return isa ? compiled(*isa, batch, inputs) : interpreted(batch, inputs);
  }

private:
  static std::string kernelText(const std::string &text,
                                const std::vector<std::string> &types,
                                const std::vector<std::string> &results,
                                const std::string &inPlace) {
    std::string arguments, given, names, returned;
    for (size_t i = 0; i < types.size(); ++i) {
      std::string comma = i ? ", " : "";
      arguments += comma + "%a" + std::to_string(i) + ": " + types[i];
      given += comma + types[i];
    }
    for (size_t i = 0; i < results.size(); ++i) {
      std::string comma = i ? ", " : "";
      names += comma + "%r#" + std::to_string(i);
      returned += comma + results[i];
    }
    return Program::kernel(
        arguments,
        "%r:" + std::to_string(results.size()) + " = " + text + " : (" + given +
            ") -> (" + returned + ")\nrt.return " + names + " : " + returned,
        inPlace.empty() ? "" : "in_place = array<i64: " + inPlace + ">");
  }

  Vectors interpreted(int64_t batch, const Vectors &inputs) {
    std::vector<NNValue> values;
    for (auto [argument, input] :
         llvm::zip_equal(program.kernel().getBlock()->getArguments(), inputs)) {
      SmallVector<int64_t> shape(
          cast<RankedTensorType>(argument.getType()).getShape());
      if (ShapedType::isDynamic(shape[0]))
        shape[0] = batch;
      values.emplace_back(shape, input);
    }
    auto results = Interpreter().run(program.kernel(), values);
    EXPECT_TRUE(succeeded(results)) << program.diagnostics();
    Vectors data;
    if (succeeded(results))
      for (const NNValue &result : *results)
        data.push_back(result.data);
    return data;
  }

  /// Memory of one value, as kernels want it.
  struct alignas(64) Line {
    uint32_t words[16];
  };
  using Memory = std::vector<Line>;

  static Memory memoryFor(Type type, int64_t batch,
                          const std::vector<double> &values) {
    auto tensor = cast<RankedTensorType>(type);
    Memory memory(logicalElements(tensor, batch) / 16 + 1);
    uint32_t *words = memory[0].words;
    for (size_t i = 0; i < values.size(); ++i)
      if (float value = float(values[i]); tensor.getElementType().isF32())
        std::memcpy(words + i, &value, 4);
      else
        words[i] = uint32_t(int32_t(values[i]));
    return memory;
  }

  Vectors compiled(const cpu::Isa &isa, int64_t batch, const Vectors &inputs) {
    auto image = program.code(isa);
    EXPECT_TRUE(succeeded(image)) << program.diagnostics();
    if (failed(image))
      return {};
    rt::KernelOp kernel = program.kernel();
    std::vector<Memory> memory;
    for (auto [argument, input] :
         llvm::zip_equal(kernel.getBlock()->getArguments(), inputs))
      memory.push_back(memoryFor(argument.getType(), batch, input));
    std::vector<size_t> places;
    for (auto [i, value] : llvm::enumerate(kernel.getReturned())) {
      int64_t argument = kernel.getInPlaceArgument(i);
      places.push_back(argument < 0 ? memory.size() : size_t(argument));
      if (argument < 0)
        memory.push_back(memoryFor(value.getType(), batch, {}));
    }
    std::vector<void *> pointers;
    for (Memory &each : memory)
      pointers.push_back(each.data());
    rt::GridAttr grid = (*image)->kernels[0].grid;
    Memory scratch(grid.getScratch() / 64 + 1);
    LoadedCode code(**image);
    auto function = reinterpret_cast<schema::KernelFunction>(code.entry(0));
    int64_t blocks = (batch + grid.getPictures() - 1) / grid.getPictures();
    int64_t tiles = grid.getFixed() + blocks * grid.getTiles();
    for (int64_t tile = 0; tile < tiles; ++tile)
      function(pointers.data(), batch, tile, scratch.data());
    Vectors results;
    for (auto [place, value] : llvm::zip_equal(places, kernel.getReturned())) {
      auto *first = reinterpret_cast<const float *>(memory[place].data());
      results.emplace_back(
          first, first + logicalElements(
                             cast<RankedTensorType>(value.getType()), batch));
    }
    return results;
  }

  Program program;
};

void expectNear(const std::vector<double> &found,
                const std::vector<double> &expected, double tolerance) {
  ASSERT_EQ(found.size(), expected.size());
  for (size_t i = 0; i < found.size(); ++i)
    ASSERT_NEAR(found[i], expected[i], tolerance * (1 + std::fabs(expected[i])))
        << "element " << i;
}

/// The interpreter (null) and the ISAs of this machine.
std::vector<const cpu::Isa *> engines() {
  std::vector<const cpu::Isa *> all = runnableIsas();
  all.insert(all.begin(), nullptr);
  return all;
}
std::string nameOf(const cpu::Isa *isa) {
  return isa ? isa->name.str() : "interpreter";
}

// ---------------------------------------------------------------- updates

/// UPDATES and AVERAGES of training_rules.py.
struct UpdateCase {
  std::string name, kind, constants;
  double rate;
  int slots;
  bool clipped = false;
  double ema = 0;
};
const UpdateCase kUpdates[] = {
    {"sgd", "sgd", "weight_decay = 0.05", 0.09375, 0},
    {"sgd_momentum", "sgd", "momentum = 0.9, weight_decay = 0.05", 0.03125, 1},
    {"sgd_nesterov", "sgd", "momentum = 0.9, nesterov, weight_decay = 0.05",
     0.03125, 1},
    {"rmsprop", "rmsprop", "weight_decay = 0.05", 0.015625, 1},
    {"adam", "adam", "weight_decay = 0.05", 0.03125, 2},
    {"adamw", "adamw", "", 0.03125, 2},
    {"adamw_decay", "adamw", "weight_decay = 0.05", 0.03125, 2},
    {"sgd_clipped", "sgd", "", 0.09375, 0, true},
    {"adam_clipped", "adam", "weight_decay = 0.05", 0.03125, 2, true},
    {"sgd_average", "sgd", "ema = 0.75", 0.09375, 1, false, 0.75},
    {"adamw_average", "adamw", "ema = 0.75", 0.03125, 3, true, 0.75}};
constexpr int kSteps = 12;
constexpr double kMaxNorm = 4;

/// One parameter with its slots, its update and its sum of squares.
struct Parameter {
  Parameter(const std::string &name, const std::string &type,
            const std::string &convention, const UpdateCase &c)
      : name(name), squares("nn.sum_squares %a0", {type}, {"tensor<1xf32>"}),
        update(updateText(convention, c), updateTypes(type, c),
               std::vector<std::string>(1 + c.slots, type), inPlace(c)) {
    state.push_back(golden("updates." + name));
    state.insert(state.end(), c.slots,
                 std::vector<double>(state[0].size(), 0.0));
  }

  static std::string updateText(const std::string &convention,
                                const UpdateCase &c) {
    std::string slots;
    for (int i = 1; i <= c.slots; ++i)
      slots += (i > 1 ? ", %a" : "%a") + std::to_string(i);
    auto argument = [&](int i) { return "%a" + std::to_string(c.slots + i); };
    return "nn.update %a0 slots(" + slots + ") by " + argument(1) +
           (c.clipped ? " scaled " + argument(2) : "") + " at " +
           argument(c.clipped ? 3 : 2) + " {optimizer = #nn.optimizer<" +
           c.kind + ", " + convention + ", {" + c.constants + "}>}";
  }
  static std::vector<std::string> updateTypes(const std::string &type,
                                              const UpdateCase &c) {
    std::vector<std::string> types(2 + c.slots, type);
    if (c.clipped)
      types.push_back("tensor<1xf32>");
    types.push_back("tensor<16xi32>");
    return types;
  }
  static std::string inPlace(const UpdateCase &c) {
    std::string pairs = "0, 0";
    for (int i = 1; i <= c.slots; ++i)
      pairs += ", " + std::to_string(i) + ", " + std::to_string(i);
    return pairs;
  }

  std::vector<double> gradient(int step) const {
    const auto &all = golden("updates." + name + ".gradients");
    size_t size = state[0].size();
    return {all.begin() + step * size, all.begin() + (step + 1) * size};
  }

  std::string name;
  Operation squares, update;
  Vectors state; ///< the parameter, then its slots
};

/// As the trainer fills it, but for one thing: Keras takes powers of betas in
/// single precision, even where all else is double, and 1 - 0.999f is 1.3e-5
/// off. Here it gets its own corrections, so that the bound can be narrow.
schema::StepBlock blockOf(const std::string &convention, const UpdateCase &c,
                          int step) {
  auto correction = [&](double beta) {
    return float(
        1 -
        std::pow(convention == "keras" ? double(float(beta)) : beta, step + 1));
  };
  schema::StepBlock block{};
  block.learningRate = float(c.rate);
  block.biasCorrection1 = correction(0.9);
  block.biasCorrection2 = correction(0.999);
  block.emaMomentum = step ? float(c.ema) : 0;
  return block;
}

/// All steps of one case on one engine.
void follow(const std::string &convention, const UpdateCase &c,
            const cpu::Isa *isa) {
  Parameter parameters[] = {{"p", "tensor<7xf32>", convention, c},
                            {"q", "tensor<3x5xf32>", convention, c}};
  Operation clip(
      "nn.clip_scale %a0, %a1 {max_norm = " + std::to_string(kMaxNorm) +
          (convention == "torch" ? ", torch}" : "}"),
      {"tensor<1xf32>", "tensor<1xf32>"}, {"tensor<1xf32>"});
  // The step block is in single precision, and so are adam's bias corrections:
  // 6e-8 of each step. Kernels round some six values of order 1 a step.
  double tolerance = isa ? 4e-6 : 2e-7;
  for (int step = 0; step < kSteps; ++step) {
    SCOPED_TRACE("step " + std::to_string(step));
    Vectors scale;
    if (c.clipped) {
      Vectors sums;
      for (Parameter &each : parameters)
        sums.push_back(each.squares.run(isa, 1, {each.gradient(step)})[0]);
      scale = clip.run(isa, 1, sums);
    }
    for (Parameter &each : parameters) {
      Vectors inputs = each.state;
      inputs.push_back(each.gradient(step));
      inputs.insert(inputs.end(), scale.begin(), scale.end());
      inputs.push_back(stepValue(blockOf(convention, c, step)).data);
      each.state = each.update.run(isa, 1, inputs);
      auto expectStep = [&](const std::string &suffix,
                            const std::vector<double> &found) {
        const auto &all = golden("updates." + convention + "." + c.name + "." +
                                 each.name + suffix);
        size_t size = found.size();
        expectNear(found,
                   {all.begin() + step * size, all.begin() + (step + 1) * size},
                   tolerance);
      };
      expectStep("", each.state[0]);
      if (c.ema)
        expectStep(".average", each.state.back());
    }
    if (testing::Test::HasFailure())
      return;
  }
}

// Every optimizer with decay, clipping and average, in both conventions.
TEST(TrainingRules, UpdatesFollowTheFrameworks) {
  for (std::string convention : {"keras", "torch"})
    for (const UpdateCase &c : kUpdates) {
      if (c.ema && convention == "torch")
        continue; // torch.optim has no such average
      for (const cpu::Isa *isa : engines()) {
        SCOPED_TRACE(convention + "." + c.name + " on " + nameOf(isa));
        follow(convention, c, isa);
      }
    }
}

// Half of the steps are clipped and half are not: neither rule goes unseen.
TEST(TrainingRules, SomeStepsAreClipped) {
  int clipped = 0;
  for (int step = 0; step < kSteps; ++step) {
    double sum = 0;
    for (std::string name : {"p", "q"}) {
      const auto &all = golden("updates." + name + ".gradients");
      size_t size = all.size() / kSteps;
      for (size_t i = 0; i < size; ++i)
        sum += all[step * size + i] * all[step * size + i];
    }
    clipped += std::sqrt(sum) > kMaxNorm;
  }
  EXPECT_GE(clipped, 3);
  EXPECT_LE(clipped, 9);
}

// ---------------------------------------------------------------- losses

/// One kind and case of training_rules.py's losses.
void checkLoss(const std::string &kind, const std::string &name) {
  bool softmax = kind == "softmax";
  std::string logits = softmax ? "tensor<?x3xf32>" : "tensor<?x1xf32>";
  std::vector<std::string> types = {logits, "tensor<?xi32>"};
  Vectors inputs = {golden(softmax ? "losses.logits" : "losses.logit"),
                    golden(softmax ? "losses.labels" : "losses.binary")};
  std::string operands = " %a0, %a1";
  if (name != "plain") {
    operands += " weights %a2";
    types.push_back("tensor<?xf32>");
    inputs.push_back(golden("losses.weights"));
  }
  if (name == "mixed") {
    operands += " mix %a3 by %a4";
    types.insert(types.end(), {"tensor<?xi32>", "tensor<?xf32>"});
    inputs.push_back(
        golden(softmax ? "losses.others" : "losses.binary_others"));
    inputs.push_back(golden("losses.mix"));
  }
  operands += " {label_smoothing = 0.1}";
  Operation loss("nn." + kind + "_cross_entropy" + operands, types,
                 {"tensor<?xf32>"});
  Operation gradient("nn." + kind + "_cross_entropy_grad" + operands, types,
                     {logits});
  for (const cpu::Isa *isa : engines())
    for (std::string convention : {"keras", "torch"}) {
      std::string prefix = "losses." + convention + "." + kind + "." + name;
      SCOPED_TRACE(prefix + " on " + nameOf(isa));
      // Single precision: a few units of logits below 10.
      double tolerance = isa ? 1e-6 : 1e-12, mean = 0;
      Vectors losses = loss.run(isa, 6, inputs);
      for (double value : losses[0])
        mean += value / 6;
      expectNear({mean}, golden(prefix + ".loss"), tolerance);
      expectNear(gradient.run(isa, 6, inputs)[0], golden(prefix + ".gradient"),
                 tolerance);
    }
}

TEST(TrainingRules, LossesAgreeWithTheFrameworks) {
  for (std::string kind : {"softmax", "sigmoid"})
    for (std::string name : {"plain", "weighted", "mixed"})
      checkLoss(kind, name);
}

// ---------------------------------------------------------------- batch norm

/// A batch norm's training step, operation by operation, on one engine.
void checkBatchNorm(const std::string &convention, const cpu::Isa *isa) {
  SCOPED_TRACE(convention + " on " + nameOf(isa));
  std::string x = "tensor<?x3x2x5xf32>", c = "tensor<5xf32>";
  auto one = [&](const std::string &text, std::vector<std::string> types,
                 std::vector<std::string> results, const Vectors &inputs) {
    return Operation(text, types, results).run(isa, 4, inputs);
  };
  auto input = [](const std::string &name) { return golden("norm." + name); };
  auto expect = [&](const std::string &name, const std::vector<double> &found) {
    SCOPED_TRACE(name);
    // Single precision: a dozen roundings of values below 10.
    expectNear(found, golden("norm." + convention + "." + name),
               isa ? 2e-6 : 1e-12);
  };
  Vectors stats = one("nn.batch_stats %a0", {x}, {c, c}, {input("x")});
  expect("y", one("nn.batch_norm %a0, %a1, %a2, %a3, %a4 {epsilon = 1.0e-3, "
                  "batch_statistics}",
                  {x, c, c, c, c}, {x},
                  {input("x"), input("gamma"), input("beta"), stats[0],
                   stats[1]})[0]);
  std::string average = "nn.moving_average %a0 by %a1 of %a2 {momentum = 0.9";
  expect("new_mean", one(average + "}", {c, c, x}, {c},
                         {input("mean"), stats[0], input("x")})[0]);
  expect("new_variance",
         one(average + (convention == "torch" ? ", unbiased}" : "}"), {c, c, x},
             {c}, {input("variance"), stats[1], input("x")})[0]);
  Vectors affine =
      one("nn.batch_norm_grad_affine %a0, %a1, %a2, %a3 {epsilon = 1.0e-3}",
          {x, x, c, c}, {c, c}, {input("dy"), input("x"), stats[0], stats[1]});
  expect("dgamma", affine[0]);
  expect("dbeta", affine[1]);
  expect("dx", one("nn.batch_norm_grad_input %a0, %a1, %a2 through %a3, %a4, "
                   "%a5, %a6 {epsilon = 1.0e-3}",
                   {x, c, c, x, c, c, c}, {x},
                   {input("dy"), input("gamma"), stats[1], input("x"), stats[0],
                    affine[0], affine[1]})[0]);
}

// Values, running statistics and gradients; torch's running variance is the
// unbiased one.
TEST(TrainingRules, BatchNormAgreesWithTheFrameworks) {
  for (const cpu::Isa *isa : engines())
    for (std::string convention : {"keras", "torch"})
      checkBatchNorm(convention, isa);
}

} // namespace
