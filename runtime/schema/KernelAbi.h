// How the runtime calls compiled code.
//
// A kernel is one fused operation, cut into tiles that may run in any order
// and on any threads; no two tiles write the same byte. Memory is row-major
// f32 (labels and picture ids: i32), pictures outermost:
//
//   args     one pointer an argument, inputs first, then outputs, each to the
//            first byte of a buffer for the whole batch, aligned to 64 bytes.
//            A kernel that updates in place (optimizer) writes its inputs.
//   n        pictures in the batch, 1 or more
//   tile     0 <= tile < the number of tiles that KernelCode gives for n
//   scratch  KernelCode.scratch bytes of this thread's own, aligned to 64,
//            contents undefined
//
// Values with a halo: [n][top + H + bottom][left + W + right][C]; the kernel
// that produces such a buffer writes zeros into the halo, every time.
//
// Per-picture bytes of every buffer are a multiple of 4 only: picture i of a
// buffer starts at i * (H' * W' * C * 4), with no padding between pictures.
//
// Kernels must not call anything, keep state, or read the clock. They run with
// the default MXCSR (round to nearest, denormals kept).
#pragma once

#include <cstdint>

namespace tl::schema {

using KernelFunction = void (*)(void *const *args, int64_t n, int64_t tile,
                                void *scratch);

// ArgKind::step: 64 bytes that the trainer fills before each step; an operand
// `tensor<16xi32>` of the NN dialect. Floats are stored as their bits.
struct StepBlock {
  uint32_t seedLow;
  uint32_t seedHigh;
  uint32_t phase;
  uint32_t epoch;         // within the phase, from 0
  uint32_t step;          // within the phase, from 0
  float learningRate;     // of the head, after the schedule
  float biasCorrection1;  // adam: 1 - beta1^(step + 1), computed in double
  float biasCorrection2;  // adam: 1 - beta2^(step + 1)
  float backboneRate;     // of the backbone's parameters, after the schedule
  float emaMomentum;      // the phase's ema; 0 at step 0 (Keras's rule)
  uint32_t reserved[6];
};
static_assert(sizeof(StepBlock) == 64);

} // namespace tl::schema
