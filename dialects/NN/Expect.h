// What the verifiers of the NN dialect have in common: shapes, and the
// sentences in which a wrong one is reported.
#pragma once

#include "dialects/NN/NN.h"

namespace tl::nn {

inline mlir::RankedTensorType typeOf(mlir::Value value) {
  return mlir::cast<mlir::RankedTensorType>(value.getType());
}
inline llvm::ArrayRef<int64_t> shapeOf(mlir::Value value) {
  return typeOf(value).getShape();
}

/// "[N, 7, 7, 512]".
std::string text(llvm::ArrayRef<int64_t> shape);

/// "`what` must be [..], found [..]", and so on.
mlir::LogicalResult expectShape(mlir::Operation *op, llvm::StringRef what,
                                mlir::Value value,
                                llvm::ArrayRef<int64_t> expected);
mlir::LogicalResult expectRank(mlir::Operation *op, llvm::StringRef what,
                               mlir::Value value, int64_t rank);
mlir::LogicalResult expectPositive(mlir::Operation *op, llvm::StringRef what,
                                   llvm::ArrayRef<int64_t> values, size_t count,
                                   int64_t least);

/// The elements `offset + stride i` of each dimension but the batch lie inside
/// `whole` for every i of `part`.
mlir::LogicalResult expectSlice(mlir::Operation *op,
                                llvm::ArrayRef<int64_t> whole,
                                llvm::ArrayRef<int64_t> part,
                                llvm::ArrayRef<int64_t> offsets,
                                llvm::ArrayRef<int64_t> strides);

/// [N, 1, ..., 1, C]: the gate that multiplies each place of a [N, ..., C].
llvm::SmallVector<int64_t> gateOf(llvm::ArrayRef<int64_t> shape);

/// `qkv` is [N, T, 3C] with C a multiple of `heads`.
mlir::LogicalResult expectHeads(mlir::Operation *op, mlir::Value qkv,
                                int64_t heads);

/// Output size of a window operation along one dimension, or -1.
int64_t windowOutput(int64_t size, int64_t window, int64_t dilation,
                     int64_t stride, int64_t before, int64_t after);

/// A pool's window, strides and pads fit its input and its result.
mlir::LogicalResult expectPool(mlir::Operation *op, mlir::Value input,
                               mlir::Value result,
                               llvm::ArrayRef<int64_t> window,
                               llvm::ArrayRef<int64_t> strides,
                               llvm::ArrayRef<int64_t> pads);

/// An adaptive pool cuts pictures `input` into those of `result`.
mlir::LogicalResult expectAdaptivePool(mlir::Operation *op, mlir::Value input,
                                       mlir::Value result);

/// A convolution of `input` by `filter` gives `output` (shapes).
mlir::LogicalResult
expectConvolution(mlir::Operation *op, llvm::ArrayRef<int64_t> input,
                  llvm::ArrayRef<int64_t> filter,
                  llvm::ArrayRef<int64_t> output,
                  llvm::ArrayRef<int64_t> strides, llvm::ArrayRef<int64_t> pads,
                  llvm::ArrayRef<int64_t> dilations, int64_t groups);

} // namespace tl::nn
