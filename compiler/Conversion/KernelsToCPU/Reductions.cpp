// nn.bias_grad and the gradients of products with a factor a channel: sums over
// places, of one picture or of all, channel by channel. Rows are
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
/// What one place adds to the sums of some channels: dy, or dy x.
using Term = llvm::function_ref<Values(Value picture, Value h, Value w, Value c,
                                       llvm::ArrayRef<Piece> pieces)>;

Values loadPieces(KernelBuilder &b, const Buffer &x, Value picture, Value h,
                  Value w, Value c, llvm::ArrayRef<Piece> pieces) {
  Value zero = b.constant(0);
  Value at = b.add(b.pixel(x, picture, h, zero), b.mul(w, x.channels()));
  Value place = b.at(x.pointer, b.add(at, c));
  Values loaded;
  for (Piece piece : pieces)
    loaded.push_back(b.load(b.at(place, piece.offset), piece.lanes));
  return loaded;
}

/// dy x of a place.
Values productPieces(KernelBuilder &b, const Buffer &dy, const Buffer &x,
                     Value picture, Value h, Value w, Value c,
                     llvm::ArrayRef<Piece> pieces) {
  Values products = loadPieces(b, dy, picture, h, w, c, pieces);
  for (auto [product, other] :
       llvm::zip(products, loadPieces(b, x, picture, h, w, c, pieces)))
    product = b.mulF(product, other);
  return products;
}

/// The sums over one picture: its rows, each summed first.
Values sumPicture(KernelBuilder &b, const RowShape &shape, Value picture,
                  Value c, llvm::ArrayRef<Piece> pieces, Term term) {
  return sumEach(b, b.constant(shape.rows), pieces, [&](Value h) {
    return sumEach(b, b.constant(shape.places), pieces,
                   [&](Value w) { return term(picture, h, w, c, pieces); });
  });
}

void storePieces(KernelBuilder &b, Value to, Value c, const Values &sums,
                 llvm::ArrayRef<Piece> pieces) {
  for (auto [piece, sum] : llvm::zip(pieces, sums))
    b.store(sum, b.at(b.at(to, c), piece.offset));
}

/// The sums over the whole batch into `to`. Two tiles for 64 channels, whose
/// maps are the largest: one for each thread.
Grid sumBatch(KernelBuilder &b, const RowShape &shape, Value to, Term term) {
  return forEachChannelBlock(
      b, shape.channels, shape.channels > 64 ? 64 : 32,
      [&](Value c, llvm::ArrayRef<Piece> pieces) {
        Values sums = sumEach(b, b.batch(), pieces, [&](Value n) {
          return sumPicture(b, shape, n, c, pieces, term);
        });
        storePieces(b, to, c, sums, pieces);
      });
}
} // namespace

llvm::FailureOr<Grid> emitBiasGrad(KernelBuilder &b, mlir::Operation *op) {
  auto gradient = mlir::cast<nn::BiasGradOp>(op);
  Buffer dy = b.buffer(gradient.getGradient());
  Value db = b.buffer(gradient.getResult()).pointer;
  return sumBatch(
      b, RowShape(dy), db,
      [&](Value n, Value h, Value w, Value c, llvm::ArrayRef<Piece> pieces) {
        return loadPieces(b, dy, n, h, w, c, pieces);
      });
}

llvm::FailureOr<Grid> emitScaleChannelsGrad(KernelBuilder &b,
                                            mlir::Operation *op) {
  auto gradient = mlir::cast<nn::ScaleChannelsGradOp>(op);
  Buffer dy = b.buffer(gradient.getGradient());
  Buffer x = b.buffer(gradient.getInput());
  Value ds = b.buffer(gradient.getResult()).pointer;
  return sumBatch(
      b, RowShape(dy), ds,
      [&](Value n, Value h, Value w, Value c, llvm::ArrayRef<Piece> pieces) {
        return productPieces(b, dy, x, n, h, w, c, pieces);
      });
}

llvm::FailureOr<Grid> emitMultiplyGradGate(KernelBuilder &b,
                                           mlir::Operation *op) {
  auto gradient = mlir::cast<nn::MultiplyGradGateOp>(op);
  Buffer dy = b.buffer(gradient.getGradient());
  Buffer x = b.buffer(gradient.getInput());
  Buffer gate = b.buffer(gradient.getResult());
  RowShape shape(dy);
  auto term = [&](Value n, Value h, Value w, Value c,
                  llvm::ArrayRef<Piece> pieces) {
    return productPieces(b, dy, x, n, h, w, c, pieces);
  };
  return forEachChannelBlock(
      b, shape.channels, 64, [&](Value c, llvm::ArrayRef<Piece> pieces) {
        Value zero = b.constant(0);
        b.loop(zero, b.batch(), 1, [&](Value n) {
          b.when(b.equal(c, 0),
                 [&] { b.zeroHalo(gate, n, zero, b.constant(1)); });
          Value to = b.at(gate.pointer, b.pixel(gate, n, zero, zero));
          storePieces(b, to, c, sumPicture(b, shape, n, c, pieces, term),
                      pieces);
        });
      });
}

} // namespace tl::cpu
