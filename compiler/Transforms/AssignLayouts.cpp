// Chooses how values lie in memory, written into their types:
//   - an activation gets, as its halo, the largest padding of the
//     convolutions that read it, so that they need no border code;
//   - a weight gets the storage form that its kernels want. Forward, gradient
//     and update of one weight see one form, so that nothing is repacked
//     between steps.
#include "compiler/Transforms/Passes.h"
#include "dialects/NN/Optimizers.h"
#include "dialects/NN/Storage.h"
#include "runtime/schema/WeightForm.h"

using namespace mlir;

namespace tl {
#define GEN_PASS_DEF_ASSIGNLAYOUTS
#include "compiler/Transforms/Passes.h.inc"

namespace {

/// The form that the reader `use` wants for a weight.
nn::WeightForm wantedForm(OpOperand &use) {
  Operation *op = use.getOwner();
  if (auto conv = dyn_cast<nn::Conv2DOp>(op))
    return use.getOperandNumber() == 1 && conv.getGroups() == 1
               ? nn::WeightForm::Panels
               : nn::WeightForm::Canonical;
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
      function.walk([&](nn::Conv2DOp conv) { widenHalo(conv); });
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
      if (auto form = forms.find(owner); form != forms.end()) {
        forms[parameter.getSymName()] = form->second;
        parameter.setType(
            nn::withForm(parameter.getTensorType(), form->second));
      }
    }
    module.walk([&](nn::GetOp get) {
      if (auto form = forms.find(get.getParameter()); form != forms.end())
        setForm(get.getResult(), form->second);
    });
    module.walk([&](nn::UpdateOp update) {
      nn::WeightForm form =
          nn::formOf(cast<RankedTensorType>(update.getParameter().getType()));
      setForm(update.getGradient(), form);
      for (Value result : update.getResults())
        setForm(result, form);
    });
    // Partial sums run over what is stored.
    module.walk([&](nn::SumSquaresOp sums) {
      auto gradient = cast<RankedTensorType>(sums.getGradient().getType());
      sums.getResult().setType(RankedTensorType::get(
          {nn::squareSums(gradient)}, gradient.getElementType()));
    });
  }

  static void setForm(Value value, nn::WeightForm form) {
    value.setType(nn::withForm(cast<RankedTensorType>(value.getType()), form));
  }

  /// Makes the halo of the convolution's input at least its padding.
  static void widenHalo(nn::Conv2DOp conv) {
    Value input = conv.getInput();
    auto type = cast<RankedTensorType>(input.getType());
    nn::HaloSizes halo = nn::haloOf(type);
    ArrayRef<int64_t> pads = conv.getPads();
    halo.top = std::max(halo.top, pads[0]);
    halo.bottom = std::max(halo.bottom, pads[1]);
    halo.left = std::max(halo.left, pads[2]);
    halo.right = std::max(halo.right, pads[3]);
    input.setType(nn::withHalo(type, halo));
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
