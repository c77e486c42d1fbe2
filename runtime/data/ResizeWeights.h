// For each output position along one axis, which inputs it is made of and with
// what weights. Private to the resizers.
#pragma once

#include "runtime/data/Resize.h"

namespace tl::data {

struct AxisWeights {
  struct Span {
    uint32_t first; // the first input
    uint32_t count; // how many inputs
  };
  uint32_t stride; // weights kept for each output
  std::vector<Span> spans;
  std::vector<double> weights; // [output][stride], zero past `count`
};

// Pillow's precompute_coeffs (libImaging/Resample.c): every operation in the
// same order and precision, since the results are rounded later.
AxisWeights computeAxisWeights(uint32_t from, uint32_t to, Filter filter);

// The input position of each output for `nearest` (libImaging/Geometry.c,
// ImagingScaleAffine): positions are summed up, not multiplied out.
std::vector<uint32_t> computeNearest(uint32_t from, uint32_t to);

} // namespace tl::data
