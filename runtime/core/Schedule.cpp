// See the formulas in the header.
#include "runtime/core/Schedule.h"

#include "runtime/core/Elementary.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace tl {

namespace {
constexpr double kOneCycleStart = 1.0 / 25, kOneCycleEnd = 1.0 / 25 / 1e4;
constexpr double kOneCycleRise = 0.3;
constexpr uint64_t kMostCuts = 1 << 20; // far past where a rate is 0

double power(double base, uint64_t exponent) {
  double result = 1;
  for (; exponent; exponent >>= 1) {
    if (exponent & 1)
      result *= base;
    base *= base;
  }
  return result;
}

// From `first` at 0 to `last` at 1.
double halfCosine(double first, double last, double at) {
  return last + (first - last) / 2 * (1 + cosineOfPi(std::clamp(at, 0.0, 1.0)));
}
} // namespace

Schedule::Schedule(const tl_phase_info &phase, uint32_t epochs,
                   uint32_t stepsPerEpoch)
    : kind(phase.schedule), stepsPerEpoch(stepsPerEpoch),
      steps(double(stepsPerEpoch) * epochs),
      warmup(double(phase.warmup) * stepsPerEpoch), every(phase.schedule_every),
      factor(phase.schedule_factor) {
  if (kind == TL_SCHEDULE_ONE_CYCLE && warmup == 0)
    warmup = kOneCycleRise * steps;
}

double Schedule::fall(double step) const {
  double since = step - warmup;
  switch (kind) {
  case TL_SCHEDULE_STEP:
    since /= every * stepsPerEpoch;
    return power(factor, since < kMostCuts ? uint64_t(since) : kMostCuts);
  case TL_SCHEDULE_COSINE:
    return halfCosine(1, 0, since / (steps - warmup));
  case TL_SCHEDULE_ONE_CYCLE:
    return halfCosine(1, kOneCycleEnd, (since + 1) / (steps - warmup));
  default:
    return 1;
  }
}

double Schedule::factorAt(uint64_t step) const {
  double at = double(step);
  if (kind == TL_SCHEDULE_ONE_CYCLE && at <= warmup - 1)
    return kOneCycleStart +
           (1 - kOneCycleStart) * (warmup > 1 ? at / (warmup - 1) : 1);
  if (kind != TL_SCHEDULE_ONE_CYCLE && at < warmup)
    return std::min(1.0, (at + 1) / warmup);
  return fall(at);
}

float Schedule::rateAt(uint64_t step, float rate) const {
  return std::max(float(factorAt(step) * rate),
                  std::numeric_limits<float>::min());
}

} // namespace tl
