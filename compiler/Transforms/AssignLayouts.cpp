// Chooses how values lie in memory, written into their types:
//   - an activation gets, as its halo, the largest padding of the
//     convolutions that read it, so that they need no border code; a gradient
//     likewise what the convolutions back to their inputs reach;
//   - a weight gets the storage form that its kernels want. Forward, gradient
//     and update of one weight see one form, so that nothing is repacked
//     between steps.
#include "compiler/Transforms/Passes.h"
#include "dialects/NN/Optimizers.h"
#include "dialects/NN/Reach.h"
#include "runtime/schema/WeightForm.h"

using namespace mlir;

namespace tl {
#define GEN_PASS_DEF_ASSIGNLAYOUTS
#include "compiler/Transforms/Passes.h.inc"

namespace {

/// The form that the reader `use` wants for a weight.
nn::WeightForm wantedForm(OpOperand &use) {
  Operation *op = use.getOwner();
  auto filterForm = [](int64_t groups) {
    return groups == 1 ? nn::WeightForm::Panels : nn::WeightForm::Canonical;
  };
  if (auto conv = dyn_cast<nn::Conv2DOp>(op))
    if (use.getOperandNumber() == 1)
      return filterForm(conv.getGroups());
  if (auto gradient = dyn_cast<nn::Conv2DGradInputOp>(op))
    if (use.getOperandNumber() == 1)
      return filterForm(gradient.getGroups());
  if (auto transpose = dyn_cast<nn::TransposeFilterOp>(op))
    return filterForm(transpose.getGroups());
  if (isa<nn::WinogradFilterOp>(op))
    return nn::WeightForm::Panels;
  if (isa<nn::DenseOp, nn::DenseGradInputOp>(op) && use.getOperandNumber() == 1)
    return cast<RankedTensorType>(use.get().getType()).getDimSize(1) <
                   schema::kPanelWidth
               ? nn::WeightForm::Rows
               : nn::WeightForm::Panels;
  return nn::WeightForm::Canonical;
}

struct AssignLayouts : impl::AssignLayoutsBase<AssignLayouts> {
  void runOnOperation() override {
    assignForms();
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      function.walk([](Operation *op) { widenHalos(op); });
      updateSignature(function);
    }
  }

  /// Gives every weight its form, and every value of the same weight
  /// (gradient, new value, slots) with it.
  void assignForms() {
    ModuleOp module = getOperation();
    llvm::StringMap<nn::WeightForm> forms;
    module.walk([&](nn::GetOp get) {
      for (OpOperand &use : get->getUses())
        if (nn::WeightForm form = wantedForm(use);
            form != nn::WeightForm::Canonical)
          forms[get.getParameter()] = form;
    });
    for (auto parameter : module.getOps<nn::ParameterOp>()) {
      StringRef owner = parameter.getSlotOf().value_or(parameter.getSymName());
      auto known = forms.find(owner);
      if (known == forms.end())
        continue;
      nn::WeightForm form = known->second; // the map may move below
      forms[parameter.getSymName()] = form;
      parameter.setType(nn::withForm(parameter.getTensorType(), form));
    }
    module.walk([&](nn::GetOp get) {
      if (auto form = forms.find(get.getParameter()); form != forms.end())
        setForm(get.getResult(), form->second);
    });
    module.walk([&](Operation *op) {
      if (!isa<nn::UpdateOp, nn::DenseUpdateOp>(op))
        return;
      nn::WeightForm form =
          nn::formOf(cast<RankedTensorType>(op->getOperand(0).getType()));
      if (auto update = dyn_cast<nn::UpdateOp>(op))
        setForm(update.getGradient(), form);
      for (Value result : op->getResults())
        setForm(result, form);
    });
    // Padding makes a gradient longer, and with it its list of partial sums.
    module.walk([&](nn::SumSquaresOp op) {
      auto gradient = cast<RankedTensorType>(op.getGradient().getType());
      auto sums = cast<RankedTensorType>(op.getType());
      op.getResult().setType(sums.clone({nn::squareSums(gradient)}));
    });
    // Made from a weight once a step, in the form of the weight.
    module.walk([&](nn::TransposeFilterOp transpose) {
      setForm(transpose.getResult(), nn::formOf(cast<RankedTensorType>(
                                         transpose.getFilter().getType())));
    });
    module.walk([&](nn::WinogradFilterOp transform) {
      setForm(transform.getResult(), nn::WeightForm::Panels);
    });
  }

  static void setForm(Value value, nn::WeightForm form) {
    value.setType(nn::withForm(cast<RankedTensorType>(value.getType()), form));
  }

  /// Makes the halo of what a convolution or a gradient of one reads at least
  /// what its windows reach.
  static void widenHalos(Operation *op) {
    if (auto conv = dyn_cast<nn::Conv2DOp>(op)) {
      ArrayRef<int64_t> pads = conv.getPads();
      widenHalo(conv.getInput(), {pads[0], pads[1], pads[2], pads[3]});
    } else if (auto conv = dyn_cast<nn::WinogradConv2DOp>(op)) {
      widenHalo(conv.getInput(), nn::reachOf(conv));
    } else if (auto gradient = dyn_cast<nn::Conv2DGradFilterOp>(op)) {
      ArrayRef<int64_t> pads = gradient.getPads();
      widenHalo(gradient.getInput(), {pads[0], pads[1], pads[2], pads[3]});
    } else if (auto gradient = dyn_cast<nn::Conv2DGradInputOp>(op)) {
      widenHalo(gradient.getGradient(), nn::reachOf(gradient));
    }
  }

  static void widenHalo(Value value, nn::HaloSizes least) {
    auto type = cast<RankedTensorType>(value.getType());
    nn::HaloSizes halo = nn::haloOf(type);
    value.setType(nn::withHalo(type, {std::max(halo.top, least.top),
                                      std::max(halo.bottom, least.bottom),
                                      std::max(halo.left, least.left),
                                      std::max(halo.right, least.right)}));
  }

  static void updateSignature(func::FuncOp function) {
    Operation *end = function.front().getTerminator();
    function.setFunctionType(FunctionType::get(
        function.getContext(), function.front().getArgumentTypes(),
        end->getOperandTypes()));
  }
};
} // namespace
} // namespace tl
