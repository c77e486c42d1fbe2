// What a kernel should cost on one core, by a model simple enough to check by
// hand. It is there to say what limits a kernel and about how near to the peak
// it should come; measurements, which decide, are in README.md.
//
// Arithmetic: a core of the machines that v3 and v4 mean starts two vector
// FMAs and two vector loads a cycle, and an FMA takes four cycles. A block of
// R x V vectors of sums (Form) takes R + V loads for each R x V FMAs, and
// wants 8 sums in flight; lanes beyond the wanted columns are lost. So it gets
//   min(1, R V / (R + V), R V / 8) x wanted / columns     of the peak.
// A kernel without a block is given the whole peak: memory decides there.
//
// Memory: every buffer is read or written once, at what one core streamed from
// the nearest level that holds all values of the batch: a kernel finds there
// what the one before it has left. A filter that is read for each row block
// makes it worse.
//
// The two are added: the stores of a block, and the loads that begin the next
// one, stand in the way of its products. With the longer of the two instead,
// depthwise filters were expected at a half of what they take; what bounds a
// kernel is the longer one. bench/cost_model.py compares all this with
// measurements (README.md).
//
// Winograd's convolutions do fewer products than their operation counts
// (Form::products) and move blocks between map and points, kBlockCycles for
// each block of outputs and each channel on either side.
// Strassen's products do fewer, too, and make sums of their operands beside.
#pragma once

#include "compiler/Conversion/KernelsToCPU/KernelBuilder.h"
#include "compiler/Conversion/KernelsToCPU/StrassenPlan.h"

namespace tl::cpu {

/// Up to so many bytes, so many a cycle (AMD EPYC, Zen 5, load 8 to 11):
/// copies, additions and pools in the second-level and third-level cache, and a
/// copy of 41 GB/s at 4.2 GHz from memory.
inline constexpr double kNearBytes = 1 << 20, kNearRate = 50;
inline constexpr double kSharedCacheBytes = 32 << 20, kSharedCacheRate = 30;
inline constexpr double kMemoryRate = 10;

/// Measured on maps of 150x150x64 and 32x32x16, AVX-512 and AVX2 (README.md):
/// 13 to 29.
inline constexpr double kBlockCycles = 16;

/// Of products by Strassen's algorithm, AVX-512 (README.md): cycles for each
/// element of the sums of rows and of panels (four of each in one), and of the
/// result.
inline constexpr double kRowSumCycles = 0.9, kPanelSumCycles = 1.2,
                        kQuarterCycles = 0.3;

/// Work of one picture.
struct Work {
  double multiplyAdds = 0;
  double bytes = 0;      ///< what the batch shares counts by its share
  double batchBytes = 0; ///< of the whole batch: which cache holds them
};

struct Cost {
  double cycles = 0;        ///< of one core, one picture
  bool memoryBound = false; ///< else bound by arithmetic
};

Cost estimate(const Work &work, const Form &form, const Isa &isa);

/// Whether Winograd's F(4x4, 3x3) beats the direct convolution that gives maps
/// of `height` x `width`. One answer for all instruction sets and batches, for
/// the form must be the same wherever a layer is computed: the bytes of the
/// weights count almost whole, as for one picture (README.md), and those of a
/// filter that `trains` by a quarter, for steps have more pictures. A training
/// makes such a filter's points in each run; they count by an eighth.
bool winogradPays(int64_t height, int64_t width, int64_t inputs,
                  int64_t outputs, bool trains);

/// Whether one level of Strassen's algorithm beats the plain product, by what
/// it does beside its products. One answer for all instruction sets and
/// batches, as above.
bool strassenPays(const StrassenShape &shape);

/// What a core can do in a cycle.
double peakMultiplyAdds(const Isa &isa);

} // namespace tl::cpu
