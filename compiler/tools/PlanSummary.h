// `tlc --summary`, second part: what each phase trains, where it starts, and
// what a step costs.
#pragma once

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/raw_ostream.h"

namespace tl {

/// Prints the phases of a program whose memory is planned (the pipeline up to
/// plan-memory). Nothing for a model without phases.
void printPlan(mlir::ModuleOp planned, llvm::raw_ostream &os);

} // namespace tl
