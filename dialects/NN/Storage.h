// How the values of an NN type lie in memory: the one place that knows sizes
// and strides of encodings (#nn.halo, #nn.form).
#pragma once

#include "dialects/NN/NN.h"

namespace tl::nn {

/// Where the parts of an activation lie, in elements. `[N, H, W, C]` with a
/// halo is stored `[N][top+H+bottom][left+W+right][C]`; every other shape is
/// stored row-major.
struct Storage {
  bool perPicture = false; ///< the first dimension is the batch
  int64_t elements = 0;    ///< of one picture, or of the whole (weights);
                           ///< halo and panel padding included
  int64_t bytes = 0;       ///< elements * 4
};

Storage storageOf(mlir::RankedTensorType type);

/// The halo of an activation type (all zero without an encoding).
struct HaloSizes {
  int64_t top = 0, bottom = 0, left = 0, right = 0;
  bool any() const { return top | bottom | left | right; }
};
HaloSizes haloOf(mlir::RankedTensorType type);
mlir::RankedTensorType withHalo(mlir::RankedTensorType type, HaloSizes halo);

/// The storage form of a weight type (canonical without an encoding).
WeightForm formOf(mlir::RankedTensorType type);
mlir::RankedTensorType withForm(mlir::RankedTensorType type, WeightForm form);

/// The type without any encoding.
mlir::RankedTensorType withoutEncoding(mlir::RankedTensorType type);

} // namespace tl::nn
