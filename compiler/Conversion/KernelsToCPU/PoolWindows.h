// Places of windows along height or width, for the pools and their gradients.
#pragma once

#include "compiler/Conversion/KernelsToCPU/KernelBuilder.h"

namespace tl::cpu {

struct Range {
  Value begin, end;
};

/// Window `index` of nn.adaptive_avg_pool, which cuts `elements` into
/// `windows`. With the two exchanged, the windows that hold element `index`:
/// floor(i H / n) <= h < ceil((i + 1) H / n) just where
/// floor(h n / H) <= i < ceil((h + 1) n / H).
inline Range adaptiveWindow(KernelBuilder &b, Value index, int64_t elements,
                            int64_t windows) {
  Value begin = b.mul(index, elements);
  Value past = b.add(begin, elements + windows - 1);
  return {b.div(begin, windows), b.div(past, windows)};
}

} // namespace tl::cpu
