// `tlc --list-backbones`: the built-in backbones, for people or as JSON.
#pragma once

#include "mlir/IR/MLIRContext.h"
#include "llvm/Support/raw_ostream.h"

namespace tl {

/// False after an error was reported.
bool printBackbones(mlir::MLIRContext &context, bool json,
                    llvm::raw_ostream &os);

} // namespace tl
