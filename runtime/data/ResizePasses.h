// The two passes of Pillow's resize of bytes, a row at a time. Sums are int32
// of fixed-point weights and so exact in any order: every set of instructions
// gives the same bytes, which is what lets one be chosen at run time.
#pragma once

#include "runtime/data/ResizeWeights.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace tl::data {

enum class Instructions { baseline, avx2 };

// The best that this processor has.
Instructions bestInstructions();

// Along a row: `width` pixels of `channels` (1 or 3) bytes become one pixel for
// each span of `axis`, which must outlive the pass.
class HorizontalPass {
public:
  HorizontalPass(const AxisWeights &axis, uint32_t width, uint32_t channels,
                 Instructions instructions);
  // `readable` bytes, at least a row's, may be read at `in`: a row that others
  // follow need not be copied.
  void run(const uint8_t *in, size_t readable, uint8_t *out);

private:
  // Four neighbouring pixels' weights w = high * 2^11 + low, as the words that
  // are multiplied with [r r g g b b . .] of the first two and of the others.
  struct alignas(32) Weights4 {
    std::array<int16_t, 16> high, low;
  };
  void splitWeights();
  void runAvx2(const uint8_t *row, uint8_t *out) const;

  const AxisWeights &axis;
  const size_t rowBytes;
  const uint32_t channels;
  std::vector<int32_t> weights;
  std::vector<Weights4> split; // empty where the baseline is used
  std::vector<uint8_t> padded; // a row, and zeros that loads may run into
};

// Across rows: row `y` of the result from the rows of its span, the first of
// which is `in`; `stride` bytes from one to the next, `count` bytes each.
class VerticalPass {
public:
  VerticalPass(const AxisWeights &axis, Instructions instructions);
  void run(uint32_t y, const uint8_t *in, size_t stride, size_t count,
           uint8_t *out) const;

private:
  const AxisWeights &axis;
  const Instructions instructions;
  std::vector<int32_t> weights;
};

} // namespace tl::data
