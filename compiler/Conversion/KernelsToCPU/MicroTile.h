// The heart of every matmul-like kernel: a block of the result held in
// registers, rows x vectors, to which a fixed sequence of products is added.
//
//   acc[r][v] += a[row r + step] * w[column v + step]
//
// One element of `a` is broadcast, one vector of `w` loaded. Each accumulator
// is one sum in the order of the steps, so that its bits do not depend on the
// block's size or place.
#pragma once

#include "compiler/Conversion/KernelsToCPU/KernelBuilder.h"

namespace tl::cpu {

/// One vector of columns.
struct Column {
  int64_t weight; ///< its offset from the pointer of the second operand
  int64_t output; ///< its first column, counted from the group's first
  int64_t active; ///< lanes that exist; the others are computed, never stored
};

/// The columns of one group of up to `isa.columns`, starting `remaining`
/// columns before the end, whose weights lie in 16-wide panels
/// `panelStride` elements apart.
llvm::SmallVector<Column> panelColumns(const Isa &isa, int64_t remaining,
                                       int64_t panelStride);
/// The same where the weights' columns are contiguous.
llvm::SmallVector<Column> plainColumns(const Isa &isa, int64_t remaining);

/// Rows of a block with that many vectors: as many accumulators as the
/// micro-tile of the ISA has, within reason.
int64_t blockRows(const Isa &isa, size_t vectors);

/// A run of blocks of equal height: `count` blocks of `rows`, from `start`.
struct RowRun {
  int64_t start, rows, count;
};
/// Covers [0, total) with blocks of at most `rows`, of two heights that differ
/// by one: no short block at the end.
llvm::SmallVector<RowRun, 2> splitRows(int64_t total, int64_t rows);

/// One loop of the sum, the outermost first: `count` rounds.
struct SumLoop {
  int64_t count; ///< 0: `dynamicCount`
  int64_t aStep; ///< elements of the first operand a round
  int64_t wStep; ///< elements of the second operand a round
  Value dynamicCount = nullptr;
};

class MicroTile {
public:
  /// `maskWeights`: lanes past `active` lie outside the second operand and
  /// must not be read (panels are padded, so theirs may).
  MicroTile(KernelBuilder &b, int64_t rows, int64_t rowStride,
            llvm::ArrayRef<Column> columns, bool maskWeights,
            int64_t weightAlignment);
  /// Rows anywhere: the offset of each from the first operand's pointer.
  MicroTile(KernelBuilder &b, llvm::ArrayRef<int64_t> rows,
            llvm::ArrayRef<Column> columns, bool maskWeights,
            int64_t weightAlignment);

  /// Starting values: the bias (pointer to the group's first column), or 0
  /// for a null pointer.
  Values start(Value bias);
  /// Adds the products of nested loops over `a` and `w`.
  Values add(Values accumulators, Value a, Value w,
             llvm::ArrayRef<SumLoop> loops);
  /// done(row, column, accumulator) for each.
  void finish(const Values &accumulators,
              llvm::function_ref<void(int64_t, const Column &, Value)> done);

private:
  /// Tells the builder of the block.
  void announce();
  Values nest(Values accumulators, Value a, Value w,
              llvm::ArrayRef<SumLoop> loops);
  Values step(Values accumulators, Value a, Value w);

  KernelBuilder &b_;
  llvm::SmallVector<int64_t> rows_; ///< the offset of each
  llvm::SmallVector<Column> columns_;
  bool maskWeights_;
  int64_t weightAlignment_;
};

} // namespace tl::cpu
