// What attention and its gradient share: the shape of a head, parts of it
// copied into scratch in the order that the micro-tile wants, and products of
// small matrices. A tile works on one head of one picture, so that its operands
// stay in the cache, and no sum crosses tiles.
#pragma once

#include "compiler/Conversion/KernelsToCPU/KernelBuilder.h"

namespace tl::cpu {

/// qkv is `[N, tokens, 3 width]`; a head has `size` channels of each third.
struct HeadShape {
  HeadShape(const Isa &isa, const Buffer &qkv, int64_t heads);

  int64_t tokens, heads, size, width;
  int64_t rowStride;                ///< from token to token of qkv
  int64_t paddedTokens, paddedSize; ///< up to whole vectors
};

/// Areas of the scratch memory, one behind the other, each aligned to 64 bytes.
class ScratchAreas {
public:
  Value take(KernelBuilder &b, int64_t elements);
  int64_t bytes() const { return elements_ * 4; }

private:
  int64_t elements_ = 0;
};

/// to[r][c] = from[r * stride + c] for `rows` rows; rows of `to` are `toStride`
/// apart and filled up with zeros to the next whole vector.
void packRows(KernelBuilder &b, Value from, int64_t stride, Value rows,
              int64_t columns, Value to, int64_t toStride);
/// to[c][r] = from[r * stride + c], filled up the same way.
void packTransposed(KernelBuilder &b, Value from, int64_t stride, int64_t rows,
                    int64_t columns, Value to, int64_t toStride);

/// The sum over t of a[r * aRow + t * aStep] w[t * wStep + c].
struct Product {
  Value a;
  int64_t aRow, aStep;
  Value w; ///< readable up to a whole vector behind the last column
  int64_t wStep;
  int64_t columns;
  int64_t depth; ///< terms of the sum; 0: `dynamicDepth`
  Value dynamicDepth = nullptr;
};

/// done(row, column, active lanes, sum) for each vector of `height` rows, which
/// are at most the micro-tile's.
void multiply(KernelBuilder &b, const Product &product, int64_t height,
              llvm::function_ref<void(int64_t row, Value column, int64_t active,
                                      Value sum)>
                  done);

/// Replaces x by e^(x - largest x) in `count` elements; gives their sum, an
/// f32. A NaN makes them all NaN.
Value exponentials(KernelBuilder &b, Value row, int64_t count);

} // namespace tl::cpu
