//===- NNOps.td - layers of the NN dialect -------------------------------===//
#ifndef TL_NN_OPS_TD
#define TL_NN_OPS_TD

include "dialects/NN/NNAttributes.td"
include "dialects/NN/NNInterfaces.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

// Activations and weights: f32 tensors.
def NN_Tensor : ConfinedType<
    RankedTensorOf<[F32]>,
    [CPred<"::llvm::cast<::mlir::RankedTensorType>($_self).getRank() > 0">],
    "f32 tensor with at least 1 dimension">;
def NN_Indices : RankedTensorOf<[I32]>;   // labels, picture ids: [N]
def NN_StepBlock : StaticShapeTensorOf<[I32]>; // tensor<16xi32>, KernelAbi.h

class NN_Op<string mnemonic, list<Trait> traits = []>
    : Op<NN_Dialect, mnemonic, traits>;

// A layer: no side effects, knows its gradient.
class NN_Layer<string mnemonic, list<Trait> traits = []>
    : NN_Op<mnemonic, traits # [Pure, DeclareOpInterfaceMethods<NN_Differentiable>]>;

// ---------------------------------------------------------------- parameters

def NN_ParameterOp : NN_Op<"parameter", [Symbol]> {
  let summary = "a weight of the model, with an identity";
  let description = [{
    Declares a weight: its canonical type, its values (`value`, or `init` when
    there are none), the layer it belongs to and the first phase that trains
    it. Without `first_phase` no phase ever trains it: it is a constant.
    `role` is its name within the layer (kernel, bias, gamma, beta,
    moving_mean, moving_variance). `slot_of` marks optimizer state.

    ```mlir
    nn.parameter @dense.kernel : tensor<256x2xf32>
        {init = #nn.init<uniform, 1.5e-01 : f32, stream 1>, first_phase = 0 : i64}
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, TypeAttrOf<NN_Tensor>:$type,
                       OptionalAttr<ElementsAttr>:$value,
                       OptionalAttr<NN_InitAttr>:$init,
                       OptionalAttr<StrAttr>:$layer, OptionalAttr<StrAttr>:$role,
                       OptionalAttr<I64Attr>:$first_phase,
                       OptionalAttr<FlatSymbolRefAttr>:$slot_of);
  let assemblyFormat = "$sym_name `:` $type attr-dict";
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    ::mlir::RankedTensorType getTensorType() {
      return ::llvm::cast<::mlir::RankedTensorType>(getType());
    }
  }];
}

def NN_GetOp : NN_Op<"get", [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "the current value of a parameter";
  let description = [{ `%w = nn.get @conv1.kernel : tensor<3x3x3x8xf32>` }];
  let arguments = (ins FlatSymbolRefAttr:$parameter);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = "$parameter attr-dict `:` type($result)";
}

def NN_SetOp : NN_Op<"set", [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "stores a new value of a parameter";
  let arguments = (ins FlatSymbolRefAttr:$parameter, NN_Tensor:$value);
  let assemblyFormat = "$parameter `,` $value attr-dict `:` type($value)";
}

// ---------------------------------------------------------------- layers

def NN_Conv2DOp : NN_Layer<"conv2d", [AttrSizedOperandSegments]> {
  let summary = "2-D convolution (cross-correlation), any stride, dilation, groups";
  let description = [{
    `y[n,oh,ow,oc] = act(bias[oc] + sum_{kh,kw,ic} x[n, oh*s+kh*d-pad, ..., ic] * w[kh,kw,ic,oc])`.
    `x` is `[N,H,W,IC]`, `w` `[KH,KW,IC/groups,OC]`, `pads` top, bottom, left,
    right (zeros). `groups` = IC with one output a channel is a depthwise
    convolution, `w` `[KH,KW,1,C]`. `residual`, of the result's type, is added
    before the activation. An activation is only set by fusion.

    ```mlir
    %y = nn.conv2d %x, %w, %b {strides = array<i64: 2, 2>, pads = array<i64: 0, 1, 0, 1>}
       : (tensor<?x224x224x3xf32>, tensor<3x3x3x8xf32>, tensor<8xf32>) -> tensor<?x112x112x8xf32>
    ```
  }];
  let arguments = (ins NN_Tensor:$input, NN_Tensor:$filter,
                       Optional<NN_Tensor>:$bias, Optional<NN_Tensor>:$residual,
                       DefaultValuedAttr<DenseI64ArrayAttr, "{1, 1}">:$strides,
                       DefaultValuedAttr<DenseI64ArrayAttr, "{0, 0, 0, 0}">:$pads,
                       DefaultValuedAttr<DenseI64ArrayAttr, "{1, 1}">:$dilations,
                       DefaultValuedAttr<I64Attr, "1">:$groups,
                       OptionalAttr<NN_ActivationAttr>:$activation);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = [{
    $input `,` $filter (`,` $bias^)? (`residual` $residual^)? attr-dict `:`
    functional-type(operands, results)
  }];
  let hasVerifier = 1;
}
def NN_BatchNormOp : NN_Layer<"batch_norm"> {
  let summary = "batch normalisation";
  let description = [{
    `y = (x - mean) / sqrt(variance + epsilon) * gamma + beta`, by channel
    (the last dimension). `mean` and `variance` are stored statistics
    (inference mode), or, with `batch_statistics`, the results of
    `nn.batch_stats` on the same input (training mode): the gradient of the
    input then goes through them too.
  }];
  let arguments = (ins NN_Tensor:$input, NN_Tensor:$gamma, NN_Tensor:$beta,
                       NN_Tensor:$mean, NN_Tensor:$variance, F64Attr:$epsilon,
                       UnitAttr:$batch_statistics);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = [{
    $input `,` $gamma `,` $beta `,` $mean `,` $variance attr-dict `:`
    functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def NN_DenseOp : NN_Layer<"dense"> {
  let summary = "fully connected layer: act(x w + b)";
  let description = [{
    `x` `[N,...,K]`, `w` `[K,M]`, `b` `[M]`; gives `[N,...,M]`: every position
    before the last dimension (a token) is a row of its own.
  }];
  let arguments = (ins NN_Tensor:$input, NN_Tensor:$weight,
                       Optional<NN_Tensor>:$bias,
                       OptionalAttr<NN_ActivationAttr>:$activation);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = [{
    $input `,` $weight (`,` $bias^)? attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def NN_ActivationOp : NN_Layer<"activation", [SameOperandsAndResultShape]> {
  let summary = "an elementwise function";
  let arguments = (ins NN_Tensor:$input, NN_ActivationAttr:$activation);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
}

def NN_SoftmaxOp : NN_Layer<"softmax", [SameOperandsAndResultShape]> {
  let summary = "softmax over the last dimension, shifted by the maximum";
  let arguments = (ins NN_Tensor:$input);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
}

class NN_Pool<string mnemonic> : NN_Layer<mnemonic> {
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def NN_MaxPoolOp : NN_Pool<"max_pool"> {
  let summary = "maximum over a window; padding never wins";
  let description = [{
    `pads` may make the last window reach past the input (ceil mode): only
    elements inside count. Every window holds at least one.
  }];
  let arguments = (ins NN_Tensor:$input, DenseI64ArrayAttr:$window,
                       DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$pads);
}

def NN_AvgPoolOp : NN_Pool<"avg_pool"> {
  let summary = "mean over a window";
  let description = [{
    Without `count_padding` the divisor is the number of elements inside the
    input (Keras); with it, padding counts as zeros (torchvision's default).
  }];
  let arguments = (ins NN_Tensor:$input, DenseI64ArrayAttr:$window,
                       DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$pads,
                       UnitAttr:$count_padding);
}

def NN_GlobalAvgPoolOp : NN_Layer<"global_avg_pool"> {
  let summary = "mean of each channel over height and width: [N,H,W,C] to [N,C]";
  let arguments = (ins NN_Tensor:$input);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def NN_ReshapeOp : NN_Layer<"reshape"> {
  let summary = "another shape of the same values, picture by picture (flatten)";
  let arguments = (ins NN_Tensor:$input);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def NN_PadOp : NN_Layer<"pad"> {
  let summary = "zeros around height and width: top, bottom, left, right";
  let arguments = (ins NN_Tensor:$input, DenseI64ArrayAttr:$pads);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def NN_AddOp : NN_Layer<"add", [SameOperandsAndResultShape]> {
  let summary = "elementwise sum of two values, with an optional activation";
  let arguments = (ins NN_Tensor:$lhs, NN_Tensor:$rhs,
                       OptionalAttr<NN_ActivationAttr>:$activation);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = "$lhs `,` $rhs attr-dict `:` functional-type(operands, results)";
}

def NN_MultiplyOp : NN_Layer<"multiply"> {
  let summary = "elementwise product of a value and a gate";
  let description = [{
    `gate` has the shape of `input`, or `[N, 1, ..., 1, C]`: then one number a
    channel multiplies every place of its picture (squeeze and excitation).
  }];
  let arguments = (ins NN_Tensor:$input, NN_Tensor:$gate);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = "$input `,` $gate attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def NN_ScaleChannelsOp : NN_Layer<"scale_channels"> {
  let summary = "a learnt factor a channel (layer scale): x scale[c]";
  let arguments = (ins NN_Tensor:$input, NN_Tensor:$scale);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = "$input `,` $scale attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def NN_RescaleOp : NN_Layer<"rescale"> {
  let summary = "constants of the network: x scale[c] + offset[c]";
  let description = [{
    One number a channel, or one for all. What a network does to its input
    before the first convolution (Keras's Rescaling, and its Normalization with
    given statistics).
  }];
  let arguments = (ins NN_Tensor:$input, DenseF32ArrayAttr:$scale,
                       DenseF32ArrayAttr:$offset);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def NN_StandardizeOp : NN_Layer<"standardize"> {
  let summary = "by stored statistics: (x - mean[c]) / max(sqrt(variance[c]), 1e-7)";
  let description = [{
    Keras's Normalization with statistics from its weight file, which no phase
    trains; 1e-7 is Keras's epsilon(). Without `mean` it only divides: that is
    its gradient.
  }];
  let arguments = (ins NN_Tensor:$input, NN_Tensor:$variance,
                       Optional<NN_Tensor>:$mean);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = [{
    $input `,` $variance (`mean` $mean^)? attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def NN_ConcatOp : NN_Layer<"concat"> {
  let summary = "values side by side along the channels (the last dimension)";
  let arguments = (ins Variadic<NN_Tensor>:$inputs);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = "$inputs attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def NN_SliceOp : NN_Layer<"slice"> {
  let summary = "every stride-th element from an offset, in each dimension";
  let description = [{
    `offsets` and `strides` have one number a dimension, the batch left out:
    result[n, i, j, ...] = input[n, o0 + s0 i, o1 + s1 j, ...]. The result's
    type says how many.
  }];
  let arguments = (ins NN_Tensor:$input, DenseI64ArrayAttr:$offsets,
                       DenseI64ArrayAttr:$strides);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def NN_PadChannelsOp : NN_Layer<"pad_channels"> {
  let summary = "zero channels before and after (the last dimension)";
  let arguments = (ins NN_Tensor:$input, I64Attr:$before, I64Attr:$after);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def NN_LayerNormOp : NN_Layer<"layer_norm"> {
  let summary = "normalisation over the last dimension, place by place";
  let description = [{
    `y = (x - mean(x)) / sqrt(var(x) + epsilon) * gamma + beta` over the last
    dimension, with the biased variance. `gamma`, `beta`: `[C]`.
  }];
  let arguments = (ins NN_Tensor:$input, NN_Tensor:$gamma, NN_Tensor:$beta,
                       F64Attr:$epsilon);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = [{
    $input `,` $gamma `,` $beta attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def NN_AttentionOp : NN_Layer<"attention"> {
  let summary = "multi-head softmax attention: softmax(scale q k^T) v";
  let description = [{
    `qkv` `[N,T,3C]` holds queries, keys and values side by side; head h of
    `heads` reads the channels `[h C / heads, (h + 1) C / heads)` of each, and
    writes the same channels of the result `[N,T,C]`.
  }];
  let arguments = (ins NN_Tensor:$qkv, I64Attr:$heads, F64Attr:$scale);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = "$qkv attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def NN_PrependTokenOp : NN_Layer<"prepend_token"> {
  let summary = "a learnt token before those of each picture: [N,T,C], [C] to [N,T+1,C]";
  let arguments = (ins NN_Tensor:$input, NN_Tensor:$token);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = "$input `,` $token attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def NN_AddPositionOp : NN_Layer<"add_position"> {
  let summary = "the same learnt value added to each picture: [N,...] + [...]";
  let arguments = (ins NN_Tensor:$input, NN_Tensor:$position);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = "$input `,` $position attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def NN_DropoutOp : NN_Layer<"dropout", [AttrSizedOperandSegments]> {
  let summary = "zeroes each element with probability `rate`, scales the others";
  let description = [{
    The element i (within its picture) is kept when its Philox uniform draw
    (runtime/schema/Random.h: purpose kRandomDropout, `stream`, the picture's
    id, phase and epoch from the step block) is at least `rate`, and then
    divided by 1 - rate. With `per_picture` the draw of element 0 decides for
    the whole picture (stochastic depth). Its gradient is the same operation
    with the same draw.
    Outside training there is no such operation: `ids` and `step` are null in
    inference and in the TL module, and the fold phase removes it.
  }];
  let arguments = (ins NN_Tensor:$input, Optional<NN_Indices>:$ids,
                       Optional<NN_StepBlock>:$step, F64Attr:$rate,
                       I64Attr:$stream, UnitAttr:$per_picture);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = [{
    $input (`ids` $ids^ `step` $step)? attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def NN_AdaptiveAvgPoolOp : NN_Pool<"adaptive_avg_pool"> {
  let summary = "mean over windows that cut the input into the result's size";
  let description = [{
    Torch's AdaptiveAvgPool2d. Of H rows into n, window i is [floor(i H / n),
    ceil((i + 1) H / n)); columns likewise. Where H does not divide by n,
    neighbouring windows overlap and differ in size by a row; H may be less
    than n.

    ```mlir
    %y = nn.adaptive_avg_pool %x : (tensor<?x9x8x4xf32>) -> tensor<?x7x7x4xf32>
    ```
  }];
  let arguments = (ins NN_Tensor:$input);
}

#endif
