// max_pool(winograd_conv2d(x)) becomes winograd_conv2d(x) {pooled}: each block
// of 4 x 4 results is whole in registers, and holds four whole windows of 2 x
// 2, so that only their maxima are written. Runs after tl-use-winograd.
#include "compiler/Transforms/Passes.h"
#include "dialects/NN/Winograd.h"

using namespace mlir;

namespace tl {
#define GEN_PASS_DEF_FUSEPOOLS
#include "compiler/Transforms/Passes.h.inc"

namespace {

/// Whether each result of a block of 4 x 4 belongs to one window that lies in
/// it, or to none.
bool fitsBlocks(nn::MaxPoolOp pool) {
  auto all = [](ArrayRef<int64_t> numbers, int64_t wanted) {
    return llvm::all_of(numbers, [&](int64_t n) { return n == wanted; });
  };
  return all(pool.getWindow(), nn::winograd::kPool) &&
         all(pool.getStrides(), nn::winograd::kPool) && all(pool.getPads(), 0);
}

struct FusePools : impl::FusePoolsBase<FusePools> {
  void runOnOperation() override {
    getOperation().walk([](nn::MaxPoolOp pool) {
      auto conv = pool.getInput().getDefiningOp<nn::WinogradConv2DOp>();
      if (!conv || !conv->hasOneUse() || conv.getPooled() || !fitsBlocks(pool))
        return;
      conv.setPooled(true);
      conv.getResult().setType(pool.getType());
      pool.getResult().replaceAllUsesWith(conv.getResult());
      pool.erase();
    });
  }
};
} // namespace
} // namespace tl
