// Facts of each call; see the header.
#include "compiler/tools/Explain.h"

#include "compiler/Analysis/MultiplyAdds.h"
#include "compiler/Conversion/KernelsToCPU/KernelsToCPU.h"
#include "dialects/NN/Storage.h"
#include "dialects/TL/TL.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/SmallPtrSet.h"

using namespace mlir;

namespace tl {

namespace {

class Explainer {
public:
  Explainer(ModuleOp module, ArrayRef<const cpu::Isa *> targets)
      : targets(targets), symbols(module) {
    for (auto model : module.getOps<ask::ModelOp>())
      if (ask::TrainOp train = model.getTrain())
        batch = train.getBatch();
  }

  FailureOr<EntryFacts> explain(rt::EntryOp entry) {
    EntryFacts facts{
        entry.getSymName().str(),
        batch,
        {},
        arenaPlanned(entry),
        arenaLowerBound(entry),
        derivedBytes(entry.getBody().front().getOps<rt::WeightOp>())};
    for (auto call : entry.getBody().front().getOps<rt::CallOp>()) {
      auto row = explain(call);
      if (failed(row))
        return failure();
      facts.calls.push_back(std::move(*row));
    }
    return facts;
  }

private:
  FailureOr<CallFacts> explain(rt::CallOp call) {
    auto kernel = symbols.lookup<rt::KernelOp>(call.getKernel());
    CallFacts facts;
    facts.layer = call.getLayer().value_or("").str();
    facts.operation = kernel.getComputation()->getName().stripDialect().str();
    facts.multiplyAdds = multiplyAdds(call);
    facts.traffic = trafficOf(call);
    llvm::SmallSetVector<rt::WeightOp, 4> weights;
    for (Value input : call.getInputs())
      if (auto weight = input.getDefiningOp<rt::WeightOp>())
        weights.insert(weight);
    facts.derivedBytes = derivedBytes(weights);
    facts.bytes = double(facts.traffic.read + facts.traffic.written) +
                  double(facts.traffic.shared) / double(batch);
    for (const cpu::Isa *isa : targets) {
      auto emitted = emit(kernel, *isa);
      if (failed(emitted))
        return failure();
      auto &[form, grid] = *emitted;
      facts.targets.push_back(
          {isa, form, grid,
           cpu::estimate({double(facts.multiplyAdds), facts.bytes,
                          facts.bytes * double(batch)},
                         form, *isa)});
    }
    return facts;
  }

  /// Of those of `weights` that are derived, each counted once.
  template <typename Weights> uint64_t derivedBytes(Weights &&weights) {
    llvm::SmallPtrSet<Operation *, 8> counted;
    uint64_t bytes = 0;
    for (rt::WeightOp weight : weights) {
      auto derived =
          dyn_cast<rt::DerivedOp>(symbols.lookup(weight.getTensor()));
      if (derived && counted.insert(derived).second)
        bytes += uint64_t(nn::storageOf(derived.getTensorType()).bytes);
    }
    return bytes;
  }

  using Emitted = std::pair<cpu::Form, rt::GridAttr>;

  /// Calls share kernels: each is emitted once.
  FailureOr<Emitted> emit(rt::KernelOp kernel, const cpu::Isa &isa) {
    auto [known, inserted] = emitted.try_emplace({kernel.getOperation(), &isa});
    if (inserted) {
      auto made = cpu::emitKernel(kernel, isa);
      if (failed(made))
        return failure();
      known->second = {made->form, made->grid};
    }
    return known->second;
  }

  ArrayRef<const cpu::Isa *> targets;
  SymbolTable symbols;
  int64_t batch = 32;
  llvm::DenseMap<std::pair<Operation *, const cpu::Isa *>, Emitted> emitted;
};
} // namespace

FailureOr<std::vector<EntryFacts>> explain(ModuleOp planned,
                                           ArrayRef<const cpu::Isa *> targets) {
  cpu::loadCpuDialects(*planned.getContext());
  Explainer explainer(planned, targets);
  std::vector<EntryFacts> entries;
  for (auto entry : planned.getOps<rt::EntryOp>()) {
    auto facts = explainer.explain(entry);
    if (failed(facts))
      return failure();
    entries.push_back(std::move(*facts));
  }
  return entries;
}

} // namespace tl
