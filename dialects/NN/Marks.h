// What passes tell each other beside the operations themselves: discardable
// attributes, each gone when its reader is done, and roles of parameters.
// (Attributes that say what a value or a function is stand in NN.h.)
#pragma once

#include "llvm/ADT/StringRef.h"

namespace tl::nn {

/// On a training step, from convert-tl-to-nn to tl-differentiate: the update
/// rule, and the largest global norm of the gradients.
inline constexpr llvm::StringLiteral kOptimizerAttr = "nn.optimizer";
inline constexpr llvm::StringLiteral kClipNormAttr = "nn.clip_norm";

/// On nn.batch_stats, from convert-tl-to-nn to tl-differentiate: the names of
/// the stored mean and variance that the step updates.
inline constexpr llvm::StringLiteral kStatisticsAttr = "nn.statistics";

/// On an operation, from convert-tl-to-nn to tl-fold-batch-norm: its result has
/// readers in other entry points, so that nothing may be folded into it here.
inline constexpr llvm::StringLiteral kSharedAttr = "nn.shared";

/// On a trained nn.parameter: it belongs to the backbone and takes its rate.
inline constexpr llvm::StringLiteral kBackboneAttr = "nn.backbone";

/// On an nn.parameter that is a slot, and on its rt.tensor: it holds the
/// parameter's moving average.
inline constexpr llvm::StringLiteral kAverageAttr = "nn.average";

/// On an nn.parameter and its rt.tensor: what the weights' framework calls it
/// and how it keeps it there, a dictionary of `name`, `shape`, `view`, `axes`,
/// `head` (of the head, so that it is in no such file) and, for values that
/// were folded, `scale`: the parameter that they were multiplied by
/// (runtime/schema/model.fbs, Source).
inline constexpr llvm::StringLiteral kSourceAttr = "nn.source";

/// On an nn.parameter, from tl-fold-batch-norm to tl-drop-unused-parameters:
/// nothing computes with it, but an export needs it.
inline constexpr llvm::StringLiteral kExportedAttr = "nn.exported";

/// True for the role of a parameter that no gradient reaches: the stored
/// statistics of a batch norm, and those that Keras's Normalization keeps.
inline bool isStatistic(llvm::StringRef role) {
  return role.starts_with("moving_") || role == "mean" || role == "variance" ||
         role == "count";
}

} // namespace tl::nn
