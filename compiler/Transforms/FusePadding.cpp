// conv(pad(x)) becomes conv(x) with larger pads: the halo then costs nothing.
// The same for the gradients: that of the filter reads pad(x) too, and that of
// the input is cut to x, which larger pads do for nothing.
#include "compiler/Transforms/Passes.h"
#include "mlir/IR/BuiltinTypes.h"

using namespace mlir;

namespace tl {
#define GEN_PASS_DEF_FUSEPADDING
#include "compiler/Transforms/Passes.h.inc"

namespace {
template <typename Op> void addPads(Op op, ArrayRef<int64_t> more) {
  SmallVector<int64_t> pads(op.getPads());
  for (auto [total, added] : llvm::zip(pads, more))
    total += added;
  op.setPads(pads);
}

/// op(pad(x)) becomes op(x).
template <typename Op> void takeInput(Op op) {
  auto pad = op.getInput().template getDefiningOp<nn::PadOp>();
  if (!pad)
    return;
  addPads(op, pad.getPads());
  op.getInputMutable().assign(pad.getInput());
  if (pad.use_empty())
    pad.erase();
}

/// A slice that only cuts the border of a gradient off joins it.
void takeSlice(nn::SliceOp slice) {
  auto gradient = slice.getInput().getDefiningOp<nn::Conv2DGradInputOp>();
  if (!gradient || !gradient->hasOneUse())
    return;
  auto from = cast<RankedTensorType>(gradient.getType());
  auto to = cast<RankedTensorType>(slice.getType());
  ArrayRef<int64_t> offsets = slice.getOffsets();
  if (offsets[2] != 0 || from.getDimSize(3) != to.getDimSize(3) ||
      llvm::any_of(slice.getStrides(), [](int64_t s) { return s != 1; }))
    return;
  int64_t more[4];
  for (unsigned d : {0, 1}) {
    more[2 * d] = offsets[d];
    more[2 * d + 1] =
        from.getDimSize(1 + d) - offsets[d] - to.getDimSize(1 + d);
  }
  addPads(gradient, more);
  gradient.getResult().setType(to);
  slice.replaceAllUsesWith(gradient.getResult());
  slice.erase();
}

struct FusePadding : impl::FusePaddingBase<FusePadding> {
  void runOnOperation() override {
    getOperation().walk([](Operation *op) {
      if (auto conv = dyn_cast<nn::Conv2DOp>(op))
        takeInput(conv);
      else if (auto gradient = dyn_cast<nn::Conv2DGradFilterOp>(op))
        takeInput(gradient);
      else if (auto slice = dyn_cast<nn::SliceOp>(op))
        takeSlice(slice);
    });
  }
};
} // namespace
} // namespace tl
