// nn.prepend_token, nn.add_position and the gradient of the latter's position,
// nn.batch_sum: a value of the model before or added to that of each picture.
#include "compiler/Conversion/KernelsToCPU/Emitters.h"
#include "compiler/Conversion/KernelsToCPU/PictureTiles.h"
#include "llvm/Support/MathExtras.h"

namespace tl::cpu {

llvm::FailureOr<Grid> emitPrependToken(KernelBuilder &b, mlir::Operation *op) {
  auto prepend = mlir::cast<nn::PrependTokenOp>(op);
  Buffer x = b.buffer(prepend.getInput()), y = b.buffer(prepend.getResult());
  Value token = b.buffer(prepend.getToken()).pointer;
  int64_t channels = y.channels(), tokens = y.type.getDimSize(1);
  PictureTiles tiles(tokens, channels);
  tiles.forEach(b, [&](Value picture, Value begin, Value end) {
    Value to = b.at(y.pointer, b.mul(picture, y.pictureStride()));
    Value from = b.at(x.pointer, b.mul(picture, x.pictureStride()));
    b.when(b.equal(begin, 0), [&] { copy(b, token, to, channels); });
    b.loop(b.max(begin, b.constant(1)), end, 1, [&](Value t) {
      copy(b, b.at(from, b.mul(b.add(t, -1), channels)),
           b.at(to, b.mul(t, channels)), channels);
    });
  });
  return tiles.grid();
}

llvm::FailureOr<Grid> emitAddPosition(KernelBuilder &b, mlir::Operation *op) {
  auto add = mlir::cast<nn::AddPositionOp>(op);
  Buffer x = b.buffer(add.getInput()), y = b.buffer(add.getResult());
  Value position = b.buffer(add.getPosition()).pointer;
  RowShape shape(y);
  PictureTiles tiles(shape.rows, shape.rowElements());
  tiles.forEach(b, [&](Value picture, Value begin, Value end) {
    b.loop(begin, end, 1, [&](Value h) {
      Value zero = b.constant(0);
      Value from = b.at(x.pointer, b.pixel(x, picture, h, zero));
      Value to = b.at(y.pointer, b.pixel(y, picture, h, zero));
      Value other = b.at(position, b.mul(h, shape.rowElements()));
      b.forEachVector(shape.rowElements(), [&](Value i, int64_t lanes) {
        b.store(
            b.addF(b.load(b.at(from, i), lanes), b.load(b.at(other, i), lanes)),
            b.at(to, i));
      });
    });
    b.zeroHalo(y, picture, begin, end);
  });
  return tiles.grid();
}

// Tiles are blocks of a row; each sums its elements over the pictures, in their
// order.
llvm::FailureOr<Grid> emitBatchSum(KernelBuilder &b, mlir::Operation *op) {
  auto sum = mlir::cast<nn::BatchSumOp>(op);
  Buffer dy = b.buffer(sum.getGradient());
  Value result = b.buffer(sum.getResult()).pointer;
  RowShape shape(dy);
  int64_t block = 2048, blocks = llvm::divideCeil(shape.rowElements(), block);
  int64_t rest = shape.rowElements() - (blocks - 1) * block;
  Value h = b.div(b.tile(), blocks), within = b.rem(b.tile(), blocks);
  Value start = b.mul(within, block);
  Value row = b.at(dy.pointer, b.pixel(dy, b.constant(0), h, b.constant(0)));
  Value to = b.at(result, b.mul(h, shape.rowElements()));
  auto sumPieces = [&](Value i, llvm::ArrayRef<Piece> pieces) {
    Values zeros;
    for (Piece piece : pieces)
      zeros.push_back(b.splat(0, piece.lanes));
    auto addPicture = [&](Value n, mlir::ValueRange carried) {
      Value from = b.at(b.at(row, b.mul(n, dy.pictureStride())), i);
      Values sums;
      for (auto [piece, before] : llvm::zip(pieces, carried))
        sums.push_back(
            b.addF(before, b.load(b.at(from, piece.offset), piece.lanes)));
      return sums;
    };
    Values sums = b.loop(b.constant(0), b.batch(), 1, zeros, addPicture);
    for (auto [piece, value] : llvm::zip(pieces, sums))
      b.store(value, b.at(b.at(to, i), piece.offset));
  };
  auto sumBlock = [&](int64_t elements) {
    forEachBlock(b, elements, [&](Value i, llvm::ArrayRef<Piece> pieces) {
      sumPieces(b.add(start, i), pieces);
    });
  };
  if (blocks == 1 || rest == block)
    sumBlock(rest);
  else
    b.when(
        b.equal(within, blocks - 1), [&] { sumBlock(rest); },
        [&] { sumBlock(block); });
  b.describe("vectors, a block of channels a tile, whole batch");
  return Grid{shape.rows * blocks, 1, 0, 0};
}

} // namespace tl::cpu
