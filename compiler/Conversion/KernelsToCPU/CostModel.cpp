// The formulas of the header.
#include "compiler/Conversion/KernelsToCPU/CostModel.h"

#include "dialects/NN/Winograd.h"
#include "llvm/Support/MathExtras.h"

#include <algorithm>

namespace tl::cpu {

constexpr double kUnits = 2, kLatency = 4;

double peakMultiplyAdds(const Isa &isa) { return kUnits * double(isa.lanes); }

/// Of the peak, what a block of sums in registers lets through.
static double shareOfPeak(const Form &form, const Isa &isa) {
  if (!form.rows)
    return 1;
  double rows = double(form.rows);
  double vectors = double(form.columns) / double(isa.lanes);
  double sums = rows * vectors;
  return std::min({1.0, sums / (rows + vectors), sums / (kUnits * kLatency)}) *
         double(form.active) / double(form.columns);
}

static double bytesPerCycle(double values) {
  if (values <= kNearBytes)
    return kNearRate;
  return values <= kSharedCacheBytes ? kSharedCacheRate : kMemoryRate;
}

Cost estimate(const Work &work, const Form &form, const Isa &isa) {
  double arithmetic = work.multiplyAdds * form.products /
                      (peakMultiplyAdds(isa) * shareOfPeak(form, isa));
  double memory = work.bytes / bytesPerCycle(work.batchBytes);
  return {arithmetic + memory, memory > arithmetic};
}

// Counted on the widest vectors, where memory matters most.
bool winogradPays(int64_t height, int64_t width, int64_t inputs,
                  int64_t outputs, bool trains) {
  using namespace nn::winograd;
  // So few that 7x7x512 stays direct and 9x9x512 does not (README.md).
  constexpr double predicted = 1.2, trained = 4;
  constexpr double stepPictures = 8, productShare = 0.8;
  double pictures = trains ? trained : predicted;
  const Isa &isa = allIsas().back();
  double pairs = double(inputs) * double(outputs);
  auto moved = [&](int64_t values) {
    return double(values) * pairs * sizeof(float) / kMemoryRate;
  };
  // What is written is fetched into the cache first.
  double points = trains ? moved(kTaps * kTaps + 2 * kPlanes) : 0;
  double blocks = double(blocksFor(height) * blocksFor(width));
  double direct = kTaps * kTaps * double(height * width) * pairs;
  double products = kPlanes * blocks * pairs / productShare;
  return products / peakMultiplyAdds(isa) + moved(kPlanes) / pictures +
             points / stepPictures +
             kBlockCycles * blocks * double(inputs + outputs) <
         direct / peakMultiplyAdds(isa) + moved(kTaps * kTaps) / pictures;
}

// Counted with the tiles of small batches and pictures of larger ones. It must
// win clearly, for its tiles are few and large.
bool strassenPays(const StrassenShape &shape) {
  if (!StrassenPlan::fits(shape))
    return false;
  constexpr double margin = 1.03, filled = 0.75;
  const Isa &isa = allIsas().back();
  StrassenPlan plan(shape, isa);
  double quarterInputs = double(shape.inputs) / 2;
  double quarterOutputs = double(shape.outputs) / 2;
  double plain = double(shape.rows) * double(shape.inputs) *
                 double(shape.outputs) / peakMultiplyAdds(isa);
  double tiles = double(llvm::divideCeil(plan.groups, plan.groupsOfOne));
  double sums =
      kRowSumCycles * double(plan.half) * tiles * quarterInputs +
      kPanelSumCycles * quarterInputs * quarterOutputs /
          std::max(1.0, filled * double(plan.pictures)) +
      kQuarterCycles * double(shape.rows * plan.chunks) * double(shape.outputs);
  return (plan.products * plain + sums) * margin < plain;
}

} // namespace tl::cpu
