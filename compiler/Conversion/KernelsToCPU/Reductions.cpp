// nn.bias_grad: the sum over pictures and places, channel by channel. Rows are
// summed first, then the rows of a picture, then the pictures in their order:
// an order that only shapes fix. Tiles are blocks of channels; none shares a
// sum.
#include "compiler/Conversion/KernelsToCPU/Emitters.h"
#include "compiler/Conversion/KernelsToCPU/PictureTiles.h"

namespace tl::cpu {

namespace {
/// Adds term(index, zeros) over [begin, end), for each piece.
Values sumEach(KernelBuilder &b, Value end, llvm::ArrayRef<Piece> pieces,
               llvm::function_ref<Values(Value index)> term) {
  Values zeros;
  for (Piece piece : pieces)
    zeros.push_back(b.splat(0, piece.lanes));
  return b.loop(b.constant(0), end, 1, zeros,
                [&](Value i, mlir::ValueRange sums) {
                  Values next;
                  for (auto [sum, part] : llvm::zip(sums, term(i)))
                    next.push_back(b.addF(sum, part));
                  return next;
                });
}
} // namespace

llvm::FailureOr<Grid> emitBiasGrad(KernelBuilder &b, mlir::Operation *op) {
  auto gradient = mlir::cast<nn::BiasGradOp>(op);
  Buffer dy = b.buffer(gradient.getGradient());
  Buffer db = b.buffer(gradient.getResult());
  RowShape shape(dy);
  auto place = [&](Value row, Value w, llvm::ArrayRef<Piece> pieces) {
    Values loaded;
    for (Piece piece : pieces)
      loaded.push_back(
          b.load(b.at(row, b.add(b.mul(w, shape.channels), piece.offset)),
                 piece.lanes));
    return loaded;
  };
  auto reduce = [&](Value c, llvm::ArrayRef<Piece> pieces) {
    Value zero = b.constant(0);
    Values sums = sumEach(b, b.batch(), pieces, [&](Value n) {
      return sumEach(b, b.constant(shape.rows), pieces, [&](Value h) {
        Value row = b.at(dy.pointer, b.add(b.pixel(dy, n, h, zero), c));
        return sumEach(b, b.constant(shape.places), pieces,
                       [&](Value w) { return place(row, w, pieces); });
      });
    });
    for (auto [piece, sum] : llvm::zip(pieces, sums))
      b.store(sum, b.at(b.at(db.pointer, c), piece.offset));
  };
  // Two tiles for 64 channels, whose maps are the largest: one for each thread.
  return forEachChannelBlock(b, shape.channels, shape.channels > 64 ? 64 : 32,
                             reduce);
}

} // namespace tl::cpu
