// See the header.
#include "compiler/Conversion/KernelsToCPU/RowBlocks.h"

#include "llvm/Support/MathExtras.h"

namespace tl::cpu {

void forEachRowBlock(KernelBuilder &b, Value count, int64_t rows,
                     RowBody body) {
  Value done = b.mul(b.div(count, rows), rows);
  b.loop(b.constant(0), done, rows, [&](Value row) { body(row, rows); });
  if (rows == 1)
    return;
  for (int64_t height = llvm::PowerOf2Ceil(rows) / 2; height; height /= 2) {
    Value fits = b.compare(mlir::arith::CmpIPredicate::sge, b.sub(count, done),
                           b.constant(height));
    b.when(fits, [&] { body(done, height); });
    done = b.add(done, b.select(fits, b.constant(height), b.constant(0)));
  }
}

EvenBlocks::EvenBlocks(int64_t rows, int64_t mostRows)
    : blocks_(llvm::divideCeil(rows, mostRows)), low_(rows / blocks_),
      tall_(rows % blocks_) {}

Value EvenBlocks::firstRow(KernelBuilder &b, Value block) const {
  return b.add(b.mul(block, low_), b.min(block, b.constant(tall_)));
}

void EvenBlocks::forEach(KernelBuilder &b, Value begin, Value end,
                         RowBody body) const {
  Value tall = b.constant(tall_);
  if (tall_)
    b.loop(begin, b.min(end, tall), 1,
           [&](Value block) { body(b.mul(block, low_ + 1), low_ + 1); });
  b.loop(b.max(begin, tall), end, 1,
         [&](Value block) { body(b.add(b.mul(block, low_), tall_), low_); });
}

/// A group of columns of the weights is read from memory once for about this
/// many rows, and no tile has more than four times as many.
static constexpr int64_t kTileRows = 64;
/// With fewer rows a picture, blocks go across pictures.
static constexpr int64_t kFewRows = 16;

MatrixRows::MatrixRows(const Buffer &value, int64_t across)
    : perPicture_(value.storage.elements / value.channels()), across_(across),
      pictures_(std::max<int64_t>(1, kTileRows / perPicture_)),
      parts_(llvm::divideCeil(perPicture_, 4 * kTileRows)) {}

void MatrixRows::forEachBlock(KernelBuilder &b, int64_t rows,
                              RowBody body) const {
  Value place = b.div(b.tile(), across_), part = b.rem(place, parts_);
  Value first = b.mul(b.div(place, parts_), pictures_);
  Value last = b.min(b.add(first, pictures_), b.batch());
  if (perPicture_ < kFewRows) {
    // 8 rows: a batch of 32 then has no short block.
    Value begin = b.mul(first, perPicture_);
    forEachRowBlock(
        b, b.sub(b.mul(last, perPicture_), begin), std::min<int64_t>(8, rows),
        [&](Value row, int64_t height) { body(b.add(begin, row), height); });
    return;
  }
  EvenBlocks blocks(perPicture_, rows);
  int64_t share = llvm::divideCeil(blocks.count(), parts_);
  Value begin = b.mul(part, share);
  Value end = b.min(b.add(begin, share), b.constant(blocks.count()));
  b.loop(first, last, 1, [&](Value picture) {
    Value start = b.mul(picture, perPicture_);
    blocks.forEach(b, begin, end, [&](Value row, int64_t height) {
      body(b.add(start, row), height);
    });
  });
}

} // namespace tl::cpu
