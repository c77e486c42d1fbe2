// One frontier analysis a phase; see the header.
#include "compiler/Conversion/TLToNN/Cuts.h"

#include "compiler/Analysis/Frontier.h"

using namespace mlir;

namespace tl {

/// The frontier while the parameters first trained up to `phase` change;
/// -1: none does.
static SmallVector<Value> frontierOf(const Network &network,
                                     const Trainability &trainability,
                                     SymbolTable &symbols, int64_t phase,
                                     bool classifies) {
  SmallVector<Operation *> rest;
  if (network.lastActivation)
    rest.push_back(network.lastActivation);
  func::FuncOp function = network.function;
  Frontier found(
      function.front(),
      [&](nn::GetOp get) {
        auto first =
            symbols.lookup<nn::ParameterOp>(get.getParameter()).getFirstPhase();
        return first && int64_t(*first) <= phase;
      },
      [&](nn::DropoutOp dropout) {
        return trainability.trains(nn::layerOf(dropout), phase);
      },
      rest);
  // Nothing reads a frozen output: it is what extraction is for.
  if (!classifies || found.isFrozen(network.output))
    return {network.output};
  return llvm::to_vector(found.values());
}

Cuts::Cuts(ask::ModelOp model, const Network &network,
           const Trainability &trainability, SymbolTable &symbols)
    : pixels(network.pixels) {
  bool classifies = model.getClasses() > 0;
  if (ask::TrainOp train = model.getTrain())
    for (auto phase : train.getBody().front().getOps<ask::PhaseOp>())
      add(frontierOf(network, trainability, symbols, int64_t(ofPhase.size()),
                     classifies),
          phase.getName());
  if (distinct.empty()) {
    add(frontierOf(network, trainability, symbols, -1, classifies), "");
    ofPhase.clear();
  }
  if (distinct.size() == 1)
    distinct.front().suffix.clear();
}

void Cuts::add(ArrayRef<Value> values, StringRef phase) {
  auto known = llvm::find_if(
      distinct, [&](const Cut &cut) { return ArrayRef(cut.values) == values; });
  ofPhase.push_back(known - distinct.begin());
  if (known != distinct.end())
    return;
  distinct.push_back({SmallVector<Value>(values), ("." + phase).str()});
  for (Value value : values) {
    if (names.contains(value))
      continue;
    size_t index = names.size() - names.contains(pixels);
    names[value] = value == pixels ? "pixels"
                   : index == 0    ? "frontier"
                                   : "frontier." + std::to_string(index);
  }
}

SmallVector<Value> Cuts::extracted(const Cut &cut) const {
  return llvm::to_vector(llvm::make_filter_range(
      cut.values, [&](Value v) { return v != pixels; }));
}

SmallVector<Value> Cuts::extracted() const {
  SmallVector<Value> values;
  for (const auto &[value, name] : names)
    if (value != pixels)
      values.push_back(value);
  return values;
}

} // namespace tl
