// Which phase trains what: freeze ranges and `unfreeze` lists of a tl.model,
// as the first phase of each layer. Phases only widen, so that one number a
// layer says it all.
#pragma once

#include "dialects/TL/TL.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"

#include <optional>

namespace tl {

class Trainability {
public:
  explicit Trainability(ask::ModelOp model);

  /// The first phase that trains a layer; none if no phase does.
  std::optional<int64_t> firstPhase(llvm::StringRef layer) const;

  bool trains(llvm::StringRef layer, int64_t phase) const {
    auto first = firstPhase(layer);
    return first && *first <= phase;
  }

  /// Whether a phase puts a batch norm into training mode: one of the backbone
  /// where the phase says so, one of the head always, since it starts with the
  /// statistics of nothing.
  bool trainsBatchNorm(llvm::StringRef layer, int64_t phase) const {
    return trains(layer, phase) &&
           (head.contains(layer) || batchNormTrains[phase]);
  }

  /// The first phase that writes a parameter: by its optimizer or, for the
  /// statistics of a batch norm, in training mode.
  std::optional<int64_t> firstPhase(nn::ParameterOp parameter) const;

  /// A layer that takes the backbone's learning rate. In a model without a head
  /// the network's own top stands for it.
  bool isBackbone(llvm::StringRef layer) const {
    return backbone.contains(layer);
  }

private:
  llvm::StringMap<int64_t> phases; // by layer
  llvm::StringSet<> backbone, head;
  llvm::SmallVector<bool> batchNormTrains; // by phase
};

} // namespace tl
