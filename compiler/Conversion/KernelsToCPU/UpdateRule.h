// One step of an optimizer on vectors of elements, for the kernels that update
// (Updates.cpp, DenseUpdate.cpp). The rules and their two conventions stand in
// dialects/NN/Optimizers.h.
#pragma once

#include "compiler/Conversion/KernelsToCPU/KernelBuilder.h"

namespace tl::cpu {

/// The rule and the scalars of the step, all f32.
struct UpdateRule {
  nn::OptimizerAttr optimizer;
  Value learningRate, correction1, correction2, emaMomentum;
  Value scale; ///< of the gradient; null: none
};

/// The rule, its scalars loaded from the step block. `rate` 0: the head's
/// learning rate, 1: the backbone's.
UpdateRule loadRule(KernelBuilder &b, nn::OptimizerAttr optimizer, Value step,
                    int64_t rate);

/// Where the parameter and its slots lie, and what they become there.
struct UpdateBuffers {
  Value parameter;
  Values slots;
};

/// Updates the first `active` of `lanes` elements at `index` by their gradient.
void updateElements(KernelBuilder &b, const UpdateRule &rule,
                    const UpdateBuffers &buffers, Value index, Value gradient,
                    int64_t active);

} // namespace tl::cpu
