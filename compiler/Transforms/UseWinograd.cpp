// Chooses Winograd's F(4x4, 3x3) for frozen convolutions, where the cost model
// expects it to be faster.
#include "compiler/Conversion/KernelsToCPU/CostModel.h"
#include "compiler/Transforms/Passes.h"
#include "dialects/NN/Marks.h"
#include "dialects/NN/Winograd.h"

using namespace mlir;

namespace tl {
#define GEN_PASS_DEF_USEWINOGRAD
#include "compiler/Transforms/Passes.h.inc"

namespace {

using nn::winograd::kPlanes, nn::winograd::kTaps;

bool pays(nn::Conv2DOp conv) {
  auto x = cast<RankedTensorType>(conv.getInput().getType());
  auto y = cast<RankedTensorType>(conv.getType());
  return cpu::winogradPays(y.getDimSize(1), y.getDimSize(2), x.getDimSize(3),
                           y.getDimSize(3));
}

bool isPlain(nn::Conv2DOp conv) {
  auto ones = [](ArrayRef<int64_t> values) {
    return llvm::all_of(values, [](int64_t value) { return value == 1; });
  };
  auto filter = cast<RankedTensorType>(conv.getFilter().getType());
  return filter.getDimSize(0) == kTaps && filter.getDimSize(1) == kTaps &&
         conv.getGroups() == 1 && ones(conv.getStrides()) &&
         ones(conv.getDilations());
}

struct UseWinograd : impl::UseWinogradBase<UseWinograd> {
  void runOnOperation() override {
    SymbolTable symbols(getOperation());
    SmallVector<nn::Conv2DOp> chosen;
    getOperation().walk([&](nn::Conv2DOp conv) {
      auto filter = conv.getFilter().getDefiningOp<nn::GetOp>();
      if (!filter || !isPlain(conv) || !pays(conv))
        return;
      auto parameter = symbols.lookup<nn::ParameterOp>(filter.getParameter());
      if (!parameter.getFirstPhase())
        chosen.push_back(conv);
    });
    for (nn::Conv2DOp conv : chosen)
      replace(conv);
  }

  static void replace(nn::Conv2DOp conv) {
    OpBuilder b(conv);
    auto filter = cast<RankedTensorType>(conv.getFilter().getType());
    auto planes =
        filter.clone({kPlanes, filter.getDimSize(2), filter.getDimSize(3)});
    auto transform = nn::WinogradFilterOp::create(b, conv.getLoc(), planes,
                                                  conv.getFilter());
    auto winograd = nn::WinogradConv2DOp::create(
        b, conv.getLoc(), conv.getType(), conv.getInput(), transform,
        conv.getBias(), conv.getResidual(), conv.getPadsAttr(),
        conv.getActivationAttr());
    if (Attribute layer = conv->getAttr(nn::kLayerAttr)) {
      transform->setAttr(nn::kLayerAttr, layer);
      winograd->setAttr(nn::kLayerAttr, layer);
    }
    conv.replaceAllUsesWith(winograd.getResult());
    conv.erase();
  }
};
} // namespace
} // namespace tl
