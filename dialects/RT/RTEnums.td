//===- RTEnums.td - enumerations of the RT dialect -----------------------===//
#ifndef TL_RT_ENUMS_TD
#define TL_RT_ENUMS_TD

include "mlir/IR/EnumAttr.td"

def RT_TensorRole : I32EnumAttr<"TensorRole", "what a stored tensor is for", [
    I32EnumAttrCase<"Constant", 0, "constant">,
    I32EnumAttrCase<"Parameter", 1, "parameter">,
    I32EnumAttrCase<"Slot", 2, "slot">]> {
  let cppNamespace = "::tl::rt";
  let genSpecializedAttr = 0;
}

def RT_EntryKind : I32EnumAttr<"EntryKind", "what an entry point does", [
    I32EnumAttrCase<"Extract", 0, "extract">,
    I32EnumAttrCase<"TrainStep", 1, "train_step">,
    I32EnumAttrCase<"Evaluate", 2, "evaluate">,
    I32EnumAttrCase<"Predict", 3, "predict">,
    I32EnumAttrCase<"Tap", 4, "tap">]> {
  let cppNamespace = "::tl::rt";
  let genSpecializedAttr = 0;
}

#endif
