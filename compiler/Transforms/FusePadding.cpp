// conv(pad(x)) becomes conv(x) with larger pads: the halo then costs nothing.
#include "compiler/Transforms/Passes.h"

using namespace mlir;

namespace tl {
#define GEN_PASS_DEF_FUSEPADDING
#include "compiler/Transforms/Passes.h.inc"

namespace {
struct FusePadding : impl::FusePaddingBase<FusePadding> {
  void runOnOperation() override {
    getOperation().walk([](nn::Conv2DOp conv) {
      auto pad = conv.getInput().getDefiningOp<nn::PadOp>();
      if (!pad)
        return;
      SmallVector<int64_t> pads(conv.getPads());
      for (auto [total, more] : llvm::zip(pads, pad.getPads()))
        total += more;
      conv.setPads(pads);
      conv.getInputMutable().assign(pad.getInput());
      if (pad.use_empty())
        pad.erase();
    });
  }
};
} // namespace
} // namespace tl
