// The TL dialect: what the user asked. Meaning, constraints and examples of
// each operation stand in TL.td.
#pragma once

#include "dialects/NN/NN.h"

#include "dialects/TL/TLDialect.h.inc"
namespace tl::ask {
class BackboneOp;
class HeadOp;
class TrainOp;
class PreprocessOp;

/// Marks the layers of a network's top (include_top): a discardable unit
/// attribute of tl.layer.
inline constexpr llvm::StringLiteral kTopAttr = "tl.top";

/// Further names of a layer's value (`tap`): a discardable array of strings.
inline constexpr llvm::StringLiteral kTapsAttr = "tl.taps";
} // namespace tl::ask
#define GET_OP_CLASSES
#include "dialects/TL/TLOps.h.inc"
