//===- NNTrainingOps.td - losses, gradients and updates ------------------===//
#ifndef TL_NN_TRAINING_OPS_TD
#define TL_NN_TRAINING_OPS_TD

include "dialects/NN/NNOps.td"

// ---------------------------------------------------------------- losses
// Each takes the logits [N, M] and the labels [N], and gives the loss of each
// picture [N]. The gradient operations divide by N: the loss of a batch is
// the mean over its pictures.

class NN_LossOp<string mnemonic> : NN_Op<mnemonic, [Pure]> {
  let arguments = (ins NN_Tensor:$logits, NN_Indices:$labels,
                       DefaultValuedAttr<F64Attr, "0.0">:$label_smoothing);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = "$logits `,` $labels attr-dict `:` functional-type(operands, results)";
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
  let summary = "dx = dy w^T: [N,M], [K,M] to [N,K]";
  let arguments = (ins NN_Tensor:$gradient, NN_Tensor:$weight);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = "$gradient `,` $weight attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def NN_DenseGradWeightOp : NN_Op<"dense_grad_weight", [Pure]> {
  let summary = "dw = x^T dy: [N,K], [N,M] to [K,M], summed over the batch in order";
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

// ---------------------------------------------------------------- updates

def NN_UpdateOp : NN_Op<"update", [Pure]> {
  let summary = "one step of an optimizer on one parameter";
  let description = [{
    Takes the parameter, its slots (sgd with momentum: 1; rmsprop: 1; adam: 2;
    plain sgd: none), the gradient and the step block; gives the new parameter
    and the new slots, in that order, all of the parameter's type. The step
    block holds the learning rate and, for adam, the bias corrections.
    Lowered in place: the results take the storage of the operands.
  }];
  let arguments = (ins NN_Tensor:$parameter, Variadic<NN_Tensor>:$slots,
                       NN_Tensor:$gradient, NN_StepBlock:$step,
                       NN_OptimizerAttr:$optimizer);
  let results = (outs Variadic<NN_Tensor>:$results);
  let assemblyFormat = [{
    $parameter `slots` `(` $slots `)` `by` $gradient `at` $step attr-dict `:`
    functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

#endif
