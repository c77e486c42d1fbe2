//===- NNWinogradOps.td - convolutions with fewer products ---------------===//
//
// Another way to compute some convolutions, chosen by tl-use-winograd after
// differentiation, so that these operations need no gradients. The points and
// matrices are in dialects/NN/Winograd.h.
//
//===----------------------------------------------------------------------===//
#ifndef TL_NN_WINOGRAD_OPS_TD
#define TL_NN_WINOGRAD_OPS_TD

include "dialects/NN/NNOps.td"

def NN_WinogradFilterOp : NN_Op<"winograd_filter", [Pure]> {
  let summary = "a 3x3 filter at the 36 points of Winograd's F(4x4, 3x3)";
  let description = [{
    `[3,3,I,O]` becomes `[36,I,O]`: for each pair of channels u = G g G^T,
    6 x 6, row by row. `transposed`: `[36,O,I]`, channels exchanged and taps
    from the last to the first. The convolution with that is the gradient of
    the input of the one with `filter`.
  }];
  let arguments = (ins NN_Tensor:$filter, UnitAttr:$transposed);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = "$filter attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def NN_WinogradConv2DOp : NN_Op<"winograd_conv2d", [Pure, AttrSizedOperandSegments]> {
  let summary = "the 3x3 convolution, stride 1, of a transformed filter";
  let description = [{
    What `nn.conv2d` with stride and dilation 1 gives for the filter whose
    `nn.winograd_filter` is `filter`, up to rounding: each 4 x 4 block of the
    result is A^T (sum over i of u[i] . (B^T x[i] B)) A, x[i] the 6 x 6 inputs
    around it, zero outside of the input. Bias, residual and activation follow
    as there. `pooled`: the result is the maximum of each 2 x 2 block of that
    map, as `nn.max_pool` gives it with strides of 2 and no pads; a last row or
    column that fills no block is left out.

    ```mlir
    %y = nn.winograd_conv2d %x, %u, %b {pads = array<i64: 1, 1, 1, 1>, pooled}
       : (tensor<?x75x75x64xf32>, tensor<36x64x128xf32>, tensor<128xf32>) -> tensor<?x37x37x128xf32>
    ```
  }];
  let arguments = (ins NN_Tensor:$input, NN_Tensor:$filter,
                       Optional<NN_Tensor>:$bias, Optional<NN_Tensor>:$residual,
                       DefaultValuedAttr<DenseI64ArrayAttr, "{0, 0, 0, 0}">:$pads,
                       OptionalAttr<NN_ActivationAttr>:$activation,
                       UnitAttr:$pooled);
  let results = (outs NN_Tensor:$result);
  let extraClassDeclaration = [{
    /// The convolution's map, before it is pooled: height (`d` = 0), width (1).
    int64_t getMapSize(unsigned d);
    /// What of it the result is made of.
    int64_t getUsedSize(unsigned d);
  }];
  let assemblyFormat = [{
    $input `,` $filter (`,` $bias^)? (`residual` $residual^)? attr-dict `:`
    functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

#endif
