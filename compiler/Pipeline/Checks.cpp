// Checks of phases' promises; see the header.
#include "compiler/Pipeline/Checks.h"

#include "dialects/NN/Reach.h"
#include "dialects/TL/TL.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;

namespace tl {
namespace {

InFlightDiagnostic broken(Operation *op, StringRef phase) {
  return op->emitError() << "internal: phase '" << phase
                         << "' broke its promise: ";
}

StringRef entryKind(func::FuncOp function) {
  auto kind = function->getAttrOfType<StringAttr>(nn::kEntryAttr);
  return kind ? kind.getValue() : "";
}
} // namespace

LogicalResult checkLoaded(Compilation &c) {
  for (auto model : c.module->getOps<ask::ModelOp>()) {
    llvm::DenseSet<StringRef> frozen;
    for (auto layer :
         model.getBackbone().getBody().front().getOps<ask::LayerOp>())
      if (llvm::is_contained(model.getBackbone().getFrozen(), layer.getIndex()))
        frozen.insert(layer.getName());
    for (auto parameter : model.getBody().front().getOps<nn::ParameterOp>()) {
      if (!frozen.contains(parameter.getLayer().value_or("")))
        continue;
      auto init = parameter.getInitAttr();
      if (!parameter.getValueAttr() && !(init && init.getSeed()))
        return broken(parameter, "load") << "no values";
    }
  }
  return success();
}

LogicalResult checkFrozen(Compilation &c) {
  SymbolTable symbols(*c.module);
  for (auto function : c.module->getOps<func::FuncOp>()) {
    if (entryKind(function) != "extract")
      continue;
    // Without a phase it serves all: then it may read no trained parameter.
    auto phase = function->getAttrOfType<IntegerAttr>(nn::kPhaseAttr);
    auto result = function.walk([&](nn::GetOp get) {
      auto first =
          symbols.lookup<nn::ParameterOp>(get.getParameter()).getFirstPhase();
      if (!first || (phase && int64_t(*first) > phase.getInt()))
        return WalkResult::advance();
      broken(get, "plan-phases") << "extraction reads a trained parameter";
      return WalkResult::interrupt();
    });
    if (result.wasInterrupted())
      return failure();
  }
  return success();
}

LogicalResult checkFolded(Compilation &c) {
  for (auto function : c.module->getOps<func::FuncOp>()) {
    if (entryKind(function) == "train_step")
      continue;
    auto result = function.walk([&](nn::DropoutOp dropout) {
      broken(dropout, "fold") << "dropout outside training";
      return WalkResult::interrupt();
    });
    if (result.wasInterrupted())
      return failure();
  }
  return success();
}

LogicalResult checkDifferentiated(Compilation &c) {
  SymbolTable symbols(*c.module);
  for (auto function : c.module->getOps<func::FuncOp>()) {
    bool step = entryKind(function) == "train_step";
    int64_t phase =
        step ? function->getAttrOfType<IntegerAttr>(nn::kPhaseAttr).getInt()
             : -1;
    auto result = function.walk([&](nn::SetOp set) {
      auto parameter = symbols.lookup<nn::ParameterOp>(set.getParameter());
      if (auto owner = parameter.getSlotOf())
        parameter = symbols.lookup<nn::ParameterOp>(*owner);
      auto first = parameter.getFirstPhase();
      if (first && int64_t(*first) <= phase)
        return WalkResult::advance();
      broken(set, "differentiate") << "an update of a frozen parameter";
      return WalkResult::interrupt();
    });
    if (result.wasInterrupted())
      return failure();
  }
  return success();
}

/// No operation behind the update reads its parameter.
template <typename Update> static WalkResult isLastReader(Update update) {
  StringRef name =
      update.getParameter().template getDefiningOp<nn::GetOp>().getParameter();
  for (auto get : update->getBlock()->template getOps<nn::GetOp>())
    for (Operation *reader : get->getUsers())
      if (get.getParameter() == name && update->isBeforeInBlock(reader)) {
        broken(reader, "fuse") << "reads '" << name << "' after its update";
        return WalkResult::interrupt();
      }
  return WalkResult::advance();
}

LogicalResult checkFused(Compilation &c) {
  auto result = c.module->walk([&](Operation *op) {
    if (auto update = dyn_cast<nn::UpdateOp>(op))
      return isLastReader(update);
    if (auto update = dyn_cast<nn::DenseUpdateOp>(op))
      return isLastReader(update);
    return WalkResult::advance();
  });
  return failure(result.wasInterrupted());
}

LogicalResult checkLayout(Compilation &c) {
  auto holds = [](Operation *op, Value value, nn::HaloSizes least) {
    nn::HaloSizes halo = nn::haloOf(cast<RankedTensorType>(value.getType()));
    if (halo.top >= least.top && halo.bottom >= least.bottom &&
        halo.left >= least.left && halo.right >= least.right)
      return WalkResult::advance();
    broken(op, "layout") << "a halo smaller than what windows reach";
    return WalkResult::interrupt();
  };
  auto result = c.module->walk([&](Operation *op) {
    if (auto conv = dyn_cast<nn::Conv2DOp>(op))
      return holds(op, conv.getInput(), nn::reachOf(conv));
    if (auto conv = dyn_cast<nn::WinogradConv2DOp>(op))
      return holds(op, conv.getInput(), nn::reachOf(conv));
    if (auto gradient = dyn_cast<nn::Conv2DGradFilterOp>(op))
      return holds(op, gradient.getInput(), nn::reachOf(gradient));
    if (auto gradient = dyn_cast<nn::Conv2DGradInputOp>(op))
      return holds(op, gradient.getGradient(), nn::reachOf(gradient));
    return WalkResult::advance();
  });
  return failure(result.wasInterrupted());
}

LogicalResult checkKernels(Compilation &c) {
  for (Operation &op : c.module->getOps())
    if (isa<func::FuncOp, nn::ParameterOp>(op))
      return broken(&op, "kernels") << "left behind";
  return success();
}

LogicalResult checkMemory(Compilation &c) {
  for (auto entry : c.module->getOps<rt::EntryOp>())
    for (auto buffer : entry.getBody().front().getOps<rt::BufferOp>()) {
      nn::Storage storage = nn::storageOf(buffer.getType().getTensor());
      int64_t size = storage.perPicture ? *entry.getArenaPerPicture()
                                        : *entry.getArenaFixed();
      if (!buffer.getOffset() ||
          int64_t(*buffer.getOffset()) + storage.bytes > size)
        return broken(buffer, "plan-memory") << "a buffer outside the arena";
    }
  return success();
}

} // namespace tl
