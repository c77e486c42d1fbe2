// Outside a training step dropout does nothing.
#include "compiler/Transforms/Passes.h"

using namespace mlir;

namespace tl {
#define GEN_PASS_DEF_FOLDDROPOUT
#include "compiler/Transforms/Passes.h.inc"

namespace {
struct FoldDropout : impl::FoldDropoutBase<FoldDropout> {
  void runOnOperation() override {
    getOperation().walk([](nn::DropoutOp dropout) {
      if (dropout.getStep())
        return;
      dropout.getResult().replaceAllUsesWith(dropout.getInput());
      dropout.erase();
    });
  }
};
} // namespace
} // namespace tl
