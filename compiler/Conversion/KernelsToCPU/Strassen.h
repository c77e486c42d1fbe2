// Products of matrices by one level of Strassen's algorithm (StrassenPlan.h),
// for kernels whose first operand is rows of a picture and whose second lies in
// panels.
#pragma once

#include "compiler/Conversion/KernelsToCPU/KernelBuilder.h"
#include "compiler/Conversion/KernelsToCPU/StrassenPlan.h"

namespace tl::cpu {

/// y = activation(x w + bias): x [pictures, rows, inputs], w panels of [inputs,
/// outputs], y [pictures, rows, outputs], all in one piece.
struct StrassenProduct {
  Value x, weights, bias, y; ///< no bias: null
  nn::ActivationAttr activation;
  StrassenShape shape;
};

/// Writes the whole kernel. The shape must be one that strassenPays takes.
Grid emitStrassen(KernelBuilder &b, const StrassenProduct &product);

} // namespace tl::cpu
