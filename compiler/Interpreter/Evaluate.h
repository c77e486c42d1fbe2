// Between the interpreter's loop over operations and the formulas: the values
// known so far, and one function for each family of operations.
#pragma once

#include "compiler/Interpreter/Value.h"
#include "dialects/NN/NN.h"
#include "llvm/ADT/DenseMap.h"

namespace tl {

/// The values of one run. Results exist, as zeros of their shape, before the
/// operation is evaluated.
struct Frame {
  llvm::DenseMap<mlir::Value, NNValue> values;

  const NNValue &operator[](mlir::Value value) const {
    return values.find(value)->second;
  }
  NNValue &result(mlir::Operation *op, unsigned index = 0) {
    return values.find(op->getResult(index))->second;
  }
};

/// [first, end) of window `index` of nn.adaptive_avg_pool, `elements` being cut
/// into `windows`.
inline std::pair<int64_t, int64_t>
adaptiveWindow(int64_t index, int64_t elements, int64_t windows) {
  return {index * elements / windows,
          ((index + 1) * elements + windows - 1) / windows};
}

/// Each fills the results of `op` in `frame`. Fails with a diagnostic at `op`
/// where a value is outside its range, or `op` is of no known kind.
mlir::LogicalResult evaluateLayer(mlir::Operation *op, Frame &frame);
mlir::LogicalResult evaluateTraining(mlir::Operation *op, Frame &frame);
mlir::LogicalResult evaluateConvGradient(mlir::Operation *op, Frame &frame);
mlir::LogicalResult evaluateWinograd(mlir::Operation *op, Frame &frame);

// Single operations in files of their own, for those two. Slices.cpp:
mlir::LogicalResult evaluate(nn::SliceOp op, Frame &frame);
mlir::LogicalResult evaluate(nn::SliceGradOp op, Frame &frame);
mlir::LogicalResult evaluate(nn::PadChannelsOp op, Frame &frame);
// PoolGradients.cpp:
mlir::LogicalResult evaluate(nn::MaxPoolGradOp op, Frame &frame);
mlir::LogicalResult evaluate(nn::AvgPoolGradOp op, Frame &frame);
mlir::LogicalResult evaluate(nn::AdaptiveAvgPoolGradOp op, Frame &frame);
// Tokens.cpp:
mlir::LogicalResult evaluate(nn::LayerNormOp op, Frame &frame);
mlir::LogicalResult evaluate(nn::LayerNormGradInputOp op, Frame &frame);
mlir::LogicalResult evaluate(nn::LayerNormGradAffineOp op, Frame &frame);
mlir::LogicalResult evaluate(nn::AttentionOp op, Frame &frame);
mlir::LogicalResult evaluate(nn::AttentionGradOp op, Frame &frame);
mlir::LogicalResult evaluate(nn::PrependTokenOp op, Frame &frame);
mlir::LogicalResult evaluate(nn::AddPositionOp op, Frame &frame);
mlir::LogicalResult evaluate(nn::BatchSumOp op, Frame &frame);
// Scale.cpp:
mlir::LogicalResult evaluate(nn::MultiplyOp op, Frame &frame);
mlir::LogicalResult evaluate(nn::MultiplyGradGateOp op, Frame &frame);
mlir::LogicalResult evaluate(nn::ScaleChannelsOp op, Frame &frame);
mlir::LogicalResult evaluate(nn::ScaleChannelsGradOp op, Frame &frame);
mlir::LogicalResult evaluate(nn::RescaleOp op, Frame &frame);
mlir::LogicalResult evaluate(nn::StandardizeOp op, Frame &frame);
// Families that evaluateTraining hands on. Losses.cpp
mlir::LogicalResult evaluateLoss(mlir::Operation *op, Frame &frame);
// BatchNorm.cpp: statistics, running averages, gradients
mlir::LogicalResult evaluateBatchNorm(mlir::Operation *op, Frame &frame);
// Updates.cpp: clipping and optimizers
mlir::LogicalResult evaluateUpdate(mlir::Operation *op, Frame &frame);

} // namespace tl
