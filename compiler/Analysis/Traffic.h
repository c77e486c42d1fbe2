// The memory that a call reads and writes, each buffer counted once, halos and
// the padding of panels included.
#pragma once

#include "dialects/RT/RT.h"

namespace tl {

struct Traffic {
  int64_t shared = 0;  ///< bytes that the batch shares: weights, gradients
  int64_t read = 0;    ///< bytes of one picture
  int64_t written = 0; ///< bytes of one picture
};

Traffic trafficOf(rt::CallOp call);

} // namespace tl
