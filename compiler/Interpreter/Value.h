// A value of the reference interpreter: a shape and its elements in double.
// Labels, picture ids and the step block (i32 tensors) are kept as doubles
// too: every int32 is exact there, and there is one kind of value.
#pragma once

#include "runtime/schema/KernelAbi.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"

#include <cstdint>
#include <vector>

namespace tl {

struct NNValue {
  llvm::SmallVector<int64_t> shape;
  std::vector<double> data; ///< row-major, one a logical element (no halo)

  NNValue() = default;
  /// Zeros of a shape.
  explicit NNValue(llvm::ArrayRef<int64_t> shape);
  /// `data` must have as many elements as the shape.
  NNValue(llvm::ArrayRef<int64_t> shape, std::vector<double> data);

  /// Elements of one picture: all dimensions but the first.
  int64_t perPicture() const;
};

/// The step block as the operand `tensor<16xi32>` of nn.dropout, nn.update.
NNValue stepValue(const schema::StepBlock &step);

/// The step block that such an operand holds.
schema::StepBlock stepBlock(const NNValue &value);

} // namespace tl
