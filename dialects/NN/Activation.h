// The elementwise functions: formulas in double, the oracle for the kernels.
// Sources: Keras 3 (keras/src/activations) and PyTorch agree on all of these;
// gelu is the exact form with erf, gelu_tanh its approximation.
#pragma once

#include "dialects/NN/NN.h"

namespace tl::nn {

/// f(x).
double evaluateActivation(ActivationAttr activation, double x);

/// f'(x), given x or y = f(x): see `gradientNeedsInput`.
double evaluateActivationGradient(ActivationAttr activation, double value);

/// True if f' is computed from the input x, false if from the result f(x).
bool gradientNeedsInput(ActivationKind kind);

} // namespace tl::nn
