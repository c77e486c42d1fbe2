// Running a case on both sides; see the header.
#include "test/unit/kernels/Oracle.h"

#include "compiler/Interpreter/Interpreter.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

using namespace mlir;

namespace tl::test {

namespace {
std::string programText(const KernelCase &c) {
  std::string arguments, types;
  for (size_t i = 0; i < c.types.size(); ++i) {
    arguments += (i ? ", %a" : "%a") + std::to_string(i) + ": " + c.types[i];
    types += (i ? ", " : "") + c.types[i];
  }
  bool several = c.result.front() == '(';
  size_t count = several ? llvm::StringRef(c.result).count("tensor<") : 1;
  std::string names;
  for (size_t i = 0; i < count; ++i)
    names += (i ? ", %r#" : "%r#") + std::to_string(i);
  std::string list =
      several ? c.result.substr(1, c.result.size() - 2) : c.result;
  return Program::kernel(arguments,
                         "%r:" + std::to_string(count) + " = " + c.operation +
                             " : (" + types + ") -> " + c.result +
                             "\nrt.return " + names + " : " + list,
                         c.attributes);
}

RankedTensorType typeOf(Value value) {
  return cast<RankedTensorType>(value.getType());
}
bool perPicture(RankedTensorType type) {
  return nn::storageOf(type).perPicture;
}

std::vector<Array> makeArguments(Program &program, const KernelCase &c,
                                 int64_t batch) {
  std::vector<Array> arguments;
  for (auto argument : program.kernel().getBlock()->getArguments()) {
    unsigned index = argument.getArgNumber();
    int64_t elements = logicalElements(typeOf(argument), batch);
    arguments.push_back(c.fill ? c.fill(index, elements) : Array());
    if (arguments.back().empty())
      arguments.back() = randomArray(elements, 17 + index);
  }
  return arguments;
}

std::vector<NNValue> interpret(Program &program, int64_t batch,
                               const std::vector<Array> &arguments) {
  std::vector<NNValue> inputs;
  for (auto [argument, values] : llvm::zip_equal(
           program.kernel().getBlock()->getArguments(), arguments)) {
    SmallVector<int64_t> shape(typeOf(argument).getShape());
    if (perPicture(typeOf(argument)))
      shape[0] = batch;
    inputs.push_back(
        NNValue(shape, std::vector<double>(values.begin(), values.end())));
  }
  auto results = Interpreter().run(program.kernel(), inputs);
  EXPECT_TRUE(succeeded(results)) << program.diagnostics();
  return succeeded(results) ? *results : std::vector<NNValue>();
}

void expectNear(const Array &found, const NNValue &exact, Tolerance t) {
  ASSERT_EQ(found.size(), exact.data.size());
  for (size_t i = 0; i < found.size(); ++i) {
    double allowed = t.absolute + t.relative * std::fabs(exact.data[i]);
    ASSERT_LE(std::fabs(found[i] - exact.data[i]), allowed)
        << "element " << i << ": found " << found[i] << ", exact "
        << exact.data[i];
  }
}

bool sameBits(const Array &a, const Array &b) {
  return a.size() == b.size() &&
         std::memcmp(a.data(), b.data(), a.size() * 4) == 0;
}

/// Part `index` of `parts` equal parts.
Array part(const Array &values, int64_t index, int64_t parts) {
  size_t size = values.size() / parts;
  return Array(values.begin() + index * size,
               values.begin() + (index + 1) * size);
}

/// Each picture alone must give the bits that it gives in the batch.
void expectSameAlone(Program &program, const cpu::Isa &isa, int64_t batch,
                     const std::vector<Array> &arguments,
                     const std::vector<Array> &together) {
  for (int64_t n = 0; n < batch; ++n) {
    std::vector<Array> single;
    for (auto [argument, values] : llvm::zip_equal(
             program.kernel().getBlock()->getArguments(), arguments))
      single.push_back(perPicture(typeOf(argument)) ? part(values, n, batch)
                                                    : values);
    std::vector<Array> alone = run(program, isa, 1, single);
    for (auto [i, value] : llvm::enumerate(alone))
      EXPECT_TRUE(sameBits(value, part(together[i], n, batch)))
          << "picture " << n << " depends on its batch of " << batch;
  }
}
} // namespace

void expectAgreesWithInterpreter(const KernelCase &c) {
  SCOPED_TRACE(c.operation + " : " + c.types[0] + " -> " + c.result);
  Program program(programText(c));
  bool independent = !c.dependsOnBatch;
  for (Value value : program.kernel().getReturned())
    independent &= perPicture(typeOf(value));
  for (const cpu::Isa *isa : runnableIsas()) {
    for (int64_t batch : {1, 3, 7}) {
      SCOPED_TRACE(isa->name.str() + ", batch " + std::to_string(batch));
      std::vector<Array> arguments = makeArguments(program, c, batch);
      std::vector<NNValue> exact = interpret(program, batch, arguments);
      std::vector<Array> found = run(program, *isa, batch, arguments);
      ASSERT_EQ(found.size(), exact.size());
      for (auto [f, e] : llvm::zip_equal(found, exact))
        expectNear(f, e, c.tolerance);
      std::vector<Array> reordered =
          run(program, *isa, batch, arguments, /*seed=*/2);
      for (auto [f, r] : llvm::zip_equal(found, reordered))
        EXPECT_TRUE(sameBits(f, r)) << "depends on the order of tiles";
      if (independent && batch > 1)
        expectSameAlone(program, *isa, batch, arguments, found);
      if (testing::Test::HasFailure())
        return;
    }
  }
}

Array stepArray(const schema::StepBlock &step) {
  int32_t words[16];
  std::memcpy(words, &step, sizeof(words));
  Array values(words, words + 16);
  for (int i = 0; i < 16; ++i)
    EXPECT_EQ(int32_t(values[i]), words[i]) << "word " << i;
  return values;
}

schema::StepBlock exampleStep() {
  schema::StepBlock step{};
  step.seedLow = 0x12345600;
  step.seedHigh = 0x9abcde00;
  step.phase = 2;
  step.epoch = 13;
  step.learningRate = 0.046875f;
  step.biasCorrection1 = 0.1875f;
  step.biasCorrection2 = 0.0078125f;
  step.backboneRate = 0.01171875f;
  step.emaMomentum = 0.75f;
  return step;
}

std::string picture(std::initializer_list<int64_t> shape,
                    const std::string &halo) {
  std::string text = "tensor<?x";
  for (int64_t size : shape)
    text += std::to_string(size) + "x";
  return text + "f32" + (halo.empty() ? "" : ", #nn.halo<" + halo + ">") + ">";
}

} // namespace tl::test
