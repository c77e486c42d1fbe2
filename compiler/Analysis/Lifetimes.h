// When the buffers of an entry are alive, and how small its arena can be at
// best. An arena has two regions (dialects/RT/RT.td): fixed buffers, and those
// whose size is a multiple of the batch.
#pragma once

#include "dialects/RT/RT.h"

namespace tl {

/// Offsets and sizes in an arena are multiples of this many bytes.
inline constexpr int64_t kArenaAlignment = 64;

struct Life {
  rt::BufferOp buffer;
  int64_t bytes = 0; ///< a multiple of kArenaAlignment
  bool perPicture = false;
  /// Operations of the entry, counted from 1 in order: from the one that
  /// writes the buffer to the last that reads it.
  int64_t first = 0, last = 0;

  bool meets(const Life &other) const {
    return perPicture == other.perPicture && other.first <= last &&
           first <= other.last;
  }
};

/// Of all buffers of an entry. Inputs live from the start (0) to their last
/// reader, outputs to one past the last operation.
llvm::SmallVector<Life> lifetimes(rt::EntryOp entry);

/// Bytes of each region.
struct ArenaSize {
  int64_t fixed = 0, perPicture = 0;

  int64_t at(int64_t batch) const { return fixed + batch * perPicture; }
};

/// What no plan can go below: in each region, the largest sum of the buffers
/// that are alive at one operation.
ArenaSize arenaLowerBound(rt::EntryOp entry);

/// What the plan takes; 0 before plan-memory.
ArenaSize arenaPlanned(rt::EntryOp entry);

} // namespace tl
