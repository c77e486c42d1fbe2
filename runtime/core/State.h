// The file of an interrupted run, M.bin.state: what training changes, and what
// it belongs to. Little-endian, read and written whole:
//
//   StateHeader | parameters and optimizer state | the kept snapshot's, if any
//   | history | what the loop adds
//
// Nothing in it is trusted: the checksum finds damage, and every number is
// compared with what the model at hand says before it is used.
#pragma once

#include <cstdint>

namespace tl {

inline constexpr char kStateMagic[8] = {'T', 'L', 'S', 'T',
                                        'A', 'T', 'E', '\n'};
inline constexpr uint32_t kStateVersion = 1;

struct StateHeader {
  char magic[8];
  uint32_t version;
  uint32_t headerBytes;
  uint64_t fileBytes;
  uint64_t model; // Container::identity
  uint64_t seed;
  uint32_t isa; // tl_isa
  uint32_t averaged;
  int64_t phase;
  uint32_t step;
  uint32_t keptStep;
  int64_t keptPhase;
  uint32_t kept; // 1: there is a snapshot
  uint32_t keptAveraged;
  uint64_t blockBytes;
  uint64_t historyCount;
  uint64_t progressBytes;
  uint64_t bodyChecksum;   // XXH64 of all behind the header
  uint64_t headerChecksum; // XXH64 of the header before it
};
static_assert(sizeof(StateHeader) == 120);

} // namespace tl
