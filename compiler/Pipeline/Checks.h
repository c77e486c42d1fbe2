// The promises of phases that no verifier of a single operation can see. A
// failed check is a bug of ours, and says so.
#pragma once

#include "compiler/Pipeline/Pipeline.h"

namespace tl {

/// load: every weight of the backbone has values, or a seed of its own.
llvm::LogicalResult checkLoaded(Compilation &compilation);
/// plan-phases: the extraction of a phase reads no parameter that this phase or
/// one before it trains, so that its values hold for the whole phase.
llvm::LogicalResult checkFrozen(Compilation &compilation);
/// fold: dropout stands in training steps only.
llvm::LogicalResult checkFolded(Compilation &compilation);
/// differentiate: each step sets each parameter it trains, and no other.
llvm::LogicalResult checkDifferentiated(Compilation &compilation);
/// fuse: no parameter is read after its update, which overwrites it.
llvm::LogicalResult checkFused(Compilation &compilation);
/// layout: every convolution's input has the halo that its padding needs.
llvm::LogicalResult checkLayout(Compilation &compilation);
/// kernels: no NN operation outside kernels.
llvm::LogicalResult checkKernels(Compilation &compilation);
/// plan-memory: every buffer lies inside its entry's arena.
llvm::LogicalResult checkMemory(Compilation &compilation);

} // namespace tl
