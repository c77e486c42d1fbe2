// Rows of a matrix in blocks of known height: rows whose number is known only
// at run time (pictures of a batch), and those of `[N, ..., K]` values, of
// which each picture has as many as tokens.
#pragma once

#include "compiler/Conversion/KernelsToCPU/KernelBuilder.h"

namespace tl::cpu {

/// body(first row, height): what is computed for a row must not depend on the
/// height. The heights' code is separate.
using RowBody = llvm::function_ref<void(Value first, int64_t height)>;

/// Blocks of `rows`, then one block of each power of two that the remainder
/// needs.
void forEachRowBlock(KernelBuilder &b, Value count, int64_t rows, RowBody body);

/// A known number of rows in blocks of two heights that differ by one, the
/// taller ones first: 65 rows in blocks of at most 14 are 5 blocks of 13.
class EvenBlocks {
public:
  EvenBlocks(int64_t rows, int64_t mostRows);

  int64_t count() const { return blocks_; }
  int64_t tallest() const { return low_ + (tall_ != 0); }
  /// The first row of a block, also of the one behind the last.
  Value firstRow(KernelBuilder &b, Value block) const;
  /// Blocks [begin, end).
  void forEach(KernelBuilder &b, Value begin, Value end, RowBody body) const;

private:
  int64_t blocks_, low_, tall_;
};

/// The rows of a `[N, ..., K]` value cut into tiles: whole pictures while they
/// have few rows, parts of one picture where they have many.
class MatrixRows {
public:
  /// The kernel's tiles are cut in `across` columns of tiles as well, which
  /// change faster.
  MatrixRows(const Buffer &value, int64_t across);

  int64_t perPicture() const { return perPicture_; }
  /// This tile's column.
  Value column(KernelBuilder &b) const { return b.rem(b.tile(), across_); }
  /// The rows of this tile, counted through the whole batch, in blocks of at
  /// most `rows`.
  void forEachBlock(KernelBuilder &b, int64_t rows, RowBody body) const;
  Grid grid(int64_t scratch = 0) const {
    return {0, pictures_, parts_ * across_, scratch};
  }

private:
  int64_t perPicture_, across_, pictures_, parts_;
};

} // namespace tl::cpu
