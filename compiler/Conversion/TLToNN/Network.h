// The whole network of a model as one flat function, from pixels to output:
// what the entry points are cut from.
#pragma once

#include "dialects/TL/TL.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/MapVector.h"

namespace tl {

struct Network {
  mlir::func::FuncOp function; ///< @network, to be erased after cutting
  llvm::MapVector<llvm::StringRef, mlir::Value> layers; ///< by layer or tap
  mlir::Value pixels;
  mlir::Value features; ///< what the head, or the top, takes
  mlir::Value logits;   ///< the last layer before its activation
  mlir::Value output;   ///< what the model gives
  mlir::Operation *lastActivation = nullptr; ///< output of logits, or null
};

/// Flattens the layers of `model` into a function at the module's end. Each
/// operation carries its layer's name.
Network flattenNetwork(ask::ModelOp model);

/// Clones what `outputs` need into `builder`'s place, stopping at the values
/// that `mapping` already has. Gives the clones of `outputs`.
llvm::SmallVector<mlir::Value> cloneSlice(mlir::OpBuilder &builder,
                                          mlir::ValueRange outputs,
                                          mlir::IRMapping &mapping);

} // namespace tl
