// An entry point must depend on its inputs and the weights alone, never on
// what an earlier run left in the arena: halos are written every time, buffers
// that share memory are written before they are read. Each entry of compiled
// programs runs in an arena of zeros and in one full of signalling patterns;
// outputs and parameters must be the same bytes.
#include "runtime/core/Executor.h"
#include "runtime/core/Parameters.h"
#include "runtime/core/Program.h"
#include "runtime/schema/KernelAbi.h"

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <unistd.h>

using namespace tl;

namespace {

struct Recipe {
  const char *name;
  const char *text;
};
void PrintTo(const Recipe &recipe, std::ostream *out) { *out << recipe.name; }

// Strides, depthwise convolutions and padding (mini); concatenation and pools
// that round up, on odd sizes (squeezenet); dropout, a hidden layer, sigmoid.
const Recipe kRecipes[] = {
    {"mini", "model a { input image(61, 47, 3) backbone mini { freeze all } "
             "head { gap dropout(0.3) dense(19, relu) dense(1, sigmoid) } "
             "train { loss binary_crossentropy phase p { epochs 1 optimizer "
             "adam } phase q { epochs 1 optimizer sgd(momentum: 0.9) } } }"},
    {"squeezenet",
     "model b { input image(67, 75, 3) backbone squeezenet1_0 { freeze all } "
     "head { flatten dense(3, softmax) } train { loss "
     "categorical_crossentropy phase p { epochs 1 optimizer rmsprop } } }"}};

/// What an entry leaves behind: its outputs, then the parameters.
std::vector<uint8_t> runIn(const tl_model &model, uint32_t index, uint32_t n,
                           int fill) {
  Machine machine(model, 2);
  Parameters parameters(model, 7);
  Program program(model, index);
  const schema::Entry &entry = program.entry;
  parameters.resolve(entry);
  schema::StepBlock step{};
  step.learningRate = 0.01f;
  step.biasCorrection1 = 0.1f;
  step.biasCorrection2 = 0.001f;
  program.bind(machine, n, parameters.table(), &step);
  memset(machine.arena.data(), fill, machine.arena.size());
  for (const schema::Port *port : *entry.inputs()) {
    uint64_t count = portCount(*port);
    std::vector<uint32_t> rows(n * count);
    for (uint64_t i = 0; i < rows.size(); ++i) {
      float value = float(i * 37 % 101) / 50 - 1;
      if (port->type() == schema::ElementType::i32)
        rows[i] = uint32_t(i % 2);
      else
        memcpy(&rows[i], &value, 4);
    }
    program.write(*port, rows.data(), count);
  }
  program.run(machine);
  std::vector<uint8_t> result;
  for (const schema::Port *port : *entry.outputs()) {
    uint64_t count = portCount(*port);
    std::vector<float> rows(n * count);
    program.read(*port, rows.data(), count);
    for (float value : rows)
      EXPECT_EQ(value, value) << port->name()->str() << " is not a number";
    auto *bytes = reinterpret_cast<const uint8_t *>(rows.data());
    result.insert(result.end(), bytes, bytes + rows.size() * sizeof(float));
  }
  result.insert(result.end(), parameters.block(),
                parameters.block() + parameters.blockBytes());
  return result;
}

class ArenaTest : public ::testing::TestWithParam<Recipe> {};

TEST_P(ArenaTest, EntriesDoNotSeeWhatWasThere) {
  std::string folder =
      (std::filesystem::temp_directory_path() / "tl-arena-XXXXXX").string();
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  std::ofstream(folder + "/model.tl") << GetParam().text;
  std::string command = TL_TLC " " + folder + "/model.tl -o " + folder +
                        "/model.bin --weights random:3";
  ASSERT_EQ(std::system(command.c_str()), 0) << command;
  tl_model *model = nullptr;
  tl_error error;
  ASSERT_EQ(tl_model_open_file((folder + "/model.bin").c_str(), nullptr,
                               &model, &error),
            TL_STATUS_OK)
      << error.message;
  uint32_t entries = tl_model_get_info(model)->entry_count;
  ASSERT_GE(entries, 6u);
  for (uint32_t i = 0; i < entries; ++i)
    for (uint32_t n : {1u, 5u}) {
      std::vector<uint8_t> zeros = runIn(*model, i, n, 0);
      EXPECT_EQ(zeros, runIn(*model, i, n, 0xff)) // floats: not a number
          << tl_model_entry(model, i)->name << ", batch " << n;
      EXPECT_EQ(zeros, runIn(*model, i, n, 0x4b)) // floats: 13323083
          << tl_model_entry(model, i)->name << ", batch " << n;
    }
  tl_model_close(model);
  std::filesystem::remove_all(folder);
}

INSTANTIATE_TEST_SUITE_P(Programs, ArenaTest, ::testing::ValuesIn(kRecipes));

} // namespace
