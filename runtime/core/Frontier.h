// What a phase trains on: the values that cross from what it keeps frozen into
// the rest, their places in a row of features, and the entry that computes
// them. Phases with the same evaluation have the same frontier.
#pragma once

#include "runtime/schema/model_generated.h"

#include <cstdint>
#include <string_view>
#include <vector>

namespace tl {

// One of the values: its place in a row.
struct FeaturePort {
  std::string_view name; // "pixels": the picture itself, which nothing extracts
  uint64_t offset;       // floats
  uint64_t count;
};

struct Frontier {
  int32_t extractEntry = -1; // -1: the pixels alone cross
  std::vector<FeaturePort> ports;
  uint64_t count = 0; // floats of a row
};

struct Frontiers {
  std::vector<Frontier> all;    // each once, in the order of the phases
  std::vector<uint32_t> phases; // by phase, an index into `all`
  int32_t extractAllEntry = -1; // -1: each has its own entry

  const Frontier &of(uint32_t phase) const { return all[phases[phase]]; }
  // What prediction starts from: the last phase's.
  const Frontier &last() const {
    return phases.empty() ? all.front() : of(uint32_t(phases.size() - 1));
  }
};

// Of a model that VerifyProgram accepts.
Frontiers findFrontiers(const schema::Model &model);

} // namespace tl
