// A trainer's own copy of everything that training changes: parameters and
// optimizer state, in one block, so that a snapshot is one copy. Also the table
// of tensor addresses that programs bind to.
#pragma once

#include "runtime/core/Memory.h"
#include "runtime/core/Model.h"

#include <vector>

namespace tl {

class Parameters {
public:
  // Stored parameters as they are, others drawn from `seed`; state zero.
  Parameters(const tl_model &model, uint64_t seed);

  // Draws every parameter that has an initialiser.
  void draw(uint64_t seed);
  void zeroState();
  // Exchanges parameters that `phase` trains with their slots `average`.
  void swapAverages(uint32_t phase);

  // By tensor index; constants are null until `resolve`.
  void *const *table() const { return addresses.data(); }
  void resolve(const schema::Entry &entry);

  // The index of the first parameter with an inf or nan, or -1.
  int64_t firstNotFinite() const;

  const float *tensor(uint32_t index) const {
    return static_cast<const float *>(addresses[index]);
  }
  float *values(uint32_t index) {
    return static_cast<float *>(addresses[index]);
  }
  uint8_t *block() const { return memory.data(); }
  uint64_t blockBytes() const { return used; }

private:
  const tl_model &model;
  Memory memory;
  uint64_t used = 0;
  uint64_t stateBegin = 0; // parameters first, then optimizer state
  std::vector<void *> addresses;
};

bool allFinite(const float *values, uint64_t count);

} // namespace tl
