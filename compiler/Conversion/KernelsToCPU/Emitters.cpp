// The table; see the header.
#include "compiler/Conversion/KernelsToCPU/Emitters.h"

#include "llvm/ADT/StringSwitch.h"

namespace tl::cpu {

Emitter findEmitter(llvm::StringRef operation) {
  return llvm::StringSwitch<Emitter>(operation)
      .Case("nn.activation", emitActivation)
      .Case("nn.activation_grad", emitActivationGrad)
      .Case("nn.adaptive_avg_pool", emitAdaptiveAvgPool)
      .Case("nn.adaptive_avg_pool_grad", emitAdaptiveAvgPoolGrad)
      .Case("nn.add", emitAdd)
      .Case("nn.add_position", emitAddPosition)
      .Case("nn.attention", emitAttention)
      .Case("nn.attention_grad", emitAttentionGrad)
      .Case("nn.avg_pool", emitAvgPool)
      .Case("nn.avg_pool_grad", emitAvgPoolGrad)
      .Case("nn.batch_norm", emitBatchNorm)
      .Case("nn.batch_norm_grad_affine", emitBatchNormGradAffine)
      .Case("nn.batch_norm_grad_input", emitBatchNormGradInput)
      .Case("nn.batch_stats", emitBatchStats)
      .Case("nn.batch_sum", emitBatchSum)
      .Case("nn.bias_grad", emitBiasGrad)
      .Case("nn.clip_scale", emitClipScale)
      .Case("nn.concat", emitConcat)
      .Case("nn.conv2d", emitConv2D)
      .Case("nn.conv2d_grad_filter", emitConv2DGradFilter)
      .Case("nn.conv2d_grad_input", emitConv2DGradInput)
      .Case("nn.dense", emitDense)
      .Case("nn.dense_grad_input", emitDenseGradInput)
      .Case("nn.dense_grad_weight", emitDenseGradWeight)
      .Case("nn.dropout", emitDropout)
      .Case("nn.global_avg_pool", emitGlobalAvgPool)
      .Case("nn.global_avg_pool_grad", emitGlobalAvgPoolGrad)
      .Case("nn.layer_norm", emitLayerNorm)
      .Case("nn.layer_norm_grad_affine", emitLayerNormGradAffine)
      .Case("nn.layer_norm_grad_input", emitLayerNormGradInput)
      .Case("nn.max_pool", emitMaxPool)
      .Case("nn.max_pool_grad", emitMaxPoolGrad)
      .Case("nn.moving_average", emitMovingAverage)
      .Case("nn.pad", emitPad)
      .Case("nn.pad_channels", emitPadChannels)
      .Case("nn.prepend_token", emitPrependToken)
      .Case("nn.reshape", emitReshape)
      .Case("nn.sigmoid_cross_entropy", emitSigmoidCrossEntropy)
      .Case("nn.sigmoid_cross_entropy_grad", emitSigmoidCrossEntropyGrad)
      .Case("nn.slice", emitSlice)
      .Case("nn.slice_grad", emitSliceGrad)
      .Case("nn.softmax", emitSoftmax)
      .Case("nn.softmax_cross_entropy", emitSoftmaxCrossEntropy)
      .Case("nn.softmax_cross_entropy_grad", emitSoftmaxCrossEntropyGrad)
      .Case("nn.softmax_grad", emitSoftmaxGrad)
      .Case("nn.sum_squares", emitSumSquares)
      .Case("nn.transpose_filter", emitTransposeFilter)
      .Case("nn.update", emitUpdate)
      .Default(nullptr);
}

} // namespace tl::cpu
