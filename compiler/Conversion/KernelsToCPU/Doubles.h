// Sums in double: long sums of f32 values, over a batch or over a whole
// gradient, lose nothing there, whatever their order, and these kernels wait
// for memory anyway.
#pragma once

#include "compiler/Conversion/KernelsToCPU/KernelBuilder.h"

namespace tl::cpu {

/// f32 to f64, scalar or vector.
inline Value widen(KernelBuilder &b, Value value) {
  mlir::Type type = b.getF64Type();
  if (auto vector = mlir::dyn_cast<mlir::VectorType>(value.getType()))
    type = vector.clone(type);
  return mlir::arith::ExtFOp::create(b, type, value);
}

/// f64 to f32, rounded.
inline Value narrow(KernelBuilder &b, Value value) {
  mlir::Type type = b.getF32Type();
  if (auto vector = mlir::dyn_cast<mlir::VectorType>(value.getType()))
    type = vector.clone(type);
  return mlir::arith::TruncFOp::create(b, type, value);
}

/// A sum that starts: f64 zeros, scalar for no lanes.
inline Value doubleZero(KernelBuilder &b, int64_t lanes) {
  return widen(b, b.splat(0, lanes));
}

} // namespace tl::cpu
