// Values drawn instead of stored: initial weights, random constants, the order
// of pictures. All are pure functions of seed and coordinates (Random.h), with
// arithmetic that IEEE 754 fixes (Elementary.h), so that no libm decides a
// weight.
//
//   counter of initial weights: { block, stream, attempt, kRandomInit }
//   uniform    element i takes word i % 4 of block i / 4, attempt 0:
//              scale * (2 u - 1), u of 24 bits
//   normal     elements 2j and 2j + 1 take a pair of words (a, b) of block
//              j / 2, attempt 0: radius sqrt(-2 ln((a + 1) 2^-32)), angle
//              2 pi b 2^-32; the cosine gives element 2j, the sine 2j + 1
//   truncated  element i takes block i whole: of its two pairs the first of
//              cos, sin, cos, sin within 2 standard deviations; if none is,
//              the next attempt
#pragma once

#include "runtime/schema/Random.h"
#include "runtime/schema/model_generated.h"

#include <cstdint>

namespace tl {

// The canonical elements [0, count) of a tensor.
void drawCanonical(const schema::Init &init, uint64_t seed, int64_t count,
                   float *to);

// The stored form of `tensor`, drawn with the run's seed (or its own).
void drawTensor(const schema::Tensor &tensor, uint64_t runSeed, float *to);

// An unbiased draw of 0 .. bound-1 (D. Lemire, "Fast random integer generation
// in an interval", 2019: multiplication with rejection) from the four words
// that wordsOf(0), wordsOf(1), ... give.
template <typename WordsOf>
uint32_t drawBelow(uint32_t bound, WordsOf wordsOf) {
  uint32_t threshold = (0u - bound) % bound;
  for (uint32_t attempt = 0;; ++attempt)
    for (uint32_t word : wordsOf(attempt)) {
      uint64_t product = uint64_t(word) * bound;
      if (uint32_t(product) >= threshold)
        return uint32_t(product >> 32);
    }
}

// A permutation of 0 .. count-1: Fisher-Yates from the top; position i takes
// an unbiased draw below i + 1 from the words of counters { i, attempt, phase
// << 20 ^ epoch, kRandomShuffle }.
void drawOrder(uint64_t seed, uint32_t phase, uint32_t epoch, uint32_t count,
               uint32_t *order);

} // namespace tl
