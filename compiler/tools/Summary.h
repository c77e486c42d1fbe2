// `tlc --summary`: the layer table of a TL module.
#pragma once

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/raw_ostream.h"

namespace tl {

/// Prints each layer's index (the number freeze ranges use), name, kind, output
/// shape, number of weights and the first phase that trains it; the head behind
/// the backbone, then the totals.
void printSummary(mlir::ModuleOp module, llvm::raw_ostream &os);

} // namespace tl
