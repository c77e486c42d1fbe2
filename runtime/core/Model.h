// What stands behind tl_model: the checked container, the executable code of
// the chosen ISA, the tables that the getters give, and the values of tensors
// as the file has them. Constant after construction, but for tensors that are
// drawn when first used (random backbones, initial values), and values derived
// from constants, each under a lock.
#pragma once

#include "runtime/core/CodeImage.h"
#include "runtime/core/Container.h"
#include "runtime/core/Frontier.h"
#include "runtime/core/Memory.h"
#include "runtime/schema/KernelAbi.h"

#include <tl/runtime.h>

#include <memory>
#include <mutex>
#include <vector>

namespace tl {

class Machine;

// Where tl_session_read finds a value.
struct ValueSource {
  uint32_t entry;
  uint32_t output;
};

struct ModelTables {
  tl_model_info info{};
  std::vector<const char *> labels;
  std::vector<float> mean, std;
  std::vector<tl_phase_info> phases;
  std::vector<tl_layer_info> layers;
  std::vector<tl_value_info> values;
  std::vector<std::vector<int64_t>> shapes;
  std::vector<tl_entry_info> entries;
  std::vector<tl_epoch_record> history;
};

} // namespace tl

struct tl_model {
  template <typename... Source>
  tl_model(const tl_model_options &options, Source... source)
      : memoryLimit(options.memory_limit ? options.memory_limit
                                         : uint64_t(16) << 30),
        container(source..., memoryLimit), root(container.model()) {
    initialise(options.isa);
  }

  tl::schema::KernelFunction kernel(uint32_t index) const {
    return image->function(code->kernels()->Get(index)->offset());
  }

  // The value of a constant or parameter as the file has it, in its stored
  // form; drawn from the recipe's seed where it is not stored.
  const float *value(uint32_t tensor) const;

  // A derived value, made on `machine` where nobody holds it. Throws bad_alloc.
  std::shared_ptr<const tl::Memory> derived(uint32_t index,
                                            tl::Machine &machine) const;

  const uint64_t memoryLimit;
  tl::Container container;
  const tl::schema::Model &root;
  const tl::schema::Code *code = nullptr;
  std::unique_ptr<tl::CodeImage> image;
  int32_t predictEntry = -1;
  tl::Frontiers frontiers;
  std::vector<tl::ValueSource> valueSources; // parallel to tables.values
  tl::ModelTables tables;
  float normalised[3][256]; // by network channel and byte

private:
  void initialise(tl_isa isa);
  void chooseCode(tl_isa isa);
  void fillInfo();
  void fillTrain();
  void fillTables();
  void fillPhases();
  void fillValues();
  void addValue(uint32_t entry, uint32_t output);
  void fillPreprocess();

  mutable std::mutex drawing;
  mutable std::vector<std::unique_ptr<tl::Memory>> drawn; // by tensor
  mutable std::mutex deriving;
  mutable std::vector<std::weak_ptr<const tl::Memory>> derivedValues;
};
