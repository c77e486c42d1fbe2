// The gradient of a dense layer's weight, block by block: what the kernel that
// stores it (DenseGradients.cpp) and the one that updates by it
// (DenseUpdate.cpp) share, so that both make the same bits.
#pragma once

#include "compiler/Conversion/KernelsToCPU/MicroTile.h"
#include "runtime/schema/WeightForm.h"

#include <optional>

namespace tl::cpu {

/// A product summed over the rows of the batch: result (r, c) is the sum over n
/// of a[n, r] * w[n, c]. Panels: rows are k, columns m. Rows: the other way.
struct GradWeight {
  Value a, w, result;
  int64_t perPicture;           ///< terms of the sum: 1, or tokens
  int64_t rows, columns;        ///< also the strides of a and w
  int64_t rowStep, columnBlock; ///< of the result: from row to row, and from
                                ///< one 16 of columns to the next
  bool padded;                  ///< columns up to the next 16 are written, as 0
};

/// As the form of `dw` wants it; none for a canonical one.
std::optional<GradWeight> gradWeightOf(const Buffer &x, Value dy,
                                       const Buffer &dw);

/// A part of the sum: `count` terms from `first`.
struct Terms {
  Value first, count;
};
/// Sums longer than this are made of parts that are added in their order:
/// rounding grows with the length of a chain, and what the blocks of a tile
/// read of 128 rows stays in the cache.
inline constexpr int64_t kTerms = 128;

/// The parts of the sum, in order.
void forEachPart(KernelBuilder &b, const GradWeight &g,
                 llvm::function_ref<void(const Terms &)> body);

/// body(group, columns from its first to the last of all) for the groups of
/// `isa.columns` in [first, last); the narrower one at the end comes last.
void forEachGroup(KernelBuilder &b, const GradWeight &g, Value first,
                  Value last, llvm::function_ref<void(Value, int64_t)> body);

/// The vectors of a group that are written.
llvm::SmallVector<Column>
gradWeightColumns(KernelBuilder &b, const GradWeight &g, int64_t remaining);

/// The index of a group's first element of `row` in the result.
Value gradWeightPlace(KernelBuilder &b, const GradWeight &g, Value row,
                      Value group);

/// Where a block of sums goes: to the result, or to memory of its own.
struct BlockPlace {
  Value pointer;
  int64_t rowStep, columnBlock;

  int64_t offset(int64_t row, int64_t column) const {
    return row * rowStep + column / schema::kPanelWidth * columnBlock +
           column % schema::kPanelWidth;
  }
};

/// Adds a part of the sum to a block of `height` rows of one group; the first
/// part is stored.
void addGradWeightBlock(KernelBuilder &b, const GradWeight &g,
                        const Terms &terms, Value row, int64_t height,
                        Value group, int64_t remaining, const BlockPlace &to);

} // namespace tl::cpu
