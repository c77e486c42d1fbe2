//===- NNAttributes.td - attributes of the NN dialect --------------------===//
#ifndef TL_NN_ATTRIBUTES_TD
#define TL_NN_ATTRIBUTES_TD

include "dialects/NN/NNDialect.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"

class NN_Attr<string name, string mnem> : AttrDef<NN_Dialect, name> {
  let mnemonic = mnem;
}

def NN_ActivationKind : I32EnumAttr<"ActivationKind", "elementwise functions", [
    I32EnumAttrCase<"None", 0, "none">,
    I32EnumAttrCase<"Relu", 1, "relu">,
    I32EnumAttrCase<"Relu6", 2, "relu6">,
    I32EnumAttrCase<"LeakyRelu", 3, "leaky_relu">,
    I32EnumAttrCase<"Sigmoid", 4, "sigmoid">,
    I32EnumAttrCase<"Tanh", 5, "tanh">,
    I32EnumAttrCase<"Silu", 6, "silu">,
    I32EnumAttrCase<"Gelu", 7, "gelu">,
    I32EnumAttrCase<"HardSigmoid", 8, "hard_sigmoid">,
    I32EnumAttrCase<"HardSwish", 9, "hard_swish">,
    I32EnumAttrCase<"Elu", 10, "elu">,
    I32EnumAttrCase<"GeluTanh", 11, "gelu_tanh">]> {
  let cppNamespace = "::tl::nn";
  let genSpecializedAttr = 0;
}

def NN_ActivationAttr : NN_Attr<"Activation", "act"> {
  let summary = "an elementwise function, with its slope where it has one";
  let description = [{
    `#nn.act<relu>`, `#nn.act<leaky_relu, 1.000000e-01>`. The formulas stand in
    dialects/NN/Activation.h, once for the interpreter and the kernels.
  }];
  let parameters = (ins EnumParameter<NN_ActivationKind>:$kind,
                        OptionalParameter<"::mlir::FloatAttr">:$alpha);
  let assemblyFormat = "`<` $kind (`,` $alpha^)? `>`";
}

def NN_HaloAttr : NN_Attr<"Halo", "halo"> {
  let summary = "zeros around each picture of an activation in memory";
  let description = [{
    Encoding of a `[N, H, W, C]` tensor: in memory it is
    `[N, top + H + bottom, left + W + right, C]`, the border filled with zeros
    by whoever produces the value.
  }];
  let parameters = (ins "int64_t":$top, "int64_t":$bottom, "int64_t":$left,
                        "int64_t":$right);
  let assemblyFormat = "`<` $top `,` $bottom `,` $left `,` $right `>`";
  let genVerifyDecl = 1;
}

def NN_WeightForm : I32EnumAttr<"WeightForm", "how a weight lies in memory", [
    I32EnumAttrCase<"Canonical", 0, "canonical">,
    I32EnumAttrCase<"Panels", 1, "panels">,
    I32EnumAttrCase<"Rows", 2, "rows">]> {
  let cppNamespace = "::tl::nn";
  let genSpecializedAttr = 0;
}

def NN_FormAttr : NN_Attr<"Form", "form"> {
  let summary = "the storage form of a weight (runtime/schema/WeightForm.h)";
  let parameters = (ins EnumParameter<NN_WeightForm>:$form);
  let assemblyFormat = "`<` $form `>`";
}

def NN_InitKind : I32EnumAttr<"InitKind", "initial values of a weight", [
    I32EnumAttrCase<"Fill", 1, "fill">,
    I32EnumAttrCase<"Uniform", 2, "uniform">,
    I32EnumAttrCase<"Normal", 3, "normal">,
    I32EnumAttrCase<"TruncatedNormal", 4, "truncated_normal">]> {
  let cppNamespace = "::tl::nn";
  let genSpecializedAttr = 0;
}

def NN_InitAttr : NN_Attr<"Init", "init"> {
  let summary = "values that a weight without data starts from";
  let description = [{
    `fill`: every element is `scale`. `uniform`: drawn from [-scale, scale).
    `normal`, `truncated_normal`: standard deviation `scale`. `stream` is the
    Philox stream (one a weight); with `seed` the values are the same in every
    run, without it they follow the seed of the run.
    Example: `#nn.init<uniform, 5.000000e-02 : f32, stream 3>`.
  }];
  let parameters = (ins EnumParameter<NN_InitKind>:$kind,
                        "::mlir::FloatAttr":$scale, "int64_t":$stream,
                        OptionalParameter<"::mlir::IntegerAttr">:$seed);
  let assemblyFormat =
      "`<` $kind `,` $scale `,` `stream` $stream (`,` `seed` $seed^)? `>`";
}

def NN_OptimizerKind : I32EnumAttr<"OptimizerKind", "update rules", [
    I32EnumAttrCase<"Sgd", 0, "sgd">,
    I32EnumAttrCase<"RmsProp", 1, "rmsprop">,
    I32EnumAttrCase<"Adam", 2, "adam">,
    I32EnumAttrCase<"AdamW", 3, "adamw">]> {
  let cppNamespace = "::tl::nn";
  let genSpecializedAttr = 0;
}

def NN_Convention : I32EnumAttr<"Convention", "whose formulas", [
    I32EnumAttrCase<"Keras", 0, "keras">,
    I32EnumAttrCase<"Torch", 1, "torch">]> {
  let cppNamespace = "::tl::nn";
  let genSpecializedAttr = 0;
}

def NN_OptimizerAttr : NN_Attr<"Optimizer", "optimizer"> {
  let summary = "an update rule with all its constants";
  let description = [{
    The learning rate is not here: it comes with each step (StepBlock). The
    dictionary holds f64 attributes `momentum`, `rho`, `beta1`, `beta2`,
    `epsilon`, `weight_decay` and the unit attribute `nesterov`, as the rule
    needs, and `ema`, the factor of the parameter's moving average. Formulas and defaults of both conventions: dialects/NN/Optimizers.h.
    Example: `#nn.optimizer<adam, keras, {beta1 = 0.9, beta2 = 0.999, epsilon = 1e-7}>`.
  }];
  let parameters = (ins EnumParameter<NN_OptimizerKind>:$kind,
                        EnumParameter<NN_Convention>:$convention,
                        "::mlir::DictionaryAttr":$constants);
  let assemblyFormat = "`<` $kind `,` $convention `,` $constants `>`";
}

#endif
