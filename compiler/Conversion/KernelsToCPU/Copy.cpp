// What only moves values: nn.pad, nn.pad_channels, nn.reshape (also between
// layouts: a reshape to the same shape takes a value from one halo to another)
// and nn.concat.
#include "compiler/Conversion/KernelsToCPU/Emitters.h"
#include "compiler/Conversion/KernelsToCPU/PictureTiles.h"

#include <numeric>

namespace tl::cpu {

// Row oh of the result is all zero, or zeros, a row of the input, zeros.
llvm::FailureOr<Grid> emitPad(KernelBuilder &b, mlir::Operation *op) {
  auto pad = mlir::cast<nn::PadOp>(op);
  Buffer x = b.buffer(pad.getInput()), y = b.buffer(pad.getResult());
  int64_t top = pad.getPads()[0], left = pad.getPads()[2] * y.channels();
  int64_t right = pad.getPads()[3] * y.channels();
  int64_t inside = x.width() * x.channels();
  PictureTiles tiles(y.height(), y.width() * y.channels());
  tiles.forEach(b, [&](Value picture, Value begin, Value end) {
    Value zero = b.constant(0);
    b.loop(begin, end, 1, [&](Value oh) {
      Value to = b.at(y.pointer, b.pixel(y, picture, oh, zero));
      Value h = b.add(oh, -top);
      Value clipped = b.max(zero, b.min(h, b.constant(x.height() - 1)));
      auto copyRow = [&] {
        Value from = b.at(x.pointer, b.pixel(x, picture, h, zero));
        b.zero(to, left);
        copy(b, from, b.at(to, left), inside);
        b.zero(b.at(to, left + inside), right);
      };
      auto zeroRow = [&] { b.zero(to, y.width() * y.channels()); };
      b.when(b.compare(mlir::arith::CmpIPredicate::eq, h, clipped), copyRow,
             zeroRow);
    });
    b.zeroHalo(y, picture, begin, end);
  });
  return tiles.grid();
}

llvm::FailureOr<Grid> emitPadChannels(KernelBuilder &b, mlir::Operation *op) {
  auto pad = mlir::cast<nn::PadChannelsOp>(op);
  Buffer x = b.buffer(pad.getInput()), y = b.buffer(pad.getResult());
  int64_t before = int64_t(pad.getBefore()), channels = x.channels();
  return forEachRow(
      b, y, {x}, [&](Value to, llvm::ArrayRef<Value> from, int64_t) {
        b.loop(0, RowShape(y).places, 1, [&](Value w) {
          Value place = b.at(to, b.mul(w, y.channels()));
          b.zero(place, before);
          copy(b, b.at(from[0], b.mul(w, channels)), b.at(place, before),
               channels);
          b.zero(b.at(place, before + channels), int64_t(pad.getAfter()));
        });
      });
}

// Both sides are runs of elements in one piece: a row where there is a halo,
// the whole picture elsewhere. The greatest common divisor of the runs is
// moved at a time.
llvm::FailureOr<Grid> emitReshape(KernelBuilder &b, mlir::Operation *op) {
  auto reshape = mlir::cast<nn::ReshapeOp>(op);
  Buffer x = b.buffer(reshape.getInput()), y = b.buffer(reshape.getResult());
  RowShape in(x), out(y);
  int64_t picture = in.rows * in.rowElements();
  auto run = [&](const Buffer &buffer, const RowShape &shape) {
    return buffer.halo.any() ? shape.rowElements() : picture;
  };
  int64_t piece = std::gcd(run(x, in), run(y, out));
  // Where element `e` of picture `n` lies.
  auto place = [&](const Buffer &buffer, Value n, Value e) {
    Value base = b.mul(n, buffer.pictureStride());
    if (!buffer.halo.any())
      return b.at(buffer.pointer, b.add(base, e));
    int64_t row = buffer.width() * buffer.channels();
    Value index = b.add(b.mul(b.div(e, row), buffer.rowStride()),
                        b.add(b.rem(e, row), buffer.offset(0, 0)));
    return b.at(buffer.pointer, b.add(base, index));
  };
  PictureTiles tiles(picture / piece, piece);
  tiles.forEach(b, [&](Value n, Value begin, Value end) {
    b.loop(begin, end, 1, [&](Value i) {
      Value e = b.mul(i, piece);
      copy(b, place(x, n, e), place(y, n, e), piece);
    });
    if (y.halo.any())
      b.when(b.equal(begin, 0),
             [&] { b.zeroHalo(y, n, b.constant(0), b.constant(y.height())); });
  });
  return tiles.grid();
}

llvm::FailureOr<Grid> emitConcat(KernelBuilder &b, mlir::Operation *op) {
  auto concat = mlir::cast<nn::ConcatOp>(op);
  Buffer y = b.buffer(concat.getResult());
  llvm::SmallVector<Buffer> inputs;
  for (Value input : concat.getInputs())
    inputs.push_back(b.buffer(input));
  RowShape shape(y);
  return forEachRow(b, y, inputs,
                    [&](Value to, llvm::ArrayRef<Value> from, int64_t) {
                      b.loop(0, shape.places, 1, [&](Value w) {
                        Value place = b.at(to, b.mul(w, shape.channels));
                        int64_t offset = 0;
                        for (auto [input, row] : llvm::zip(inputs, from)) {
                          int64_t channels = input.channels();
                          copy(b, b.at(row, b.mul(w, channels)),
                               b.at(place, offset), channels);
                          offset += channels;
                        }
                      });
                    });
}

} // namespace tl::cpu
