// nn.activation: an elementwise function, row by row, so that input and output
// may have different halos. Also the shortest example of an emitter.
#include "compiler/Conversion/KernelsToCPU/Emitters.h"
#include "compiler/Conversion/KernelsToCPU/VectorMath.h"

namespace tl::cpu {

llvm::FailureOr<Grid> emitActivation(KernelBuilder &b, mlir::Operation *op) {
  auto activation = mlir::cast<nn::ActivationOp>(op);
  Buffer x = b.buffer(activation.getInput());
  Buffer y = b.buffer(activation.getResult());
  int64_t rowElements = y.width() * y.channels();
  RowTiles rows(y.height(), rowElements, 16384);
  RowTiles::Place place = rows.place(b);
  b.loop(place.begin, place.end, 1, [&](Value h) {
    Value from = b.at(x.pointer, b.pixel(x, place.picture, h, b.constant(0)));
    Value to = b.at(y.pointer, b.pixel(y, place.picture, h, b.constant(0)));
    b.forEachVector(rowElements, [&](Value i, int64_t lanes) {
      Value v = b.load(b.at(from, i), lanes);
      b.store(activate(b, activation.getActivation(), v), b.at(to, i));
    });
  });
  b.zeroHalo(y, place.picture, place.begin, place.end);
  return rows.grid();
}

} // namespace tl::cpu
