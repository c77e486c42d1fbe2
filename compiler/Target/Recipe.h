// What a container tells of the recipe: labels, preprocessing, phases, layers.
#pragma once

#include "mlir/IR/BuiltinOps.h"
#include "runtime/schema/model_generated.h"

namespace tl {

/// Fills the recipe's part of `model` from the module's tl.model; the entries
/// must already be there.
llvm::LogicalResult describeRecipe(mlir::ModuleOp module,
                                   schema::ModelT &model);

} // namespace tl
