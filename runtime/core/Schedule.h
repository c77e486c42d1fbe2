// The learning rate of each step of a phase, as a factor of the phase's rate.
// A pure function of the step, so that a resumed run finds it again.
//
// T steps in the phase, S of them an epoch, W = warmup S steps of linear rise
// (W need not be whole), u = step - W:
//
//   rise       (step + 1) / W, at most 1, for step < W: never 0
//              (torch.optim.lr_scheduler.LinearLR with start_factor 1 / W and
//              W - 1 iterations)
//   constant   1
//   step       factor^floor(u / (every S))           (torch StepLR)
//   cosine     (1 + cos(pi u / (T - W))) / 2         (torch CosineAnnealingLR,
//              keras CosineDecay with warmup_steps W)
//   one_cycle  (L. N. Smith, "Super-convergence", 2018; torch OneCycleLR, whose
//              pct_start is W / T, by default 0.3, div_factor 25,
//              final_div_factor 1e4): linear from 1/25 to 1 over steps
//              0 .. W - 1, then half a cosine down to 1/25e4 at step T - 1
#pragma once

#include <tl/runtime.h>

#include <cstdint>

namespace tl {

struct Schedule {
  tl_schedule kind = TL_SCHEDULE_CONSTANT;
  double stepsPerEpoch = 1, steps = 1; // S, T
  double warmup = 0;                   // W
  double every = 1, factor = 1;        // step alone; `every` in epochs

  // `epochs`: how many the phase takes, `stepsPerEpoch` at least 1.
  Schedule(const tl_phase_info &phase, uint32_t epochs, uint32_t stepsPerEpoch);
  Schedule() = default;

  double factorAt(uint64_t step) const;
  // rate * factorAt(step) in float32, but never below the smallest normal
  // number: 0 means another thing to tl_trainer_step.
  float rateAt(uint64_t step, float rate) const;

private:
  double fall(double step) const;
};

} // namespace tl
