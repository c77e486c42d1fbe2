// Learning rates against PyTorch's schedulers and against the formulas.
#include "runtime/core/Schedule.h"
#include "LoopGoldens.inc"
#include "runtime/core/Elementary.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

using namespace tl;

namespace {

tl_phase_info makePhase(tl_schedule kind, float warmup = 0, float every = 1,
                        float factor = 0.5f) {
  tl_phase_info phase{};
  phase.schedule = kind;
  phase.warmup = warmup;
  phase.schedule_every = every;
  phase.schedule_factor = factor;
  return phase;
}

// PyTorch multiplies rates up step by step where the runtime has a closed
// form: a few dozen roundings of 1e-16 apart.
void expectRates(const Schedule &schedule, const std::vector<double> &golden) {
  for (size_t step = 0; step < golden.size(); ++step)
    EXPECT_NEAR(schedule.factorAt(step), golden[step], 1e-13)
        << "step " << step;
}

TEST(Schedule, FollowsPyTorch) {
  expectRates({makePhase(TL_SCHEDULE_STEP), 3, 7}, kStep);
  expectRates({makePhase(TL_SCHEDULE_STEP, 1), 3, 7}, kStepWarm);
  expectRates({makePhase(TL_SCHEDULE_COSINE), 3, 7}, kCosine);
  expectRates({makePhase(TL_SCHEDULE_COSINE, 1), 3, 7}, kCosineWarm);
  expectRates({makePhase(TL_SCHEDULE_ONE_CYCLE, 1.5f), 5, 4}, kOneCycle);
}

// Without a warm-up, one_cycle rises for 0.3 of the phase.
TEST(Schedule, OneCycleRisesByDefault) {
  expectRates({makePhase(TL_SCHEDULE_ONE_CYCLE), 5, 4}, kOneCycle);
}

// A warm-up of a part of an epoch, in the middle of a step: the rise never
// passes 1, and the cosine starts where it ends.
TEST(Schedule, AFractionOfAnEpoch) {
  Schedule schedule(makePhase(TL_SCHEDULE_COSINE, 0.25f), 2, 10);
  EXPECT_DOUBLE_EQ(schedule.factorAt(0), 1 / 2.5);
  EXPECT_DOUBLE_EQ(schedule.factorAt(1), 2 / 2.5);
  EXPECT_DOUBLE_EQ(schedule.factorAt(2), 1);
  for (uint64_t step = 3; step < 20; ++step)
    EXPECT_NEAR(schedule.factorAt(step),
                (1 + std::cos(M_PI * (double(step) - 2.5) / 17.5)) / 2, 1e-15);
}

// Fewer epochs than the warm-up wants (--epochs): it only rises.
TEST(Schedule, APhaseShorterThanItsWarmup) {
  for (tl_schedule kind : {TL_SCHEDULE_CONSTANT, TL_SCHEDULE_STEP,
                           TL_SCHEDULE_COSINE, TL_SCHEDULE_ONE_CYCLE}) {
    Schedule schedule(makePhase(kind, 5), 2, 3);
    for (uint64_t step = 1; step < 6; ++step) {
      EXPECT_GT(schedule.factorAt(step), schedule.factorAt(step - 1));
      EXPECT_LT(schedule.factorAt(step), 1);
    }
  }
}

// A rate that decays to nothing stays a positive number: 0 would mean the
// phase's own rate.
TEST(Schedule, IsNeverZero) {
  Schedule schedule(makePhase(TL_SCHEDULE_STEP, 0, 1, 0.1f), 1000, 1);
  EXPECT_EQ(schedule.rateAt(999, 0.1f), std::numeric_limits<float>::min());
  EXPECT_EQ(schedule.rateAt(0, 0.1f), 0.1f);
  // Cuts so often that the count overflows, as a damaged file may say.
  Schedule odd(makePhase(TL_SCHEDULE_STEP, 0, 0, 0.5f), 3, 1);
  EXPECT_EQ(odd.rateAt(0, 1), std::numeric_limits<float>::min());
  EXPECT_EQ(odd.rateAt(1, 1), std::numeric_limits<float>::min());
}

// The C library, exact to half a unit or so, is the oracle.
TEST(Elementary, AgreesWithTheLibrary) {
  for (double x = -40; x < 40; x += 0.37)
    EXPECT_NEAR(exponential(x) / std::exp(x), 1, 1e-15) << x;
  for (double x = 1e-9; x < 1e9; x *= 1.37)
    EXPECT_NEAR(logarithm(x), std::log(x), 4e-16 * (1 + std::fabs(std::log(x))))
        << x;
  for (double x = 0; x <= 1; x += 1.0 / 64)
    EXPECT_NEAR(cosineOfPi(x), std::cos(M_PI * x), 4e-16) << x;
  EXPECT_EQ(exponential(-1e9), 0);
  EXPECT_EQ(exponential(1e9), exponential(700));
}

} // namespace
