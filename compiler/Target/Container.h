// Writes model.bin: a planned RT program, its code images and what the recipe
// says, into the container of runtime/schema/model.fbs.
#pragma once

#include "compiler/Target/CodeImage.h"
#include "dialects/TL/TL.h"
#include "mlir/IR/BuiltinOps.h"

namespace tl {

/// Writes the container to `path`, through a temporary file beside it that is
/// renamed at the end: a failure leaves an old file as it was. Weights are
/// packed and written one at a time. Errors are diagnostics at `module`.
llvm::LogicalResult writeContainer(mlir::ModuleOp module,
                                   llvm::ArrayRef<CodeImage> images,
                                   llvm::StringRef path);

} // namespace tl
