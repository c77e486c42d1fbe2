// The frontier: the values that cross from the frozen region of a network
// into the rest. A value is frozen if it is a pure function of the picture and
// of weights that do not change while a phase trains; it is then computed once
// per picture.
#pragma once

#include "dialects/NN/NN.h"
#include "llvm/ADT/SetVector.h"

namespace tl {

class Frontier {
public:
  /// Analyses the operations of `block`, in order. `isTrained` tells the
  /// parameters that change (in this phase or before it: the statistics of a
  /// batch norm in training mode too); `drops` tells the dropout that draws.
  /// `rest` are operations that never count as frozen (the last activation:
  /// it is cheap, and prediction wants the value before it).
  Frontier(mlir::Block &block, llvm::function_ref<bool(nn::GetOp)> isTrained,
           llvm::function_ref<bool(nn::DropoutOp)> drops,
           llvm::ArrayRef<mlir::Operation *> rest);

  bool isFrozen(mlir::Value value) const { return frozen.contains(value); }

  /// The frozen values, weights aside, that an operation outside the frozen
  /// region reads, in the order in which they are computed.
  llvm::ArrayRef<mlir::Value> values() const { return crossing.getArrayRef(); }

private:
  llvm::DenseSet<mlir::Value> frozen;
  llvm::SetVector<mlir::Value> crossing;
};

} // namespace tl
