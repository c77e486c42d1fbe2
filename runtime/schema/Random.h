// The one source of randomness: Philox4x32-10, a counter-based generator
// (J. Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
// A draw is a pure function of (seed, purpose, coordinates): no state is
// carried, so threads, caches and resumed runs draw the same numbers. The
// compiler emits the same function for dropout.
//
//   key      = seed (low, high)
//   counter  = { element / 4, picture or stream, (phase << 20) ^ epoch or step,
//                purpose | layer << 8 }
//   element i takes word i % 4 of block i / 4.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>

namespace tl::schema {

enum RandomPurpose : uint32_t {
  kRandomInit = 1,    // initial weights; coordinate: Init.stream
  kRandomShuffle = 2, // order of pictures; coordinates: phase, epoch
  kRandomDropout = 3, // coordinates: picture id, phase, epoch, layer
  kRandomAugment = 4,
  // Mixup; coordinates: 0 for the share, 1 + place for the partner; batch of
  // the epoch; phase, epoch; attempt in the place of the layer.
  kRandomMixup = 5
};

using PhiloxBlock = std::array<uint32_t, 4>;

inline PhiloxBlock philox4x32(PhiloxBlock c, uint32_t k0, uint32_t k1) {
  for (int round = 0; round < 10; ++round) {
    uint64_t p0 = uint64_t(0xD2511F53u) * c[0];
    uint64_t p1 = uint64_t(0xCD9E8D57u) * c[2];
    c = {uint32_t(p1 >> 32) ^ c[1] ^ k0, uint32_t(p1),
         uint32_t(p0 >> 32) ^ c[3] ^ k1, uint32_t(p0)};
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return c;
}

// A uniform float in [0, 1) with 24 bits: the word's top 24 bits times 2^-24.
inline float uniformFloat(uint32_t word) {
  return float(word >> 8) * 0x1p-24f;
}

} // namespace tl::schema
