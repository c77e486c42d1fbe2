// add(conv(x), r) becomes conv(x) with the residual r, and takes the add's
// activation: the sum is then made on the accumulators. The bits stay the
// same, since the convolution is rounded to f32 before r joins it either way.
#include "compiler/Transforms/Passes.h"

using namespace mlir;

namespace tl {
#define GEN_PASS_DEF_FUSERESIDUALS
#include "compiler/Transforms/Passes.h.inc"

namespace {

/// The convolution behind an operand of an add, where it can take the other
/// one.
nn::Conv2DOp takerOf(Value operand) {
  auto conv = operand.getDefiningOp<nn::Conv2DOp>();
  if (conv && operand.hasOneUse() && !conv.getResidual() &&
      !conv.getActivationAttr())
    return conv;
  return nullptr;
}

struct FuseResiduals : impl::FuseResidualsBase<FuseResiduals> {
  void runOnOperation() override {
    getOperation().walk([](nn::AddOp add) {
      nn::Conv2DOp left = takerOf(add.getLhs()), right = takerOf(add.getRhs());
      if (left && right) // the one whose residual is there first
        (left->isBeforeInBlock(right) ? left : right) = nullptr;
      if (left)
        fuse(add, left, add.getRhs());
      else if (right)
        fuse(add, right, add.getLhs());
    });
  }

  static void fuse(nn::AddOp add, nn::Conv2DOp conv, Value residual) {
    conv->moveBefore(add); // behind the residual, wherever that is made
    conv.getResidualMutable().assign(residual);
    if (auto activation = add.getActivationAttr())
      conv.setActivationAttr(activation);
    if (Attribute layer = add->getAttr(nn::kLayerAttr))
      conv->setAttr(nn::kLayerAttr, layer);
    add.getResult().replaceAllUsesWith(conv.getResult());
    add.erase();
  }
};
} // namespace
} // namespace tl
