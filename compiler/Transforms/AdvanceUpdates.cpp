// Moves the updates of a training step up; Passes.td says where to and why. It
// runs last in its phase, so that every read of a parameter is there to be
// seen: what is computed again (Rematerialise.cpp) reads parameters too.
#include "compiler/Transforms/Passes.h"
#include "dialects/NN/Marks.h"

using namespace mlir;

namespace tl {
#define GEN_PASS_DEF_ADVANCEUPDATES
#include "compiler/Transforms/Passes.h.inc"

namespace {

Operation *later(Operation *a, Operation *b) {
  return a->isBeforeInBlock(b) ? b : a;
}

/// The last operation that must stand before `update`: what gives its gradient
/// or its scale, or reads the old value of its parameter.
Operation *lastBefore(nn::UpdateOp update) {
  Operation *last = update.getGradient().getDefiningOp();
  if (update.getScale())
    last = later(last, update.getScale().getDefiningOp());
  auto parameter = update.getParameter().getDefiningOp<nn::GetOp>();
  for (auto get : update->getBlock()->getOps<nn::GetOp>())
    if (get.getParameter() == parameter.getParameter())
      for (Operation *reader : get->getUsers())
        if (reader != update)
          last = later(last, reader);
  return last;
}

/// With the gets and sets of the parameter and its slots.
void moveBehind(nn::UpdateOp update, Operation *place) {
  SmallVector<Operation *> moved;
  for (Value slot : update.getSlots())
    moved.push_back(slot.getDefiningOp());
  moved.push_back(update);
  for (Operation *set : update->getUsers())
    moved.push_back(set);
  for (Operation *op : moved) {
    op->moveAfter(place);
    place = op;
  }
}

struct AdvanceUpdates : impl::AdvanceUpdatesBase<AdvanceUpdates> {
  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      SmallVector<nn::UpdateOp> updates(
          function.front().getOps<nn::UpdateOp>());
      for (nn::UpdateOp update : updates)
        moveBehind(update, lastBefore(update));
    }
  }
};
} // namespace
} // namespace tl
