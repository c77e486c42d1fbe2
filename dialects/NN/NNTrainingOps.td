//===- NNTrainingOps.td - losses, gradients and updates ------------------===//
#ifndef TL_NN_TRAINING_OPS_TD
#define TL_NN_TRAINING_OPS_TD

include "dialects/NN/NNOps.td"

// ---------------------------------------------------------------- losses
// Each takes the logits [N, M] and the labels [N], and gives the loss of each
// picture [N]. The gradient operations divide by N: the loss of a batch is
// the mean over its pictures. With `weights` [N], picture n counts weights[n]
// times, in loss and gradient (class weights; the divisor stays N). With
// `mix_labels` [N] and `mix` [N] (mixup), the target is mix[n] times that of
// the label plus 1 - mix[n] times that of the mix label.

class NN_LossOp<string mnemonic>
    : NN_Op<mnemonic, [Pure, AttrSizedOperandSegments]> {
  let arguments = (ins NN_Tensor:$logits, NN_Indices:$labels,
                       Optional<NN_Tensor>:$weights,
                       Optional<NN_Indices>:$mix_labels,
                       Optional<NN_Tensor>:$mix,
                       DefaultValuedAttr<F64Attr, "0.0">:$label_smoothing);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = [{
    $logits `,` $labels (`weights` $weights^)? (`mix` $mix_labels^ `by` $mix)?
    attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def NN_SoftmaxCrossEntropyOp : NN_LossOp<"softmax_cross_entropy"> {
  let summary = "-sum_c t_c log softmax(z)_c, [N,M] to [N]";
  let description = [{
    t is one-hot, smoothed: t_c = (1 - s) [c = label] + s / M. Computed as
    log-sum-exp minus the weighted logits.
  }];
}

def NN_SoftmaxCrossEntropyGradOp : NN_LossOp<"softmax_cross_entropy_grad"> {
  let summary = "(softmax(z) - t) / N, [N,M] to [N,M]";
}

def NN_SigmoidCrossEntropyOp : NN_LossOp<"sigmoid_cross_entropy"> {
  let summary = "max(z,0) - z t + log(1 + exp(-|z|)), [N,1] to [N]";
  let description = [{ t is the label (0 or 1), smoothed: t (1 - s) + s / 2. }];
}

def NN_SigmoidCrossEntropyGradOp : NN_LossOp<"sigmoid_cross_entropy_grad"> {
  let summary = "(sigmoid(z) - t) / N, [N,1] to [N,1]";
}

// ---------------------------------------------------------------- gradients

def NN_DenseGradInputOp : NN_Op<"dense_grad_input", [Pure]> {
  let summary = "dx = dy w^T: [N,...,M], [K,M] to [N,...,K]";
  let arguments = (ins NN_Tensor:$gradient, NN_Tensor:$weight);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = "$gradient `,` $weight attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def NN_DenseGradWeightOp : NN_Op<"dense_grad_weight", [Pure]> {
  let summary = "dw = x^T dy: [N,...,K], [N,...,M] to [K,M], summed over the rows in order";
  let arguments = (ins NN_Tensor:$input, NN_Tensor:$gradient);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = "$input `,` $gradient attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def NN_BiasGradOp : NN_Op<"bias_grad", [Pure]> {
  let summary = "the sum over all but the last dimension: [N,...,M] to [M]";
  let arguments = (ins NN_Tensor:$gradient);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = "$gradient attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def NN_ActivationGradOp : NN_Op<"activation_grad", [Pure, SameOperandsAndResultShape]> {
  let summary = "dx = dy f'(x), elementwise";
  let description = [{
    `value` is the result f(x) where f' can be had from it (relu, relu6,
    leaky_relu, sigmoid, tanh, elu), else the input x (the others): see
    `gradientNeedsInput` in dialects/NN/Activation.h.
  }];
  let arguments = (ins NN_Tensor:$gradient, NN_Tensor:$value,
                       NN_ActivationAttr:$activation);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = "$gradient `,` $value attr-dict `:` functional-type(operands, results)";
}

def NN_GlobalAvgPoolGradOp : NN_Op<"global_avg_pool_grad", [Pure]> {
  let summary = "dy / (H W) at every place: [N,C] to [N,H,W,C]";
  let arguments = (ins NN_Tensor:$gradient);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = "$gradient attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def NN_SoftmaxGradOp : NN_Op<"softmax_grad", [Pure, SameOperandsAndResultShape]> {
  let summary = "dx = y (dy - sum(dy y)), y = softmax(x)";
  let arguments = (ins NN_Tensor:$gradient, NN_Tensor:$value);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = "$gradient `,` $value attr-dict `:` functional-type(operands, results)";
}

// Convolutions. `strides`, `pads`, `dilations`, `groups` are those of the
// convolution.

def NN_TransposeFilterOp : NN_Op<"transpose_filter", [Pure]> {
  let summary = "a filter with its channels exchanged, group by group";
  let description = [{
    `[KH,KW,I,O]` of a convolution with `groups` becomes `[KH,KW,O/groups,
    I groups]`: result[kh, kw, o, g I + i] = filter[kh, kw, i, g O/groups + o].
    It is the filter that the gradient of the input reads; made once a step.
  }];
  let arguments = (ins NN_Tensor:$filter,
                       DefaultValuedAttr<I64Attr, "1">:$groups);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = "$filter attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def NN_Conv2DGradInputOp : NN_Op<"conv2d_grad_input", [Pure]> {
  let summary = "dx of a convolution, from dy and the transposed filter";
  let description = [{
    dx[n, h, w, i] = sum over kh, kw, o of dy[n, y, x, o] f[kh, kw, o, i], where
    h = y stride - pad + kh dilation, and likewise w: f is the result of
    `nn.transpose_filter` (for one filter a channel, the filter itself).
  }];
  let arguments = (ins NN_Tensor:$gradient, NN_Tensor:$filter,
                       DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$pads,
                       DenseI64ArrayAttr:$dilations,
                       DefaultValuedAttr<I64Attr, "1">:$groups);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = "$gradient `,` $filter attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def NN_Conv2DGradFilterOp : NN_Op<"conv2d_grad_filter", [Pure]> {
  let summary = "dw of a convolution: [N,H,W,I], [N,Y,X,O] to [KH,KW,I/groups,O]";
  let description = [{
    dw[kh, kw, i, o] = sum over n, y, x of x[n, h, w, i] dy[n, y, x, o], in an
    order that the batch size fixes.
  }];
  let arguments = (ins NN_Tensor:$input, NN_Tensor:$gradient,
                       DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$pads,
                       DenseI64ArrayAttr:$dilations,
                       DefaultValuedAttr<I64Attr, "1">:$groups);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = "$input `,` $gradient attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

// Normalisations.

def NN_BatchStatsOp : NN_Op<"batch_stats", [Pure]> {
  let summary = "mean and biased variance of each channel over batch and places";
  let description = [{
    [N,...,C] to [C] and [C], summed in double in an order that shapes alone
    fix, so that the result does not depend on threads. No gradient of its own:
    that of `nn.batch_norm {batch_statistics}` holds it.
  }];
  let arguments = (ins NN_Tensor:$input);
  let results = (outs NN_Tensor:$mean, NN_Tensor:$variance);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def NN_MovingAverageOp : NN_Op<"moving_average", [Pure]> {
  let summary = "momentum old + (1 - momentum) new: running statistics";
  let description = [{
    With `unbiased`, new is first scaled by M / (M - 1), M = N `places` (torch's
    running variance; M = 1 leaves it). `input` is the value whose statistics
    these are; only its batch size is read. Lowered in place.
  }];
  let arguments = (ins NN_Tensor:$old, NN_Tensor:$batch, NN_Tensor:$input,
                       F64Attr:$momentum, UnitAttr:$unbiased);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = [{
    $old `by` $batch `of` $input attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def NN_BatchNormGradAffineOp : NN_Op<"batch_norm_grad_affine", [Pure]> {
  let summary = "dgamma = sum dy xhat, dbeta = sum dy, over batch and places";
  let description = [{ xhat = (x - mean) / sqrt(variance + epsilon). }];
  let arguments = (ins NN_Tensor:$gradient, NN_Tensor:$input, NN_Tensor:$mean,
                       NN_Tensor:$variance, F64Attr:$epsilon);
  let results = (outs NN_Tensor:$gamma, NN_Tensor:$beta);
  let assemblyFormat = [{
    $gradient `,` $input `,` $mean `,` $variance attr-dict `:`
    functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def NN_BatchNormGradInputOp
    : NN_Op<"batch_norm_grad_input", [Pure, AttrSizedOperandSegments]> {
  let summary = "dx of a batch norm";
  let description = [{
    Inference mode: dx = dy gamma r, r = 1 / sqrt(variance + epsilon). With
    `through` (training mode; input, mean, dgamma, dbeta, all four):
    dx = gamma r (dy - dbeta / M - xhat dgamma / M), M = N places.
  }];
  let arguments = (ins NN_Tensor:$gradient, NN_Tensor:$gamma,
                       NN_Tensor:$variance, Optional<NN_Tensor>:$input,
                       Optional<NN_Tensor>:$mean, Optional<NN_Tensor>:$dgamma,
                       Optional<NN_Tensor>:$dbeta, F64Attr:$epsilon);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = [{
    $gradient `,` $gamma `,` $variance
    (`through` $input^ `,` $mean `,` $dgamma `,` $dbeta)? attr-dict `:`
    functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def NN_LayerNormGradInputOp : NN_Op<"layer_norm_grad_input", [Pure]> {
  let summary = "dx of a layer norm, mean and variance computed again";
  let description = [{
    g = dy gamma; dx = r (g - mean(g) - xhat mean(g xhat)) over the last
    dimension, r = 1 / sqrt(var(x) + epsilon), xhat = (x - mean(x)) r.
  }];
  let arguments = (ins NN_Tensor:$gradient, NN_Tensor:$input, NN_Tensor:$gamma,
                       F64Attr:$epsilon);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = [{
    $gradient `,` $input `,` $gamma attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def NN_LayerNormGradAffineOp : NN_Op<"layer_norm_grad_affine", [Pure]> {
  let summary = "dgamma = sum dy xhat, dbeta = sum dy of a layer norm";
  let arguments = (ins NN_Tensor:$gradient, NN_Tensor:$input, F64Attr:$epsilon);
  let results = (outs NN_Tensor:$gamma, NN_Tensor:$beta);
  let assemblyFormat = "$gradient `,` $input attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

// The rest.

def NN_AttentionGradOp : NN_Op<"attention_grad", [Pure]> {
  let summary = "dqkv of an attention, the probabilities computed again";
  let description = [{
    P = softmax(scale q k^T): dv = P^T dy; dP = dy v^T;
    dS = P (dP - sum(dP P)); dq = scale dS k; dk = scale dS^T q.
  }];
  let arguments = (ins NN_Tensor:$gradient, NN_Tensor:$qkv, I64Attr:$heads,
                       F64Attr:$scale);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = "$gradient `,` $qkv attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def NN_MaxPoolGradOp : NN_Op<"max_pool_grad", [Pure]> {
  let summary = "dy to the first largest element of each window, row by row";
  let arguments = (ins NN_Tensor:$gradient, NN_Tensor:$input,
                       DenseI64ArrayAttr:$window, DenseI64ArrayAttr:$strides,
                       DenseI64ArrayAttr:$pads);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = "$gradient `,` $input attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def NN_AvgPoolGradOp : NN_Op<"avg_pool_grad", [Pure]> {
  let summary = "dy / count to each element of its window";
  let arguments = (ins NN_Tensor:$gradient, DenseI64ArrayAttr:$window,
                       DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$pads,
                       UnitAttr:$count_padding);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = "$gradient attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def NN_MultiplyGradGateOp : NN_Op<"multiply_grad_gate", [Pure]> {
  let summary = "the sum over the places of dy x: [N,...,C] to [N,1,...,1,C]";
  let arguments = (ins NN_Tensor:$gradient, NN_Tensor:$input);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = "$gradient `,` $input attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def NN_ScaleChannelsGradOp : NN_Op<"scale_channels_grad", [Pure]> {
  let summary = "the sum over batch and places of dy x: [N,...,C] to [C]";
  let arguments = (ins NN_Tensor:$gradient, NN_Tensor:$input);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = "$gradient `,` $input attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def NN_SliceGradOp : NN_Op<"slice_grad", [Pure]> {
  let summary = "dy where `nn.slice` took an element, zero elsewhere";
  let arguments = (ins NN_Tensor:$gradient, DenseI64ArrayAttr:$offsets,
                       DenseI64ArrayAttr:$strides);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = "$gradient attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def NN_BatchSumOp : NN_Op<"batch_sum", [Pure]> {
  let summary = "the sum over the batch, in order: [N,...] to [...]";
  let arguments = (ins NN_Tensor:$gradient);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = "$gradient attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

// ---------------------------------------------------------------- clipping

def NN_SumSquaresOp : NN_Op<"sum_squares", [Pure]> {
  let summary = "partial sums of the squares of a gradient, for its norm";
  let description = [{
    Gives `[K]`: element i is the sum over the i-th chunk of 65536 stored
    elements, in double, rounded to f32. K = ceil(stored elements / 65536).
  }];
  let arguments = (ins NN_Tensor:$gradient);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = "$gradient attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def NN_ClipScaleOp : NN_Op<"clip_scale", [Pure]> {
  let summary = "the factor that brings a global gradient norm to `max_norm`";
  let description = [{
    norm = sqrt(sum of all partial sums), in the order of the operands, in
    double; gives `[1]`: max_norm / max(norm, max_norm) (Keras's
    global_clipnorm), or with `torch` (clip_grad_norm_)
    min(1, max_norm / (norm + 1e-6)).
  }];
  let arguments = (ins Variadic<NN_Tensor>:$sums, F64Attr:$max_norm,
                       UnitAttr:$torch);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = "$sums attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

// ---------------------------------------------------------------- updates

def NN_UpdateOp : NN_Op<"update", [Pure, AttrSizedOperandSegments]> {
  let summary = "one step of an optimizer on one parameter";
  let description = [{
    Takes the parameter, its slots (sgd with momentum: 1; rmsprop: 1; adam: 2;
    plain sgd: none; one more, the last, with the optimizer's `ema`), the
    gradient and the step block; gives the new parameter and the new slots, in
    that order, all of the parameter's type. The gradient is first multiplied
    by `scale` `[1]`, where given (clipping). The step block holds the learning
    rates, of which `rate` chooses one (0: the head's, 1: the backbone's), and,
    for adam, the bias corrections. Lowered in place: the results take the
    storage of the operands.
  }];
  let arguments = (ins NN_Tensor:$parameter, Variadic<NN_Tensor>:$slots,
                       NN_Tensor:$gradient, Optional<NN_Tensor>:$scale,
                       NN_StepBlock:$step, NN_OptimizerAttr:$optimizer,
                       DefaultValuedAttr<I64Attr, "0">:$rate);
  let results = (outs Variadic<NN_Tensor>:$results);
  let assemblyFormat = [{
    $parameter `slots` `(` $slots `)` `by` $gradient (`scaled` $scale^)? `at`
    $step attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def NN_AdaptiveAvgPoolGradOp : NN_Op<"adaptive_avg_pool_grad", [Pure]> {
  let summary = "dy / count to each element of its window";
  let arguments = (ins NN_Tensor:$gradient);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = "$gradient attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def NN_DenseUpdateOp : NN_Op<"dense_update", [Pure]> {
  let summary = "nn.update by nn.dense_grad_weight, as one operation";
  let description = [{
    The gradient of the parameter `[K,M]` is the sum over the batch of
    input `[N,K]` times gradient `[N,M]`; all else as in `nn.update`, in place
    too. The whole gradient is never in memory.
  }];
  let arguments = (ins NN_Tensor:$parameter, Variadic<NN_Tensor>:$slots,
                       NN_Tensor:$input, NN_Tensor:$gradient,
                       NN_StepBlock:$step, NN_OptimizerAttr:$optimizer,
                       DefaultValuedAttr<I64Attr, "0">:$rate);
  let results = (outs Variadic<NN_Tensor>:$results);
  let assemblyFormat = [{
    $parameter `slots` `(` $slots `)` `by` $input `,` $gradient `at` $step
    attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

#endif
