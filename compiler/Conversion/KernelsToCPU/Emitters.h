// The table of emitters: which function writes the code of which NN operation.
// An operation without one is an error that names it.
#pragma once

#include "compiler/Conversion/KernelsToCPU/KernelBuilder.h"

namespace tl::cpu {

/// Writes the code of `op`, the kernel's computation, and returns the grid;
/// on failure it has emitted an error at `op`.
using Emitter = llvm::FailureOr<Grid> (*)(KernelBuilder &b,
                                          mlir::Operation *op);

/// The emitter of an operation, or null.
Emitter findEmitter(llvm::StringRef operation);

// One function an operation, in the file named above it.
// Activation.cpp
llvm::FailureOr<Grid> emitActivation(KernelBuilder &b, mlir::Operation *op);
llvm::FailureOr<Grid> emitActivationGrad(KernelBuilder &b, mlir::Operation *op);
// Elementwise.cpp
llvm::FailureOr<Grid> emitAdd(KernelBuilder &b, mlir::Operation *op);
// Dropout.cpp
llvm::FailureOr<Grid> emitDropout(KernelBuilder &b, mlir::Operation *op);
// Pool.cpp
llvm::FailureOr<Grid> emitMaxPool(KernelBuilder &b, mlir::Operation *op);
llvm::FailureOr<Grid> emitAvgPool(KernelBuilder &b, mlir::Operation *op);
llvm::FailureOr<Grid> emitGlobalAvgPool(KernelBuilder &b, mlir::Operation *op);
llvm::FailureOr<Grid> emitGlobalAvgPoolGrad(KernelBuilder &b,
                                            mlir::Operation *op);
llvm::FailureOr<Grid> emitAdaptiveAvgPool(KernelBuilder &b,
                                          mlir::Operation *op);
// PoolGradients.cpp
llvm::FailureOr<Grid> emitAdaptiveAvgPoolGrad(KernelBuilder &b,
                                              mlir::Operation *op);
llvm::FailureOr<Grid> emitMaxPoolGrad(KernelBuilder &b, mlir::Operation *op);
llvm::FailureOr<Grid> emitAvgPoolGrad(KernelBuilder &b, mlir::Operation *op);
// Copy.cpp
llvm::FailureOr<Grid> emitPad(KernelBuilder &b, mlir::Operation *op);
llvm::FailureOr<Grid> emitPadChannels(KernelBuilder &b, mlir::Operation *op);
llvm::FailureOr<Grid> emitReshape(KernelBuilder &b, mlir::Operation *op);
llvm::FailureOr<Grid> emitConcat(KernelBuilder &b, mlir::Operation *op);
// Slice.cpp
llvm::FailureOr<Grid> emitSlice(KernelBuilder &b, mlir::Operation *op);
llvm::FailureOr<Grid> emitSliceGrad(KernelBuilder &b, mlir::Operation *op);
// Softmax.cpp
llvm::FailureOr<Grid> emitSoftmax(KernelBuilder &b, mlir::Operation *op);
llvm::FailureOr<Grid> emitSoftmaxGrad(KernelBuilder &b, mlir::Operation *op);
// Losses.cpp
llvm::FailureOr<Grid> emitSoftmaxCrossEntropy(KernelBuilder &b,
                                              mlir::Operation *op);
llvm::FailureOr<Grid> emitSoftmaxCrossEntropyGrad(KernelBuilder &b,
                                                  mlir::Operation *op);
llvm::FailureOr<Grid> emitSigmoidCrossEntropy(KernelBuilder &b,
                                              mlir::Operation *op);
llvm::FailureOr<Grid> emitSigmoidCrossEntropyGrad(KernelBuilder &b,
                                                  mlir::Operation *op);
// Reductions.cpp
llvm::FailureOr<Grid> emitBiasGrad(KernelBuilder &b, mlir::Operation *op);
llvm::FailureOr<Grid> emitMultiplyGradGate(KernelBuilder &b,
                                           mlir::Operation *op);
llvm::FailureOr<Grid> emitScaleChannelsGrad(KernelBuilder &b,
                                            mlir::Operation *op);
// ScaleChannels.cpp
llvm::FailureOr<Grid> emitMultiply(KernelBuilder &b, mlir::Operation *op);
llvm::FailureOr<Grid> emitRescale(KernelBuilder &b, mlir::Operation *op);
llvm::FailureOr<Grid> emitScaleChannels(KernelBuilder &b, mlir::Operation *op);
llvm::FailureOr<Grid> emitStandardize(KernelBuilder &b, mlir::Operation *op);
// Updates.cpp
llvm::FailureOr<Grid> emitUpdate(KernelBuilder &b, mlir::Operation *op);
// DenseUpdate.cpp
llvm::FailureOr<Grid> emitDenseUpdate(KernelBuilder &b, mlir::Operation *op);
// Clipping.cpp
llvm::FailureOr<Grid> emitSumSquares(KernelBuilder &b, mlir::Operation *op);
llvm::FailureOr<Grid> emitClipScale(KernelBuilder &b, mlir::Operation *op);
// BatchNorm.cpp
llvm::FailureOr<Grid> emitBatchNorm(KernelBuilder &b, mlir::Operation *op);
llvm::FailureOr<Grid> emitBatchNormGradInput(KernelBuilder &b,
                                             mlir::Operation *op);
// BatchStatistics.cpp
llvm::FailureOr<Grid> emitBatchStats(KernelBuilder &b, mlir::Operation *op);
llvm::FailureOr<Grid> emitMovingAverage(KernelBuilder &b, mlir::Operation *op);
llvm::FailureOr<Grid> emitBatchNormGradAffine(KernelBuilder &b,
                                              mlir::Operation *op);
// Conv2D.cpp, ConvGradInput.cpp, ConvGradFilter.cpp, TransposeFilter.cpp
llvm::FailureOr<Grid> emitConv2D(KernelBuilder &b, mlir::Operation *op);
llvm::FailureOr<Grid> emitConv2DGradInput(KernelBuilder &b,
                                          mlir::Operation *op);
llvm::FailureOr<Grid> emitConv2DGradFilter(KernelBuilder &b,
                                           mlir::Operation *op);
llvm::FailureOr<Grid> emitTransposeFilter(KernelBuilder &b,
                                          mlir::Operation *op);
// WinogradFilter.cpp, WinogradConv.cpp
llvm::FailureOr<Grid> emitWinogradFilter(KernelBuilder &b, mlir::Operation *op);
llvm::FailureOr<Grid> emitWinogradConv2D(KernelBuilder &b, mlir::Operation *op);
// DepthwiseGradFilter.cpp: called by emitConv2DGradFilter
Grid emitDepthwiseGradFilter(KernelBuilder &b, nn::Conv2DGradFilterOp op);
// Dense.cpp
llvm::FailureOr<Grid> emitDense(KernelBuilder &b, mlir::Operation *op);
// DenseGradients.cpp
llvm::FailureOr<Grid> emitDenseGradInput(KernelBuilder &b, mlir::Operation *op);
llvm::FailureOr<Grid> emitDenseGradWeight(KernelBuilder &b,
                                          mlir::Operation *op);
// LayerNorm.cpp
llvm::FailureOr<Grid> emitLayerNorm(KernelBuilder &b, mlir::Operation *op);
llvm::FailureOr<Grid> emitLayerNormGradInput(KernelBuilder &b,
                                             mlir::Operation *op);
llvm::FailureOr<Grid> emitLayerNormGradAffine(KernelBuilder &b,
                                              mlir::Operation *op);
// Attention.cpp, AttentionGradient.cpp
llvm::FailureOr<Grid> emitAttention(KernelBuilder &b, mlir::Operation *op);
llvm::FailureOr<Grid> emitAttentionGrad(KernelBuilder &b, mlir::Operation *op);
// Tokens.cpp
llvm::FailureOr<Grid> emitPrependToken(KernelBuilder &b, mlir::Operation *op);
llvm::FailureOr<Grid> emitAddPosition(KernelBuilder &b, mlir::Operation *op);
llvm::FailureOr<Grid> emitBatchSum(KernelBuilder &b, mlir::Operation *op);

} // namespace tl::cpu
