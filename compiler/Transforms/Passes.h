// Passes of the compiler (Passes.td describes each) and their registration
// for tl-opt.
#pragma once

#include "dialects/NN/NN.h"
#include "dialects/RT/RT.h"
#include "dialects/TL/TL.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/Pass.h"

namespace tl {

#define GEN_PASS_DECL
#include "compiler/Transforms/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "compiler/Transforms/Passes.h.inc"

} // namespace tl
