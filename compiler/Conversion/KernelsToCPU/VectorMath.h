// Elementary functions of f32 vectors as polynomials, because kernels may call
// nothing (runtime/schema/KernelAbi.h). All take scalars or vectors, propagate
// NaN, and are good to 1-2 ulp unless said; test/unit/kernels/VectorMathTest
// measures it against libm in double.
#pragma once

#include "compiler/Conversion/KernelsToCPU/KernelBuilder.h"

namespace tl::cpu {

Value exp(KernelBuilder &b, Value x);
/// e^x - 1 for x <= 0 (1 ulp near 0; -1 far below).
Value expm1Negative(KernelBuilder &b, Value x);
/// Of x > 0, denormals included; log(0) = -inf, log(inf) = inf.
Value log(KernelBuilder &b, Value x);
/// log(1 + x) for x in [0, 1].
Value log1p(KernelBuilder &b, Value x);
Value tanh(KernelBuilder &b, Value x);
Value sigmoid(KernelBuilder &b, Value x);
Value erf(KernelBuilder &b, Value x);
Value sqrt(KernelBuilder &b, Value x); ///< exact: one instruction
Value abs(KernelBuilder &b, Value x);
/// The larger of what was the largest so far and `next`. A NaN stays: it must
/// reach the loss, where it stops the run.
Value largerOrNaN(KernelBuilder &b, Value most, Value next);

/// f(x) of dialects/NN/Activation.h; x itself for a null attribute.
Value activate(KernelBuilder &b, nn::ActivationAttr activation, Value x);

} // namespace tl::cpu
