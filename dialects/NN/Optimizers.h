// The update rules, in both conventions: constants, defaults and formulas.
//
// g gradient, p parameter, lr rate, t step from 1, c1 = 1 - beta1^t,
// c2 = 1 - beta2^t (StepBlock.biasCorrection1, 2). lr is
// StepBlock.learningRate, or .backboneRate where the update says `rate = 1`.
//
// clang-format off
//   rule     keras (Keras 3, keras/src/optimizers)   torch (torch.optim)
//   clipping g *= scale (nn.clip_scale)              the same
//   decay    p -= lr wd p                            g += wd p
//   sgd      p -= lr g                               p -= lr g
//   +momentum  m = mu m - lr g; p += m               b = mu b + g; p -= lr b
//   +nesterov  m = mu m - lr g; p += mu m - lr g     b = mu b + g; p -= lr (g + mu b)
//   rmsprop  v = rho v + (1-rho) g^2;                v = rho v + (1-rho) g^2;
//            p -= lr g / sqrt(v + eps)               p -= lr g / (sqrt(v) + eps)
//   adam     m += (g - m)(1-b1); v += (g^2 - v)(1-b2)   the same m, v
//            p -= m lr sqrt(c2)/c1 / (sqrt(v) + eps)    p -= lr/c1 m / (sqrt(v)/sqrt(c2) + eps)
//   adamw    adam, with keras's decay                the same
//   ema      a = e a + (1 - e) p, the new p; e is    the same
//            StepBlock.emaMomentum: 0 at step 1
//
// clang-format on
//
// In this order: clipping, decay (wd = weight_decay), the rule, the average.
// Keras's decay is BaseOptimizer._apply_weight_decay, the same for every rule;
// the average is its use_ema.
//
// Defaults: keras lr 0.01 (sgd), 0.001 (others), rho 0.9, eps 1e-7, beta 0.9
// 0.999, adamw wd 0.004; torch lr 0.001 (sgd, adam, adamw), 0.01 (rmsprop),
// rho (alpha) 0.99, eps 1e-8, adamw wd 0.01; wd 0 for the other rules; no
// average.
#pragma once

#include "dialects/NN/NN.h"

namespace tl::nn {

/// The rule's default learning rate.
double defaultLearningRate(OptimizerKind kind, Convention convention);

/// The rule's constants with their defaults; `nesterov` and `ema`, which a
/// phase gives, absent.
llvm::SmallVector<std::pair<llvm::StringRef, double>>
defaultConstants(OptimizerKind kind, Convention convention);

/// A constant of a rule, its default where the attribute does not say.
double optimizerConstant(OptimizerAttr optimizer, llvm::StringRef name);

/// True if `weight_decay` shrinks the parameter itself and not, as torch's sgd,
/// rmsprop and adam have it, joins the gradient.
bool decaysParameter(OptimizerAttr optimizer);

/// True if the parameter's moving average is kept: its slot is the last.
bool keepsAverage(OptimizerAttr optimizer);

/// How many slots (state tensors of the parameter's type) the update keeps.
unsigned slotCount(OptimizerAttr optimizer);

/// Elements that one partial sum of nn.sum_squares covers, and how many such
/// sums a gradient of this type, as it is stored, has.
inline constexpr int64_t kSumChunk = 65536;
int64_t squareSums(mlir::RankedTensorType gradient);

/// Scalars of one step, as in the step block.
struct StepScalars {
  double learningRate = 0;
  double biasCorrection1 = 1, biasCorrection2 = 1;
  double emaMomentum = 0;
};

/// One element's update in double by the (clipped) gradient: `p` and `slots`
/// are changed in place.
void evaluateUpdate(OptimizerAttr optimizer, const StepScalars &step,
                    double gradient, double &p,
                    llvm::MutableArrayRef<double> slots);

} // namespace tl::nn
