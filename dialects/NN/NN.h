// The NN dialect: what is computed. Meaning, constraints and examples of each
// operation stand in NNOps.td (layers) and NNTrainingOps.td (the rest).
#pragma once

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/BitVector.h"

#include "dialects/NN/NNDialect.h.inc"
#include "dialects/NN/NNEnums.h.inc"
#include "dialects/NN/NNInterfaces.h.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/NN/NNAttributes.h.inc"
#define GET_OP_CLASSES
#include "dialects/NN/NNOps.h.inc"

namespace tl::nn {

/// Discardable attributes of this dialect.
inline constexpr llvm::StringLiteral kLayerAttr = "nn.layer";
inline constexpr llvm::StringLiteral kEntryAttr = "nn.entry";
inline constexpr llvm::StringLiteral kPhaseAttr = "nn.phase";
inline constexpr llvm::StringLiteral kNameAttr = "nn.name";

/// The name of the layer that `op` computes, or "".
llvm::StringRef layerOf(mlir::Operation *op);

} // namespace tl::nn
