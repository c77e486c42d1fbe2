// The formulas of the header.
#include "compiler/Conversion/KernelsToCPU/CostModel.h"

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
  double arithmetic =
      work.multiplyAdds / (peakMultiplyAdds(isa) * shareOfPeak(form, isa));
  double memory = work.bytes / bytesPerCycle(work.batchBytes);
  return {arithmetic + memory, memory > arithmetic};
}

} // namespace tl::cpu
