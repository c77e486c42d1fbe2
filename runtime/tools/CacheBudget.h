// How much memory and disk a run may spend on not computing things again, and
// its division: who asks first gets memory, then disk, then nothing.
#pragma once

#include "runtime/data/RowStore.h"
#include "runtime/tools/Options.h"

namespace tl::tools {

struct CacheBudget {
  std::string folder; // for what goes to the disk; empty: none is known
  uint64_t memory = 0;
  uint64_t disk = 0;

  // As many of `rows` rows as there is room for.
  data::RowStore take(uint64_t rowBytes, uint64_t rows);
};

// What the options say; else half of the memory that is available, and of the
// disk 8 GiB, or a third of what is free if that is less. `--no-cache`: no
// disk.
CacheBudget chooseBudget(const Options &options);

} // namespace tl::tools
