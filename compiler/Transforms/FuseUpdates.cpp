// update(dense_grad_weight(x, dy)) becomes dense_update(x, dy), at the update's
// place: there every read of the old parameter is past (AdvanceUpdates.cpp).
// Passes.td says where and why.
#include "compiler/Transforms/Passes.h"
#include "dialects/NN/Marks.h"

using namespace mlir;

namespace tl {
#define GEN_PASS_DEF_FUSEUPDATES
#include "compiler/Transforms/Passes.h.inc"

namespace {

/// The gradient that the update can make itself, or null.
nn::DenseGradWeightOp takenBy(nn::UpdateOp update) {
  auto gradient = update.getGradient().getDefiningOp<nn::DenseGradWeightOp>();
  bool tokens =
      gradient &&
      cast<RankedTensorType>(gradient.getInput().getType()).getRank() != 2;
  if (!gradient || tokens || update.getScale() || !gradient->hasOneUse())
    return nullptr;
  return gradient;
}

struct FuseUpdates : impl::FuseUpdatesBase<FuseUpdates> {
  void runOnOperation() override {
    getOperation().walk([](nn::UpdateOp update) {
      if (nn::DenseGradWeightOp gradient = takenBy(update))
        fuse(update, gradient);
    });
  }

  static void fuse(nn::UpdateOp update, nn::DenseGradWeightOp gradient) {
    OpBuilder builder(update);
    auto fused = nn::DenseUpdateOp::create(
        builder, gradient.getLoc(), update.getResultTypes(),
        update.getParameter(), update.getSlots(), gradient.getInput(),
        gradient.getGradient(), update.getStep(), update.getOptimizer(),
        update.getRate());
    if (Attribute layer = gradient->getAttr(nn::kLayerAttr))
      fused->setAttr(nn::kLayerAttr, layer);
    update->replaceAllUsesWith(fused);
    update.erase();
    gradient.erase();
  }
};
} // namespace
} // namespace tl
