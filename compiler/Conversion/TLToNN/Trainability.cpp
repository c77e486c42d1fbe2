// See the header.
#include "compiler/Conversion/TLToNN/Trainability.h"

#include "dialects/NN/Marks.h"

using namespace mlir;

namespace tl {

Trainability::Trainability(ask::ModelOp model) {
  ask::BackboneOp base = model.getBackbone();
  for (auto layer : base.getBody().front().getOps<ask::LayerOp>())
    if (model.getHead() || !layer->hasAttr(ask::kTopAttr))
      backbone.insert(layer.getName());
  ask::TrainOp train = model.getTrain();
  if (!train)
    return;
  llvm::SmallDenseMap<int64_t, int64_t> unfrozen; // by index
  for (auto phase : train.getBody().front().getOps<ask::PhaseOp>()) {
    for (int64_t index : phase.getUnfreeze())
      unfrozen.try_emplace(index, int64_t(batchNormTrains.size()));
    batchNormTrains.push_back(phase.getBatchNormTrain());
  }
  for (auto layer : base.getBody().front().getOps<ask::LayerOp>()) {
    int64_t index = layer.getIndex();
    if (!llvm::is_contained(base.getFrozen(), index))
      phases[layer.getName()] = 0;
    else if (auto phase = unfrozen.find(index); phase != unfrozen.end())
      phases[layer.getName()] = phase->second;
  }
  if (ask::HeadOp own = model.getHead())
    for (auto layer : own.getBody().front().getOps<ask::LayerOp>()) {
      phases[layer.getName()] = 0;
      head.insert(layer.getName());
    }
}

std::optional<int64_t> Trainability::firstPhase(StringRef layer) const {
  auto found = phases.find(layer);
  return found == phases.end() ? std::nullopt : std::optional(found->second);
}

std::optional<int64_t>
Trainability::firstPhase(nn::ParameterOp parameter) const {
  // Fixed where it has no initial value: the scale of batch_norm(scale: false).
  StringRef layer = parameter.getLayer().value_or("");
  auto first = firstPhase(layer);
  if (!first || !parameter.getInitAttr())
    return std::nullopt;
  if (!nn::isStatistic(parameter.getRole().value_or("")))
    return first;
  for (int64_t phase = *first; phase < int64_t(batchNormTrains.size()); ++phase)
    if (trainsBatchNorm(layer, phase))
      return phase;
  return std::nullopt;
}

} // namespace tl
