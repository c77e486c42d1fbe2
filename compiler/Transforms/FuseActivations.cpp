// act(op(x)) becomes op(x) {act} where nothing else reads op's result. Runs
// after differentiation, so that a gradient which needs the value before the
// activation keeps the two apart.
#include "compiler/Transforms/Passes.h"

using namespace mlir;

namespace tl {
#define GEN_PASS_DEF_FUSEACTIVATIONS
#include "compiler/Transforms/Passes.h.inc"

namespace {
struct FuseActivations : impl::FuseActivationsBase<FuseActivations> {
  void runOnOperation() override {
    getOperation().walk([](nn::ActivationOp activation) {
      Operation *producer = activation.getInput().getDefiningOp();
      if (!producer || !isa<nn::Conv2DOp, nn::DenseOp, nn::AddOp>(producer) ||
          !producer->hasOneUse() || producer->hasAttr("activation"))
        return;
      producer->setAttr("activation", activation.getActivationAttr());
      producer->setAttr(nn::kLayerAttr, activation->getAttr(nn::kLayerAttr));
      activation.getResult().replaceAllUsesWith(producer->getResult(0));
      activation.erase();
    });
  }
};
} // namespace
} // namespace tl
