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

/// The entry of the layer list that a layer is a part of, where several share
/// one: a discardable string of tl.layer. They have one index.
inline constexpr llvm::StringLiteral kGroupAttr = "tl.group";

/// Further names of a layer's value (`tap`): a discardable array of strings.
inline constexpr llvm::StringLiteral kTapsAttr = "tl.taps";

/// Marks a backbone that came from an ONNX file: a discardable string, the name
/// of the value that it ends with, or empty for the file's own end.
inline constexpr llvm::StringLiteral kOnnxAttr = "tl.onnx";

/// What convert-tl-to-nn writes down on tl.phase: the names of the entries that
/// extract (absent where the pixels alone cross) and evaluate for it, and the
/// layers whose values cross its frontier; on tl.train: the entry that extracts
/// for all phases (absent where they have one frontier).
inline constexpr llvm::StringLiteral kExtractAttr = "tl.extract";
inline constexpr llvm::StringLiteral kEvaluateAttr = "tl.evaluate";
inline constexpr llvm::StringLiteral kFrontierAttr = "tl.frontier";
inline constexpr llvm::StringLiteral kExtractAllAttr = "tl.extract_all";
} // namespace tl::ask
#define GET_OP_CLASSES
#include "dialects/TL/TLOps.h.inc"
