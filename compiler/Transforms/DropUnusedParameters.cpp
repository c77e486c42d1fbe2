// Parameters that folding replaced, or that no entry reads, leave the module
// and give their memory back. Those stay that have a name in the weights'
// framework (the vectors of a folded batch norm, a count of what a
// normalisation saw), and what an export needs for them.
#include "compiler/Transforms/ParameterValues.h"
#include "compiler/Transforms/Passes.h"
#include "dialects/NN/Marks.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;

namespace tl {
#define GEN_PASS_DEF_DROPUNUSEDPARAMETERS
#include "compiler/Transforms/Passes.h.inc"

namespace {
struct DropUnusedParameters
    : impl::DropUnusedParametersBase<DropUnusedParameters> {
  void runOnOperation() override {
    llvm::StringSet<> used;
    getOperation().walk([&](Operation *op) {
      if (isOpTriviallyDead(op)) {
        op->erase();
        return;
      }
      if (auto get = dyn_cast<nn::GetOp>(op)) {
        if (get.use_empty())
          get.erase();
        else
          used.insert(get.getParameter());
      }
    });
    for (auto parameter :
         llvm::make_early_inc_range(getOperation().getOps<nn::ParameterOp>()))
      if (!parameter->removeAttr(nn::kExportedAttr) &&
          !parameter->hasAttr(nn::kSourceAttr) &&
          !used.contains(parameter.getSymName())) {
        releaseValues(parameter.getValueAttr());
        parameter.erase();
      }
  }
};
} // namespace
} // namespace tl
