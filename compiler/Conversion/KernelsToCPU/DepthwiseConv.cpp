// Depthwise convolution (one filter a channel, weights [KH, KW, 1, C]):
// channels are the lanes, several pixels of a row are computed at once so that
// a vector of weights serves all of them.
#include "compiler/Conversion/KernelsToCPU/Emitters.h"
#include "compiler/Conversion/KernelsToCPU/MicroTile.h"
#include "compiler/Conversion/KernelsToCPU/VectorMath.h"

namespace tl::cpu {

namespace {
struct Depthwise {
  Buffer x, y, residual;
  Value weights, bias;
  int64_t channels, kernelHeight, kernelWidth;
  int64_t strideW, dilationH, dilationW;
  nn::ActivationAttr activation;
};

/// Pointers to the block's first pixel, at the first of its channels.
struct Block {
  Value x, y, residual, weights, bias;
};
} // namespace

/// `pixels` outputs side by side, `lanes` channels.
static void emitBlock(KernelBuilder &b, const Depthwise &d, const Block &p,
                      int64_t pixels, int64_t lanes) {
  int64_t c = d.channels;
  Value initial = p.bias ? b.load(p.bias, lanes) : b.splat(0, lanes);
  Values acc(pixels, initial);
  acc = b.loop(b.constant(0), b.constant(d.kernelHeight), 1, acc,
               [&](Value kh, mlir::ValueRange carried) {
                 Values sums(carried);
                 Value x = b.at(p.x, b.mul(kh, d.dilationH * d.x.rowStride()));
                 Value w = b.at(p.weights, b.mul(kh, d.kernelWidth * c));
                 for (int64_t kw = 0; kw < d.kernelWidth; ++kw) {
                   Value weight = b.load(b.at(w, kw * c), lanes);
                   for (int64_t i = 0; i < pixels; ++i) {
                     int64_t column = i * d.strideW + kw * d.dilationW;
                     sums[i] = b.fma(b.load(b.at(x, column * c), lanes), weight,
                                     sums[i]);
                   }
                 }
                 return sums;
               });
  for (int64_t i = 0; i < pixels; ++i) {
    if (p.residual)
      acc[i] = b.addF(acc[i], b.load(b.at(p.residual, i * c), lanes));
    b.store(activate(b, d.activation, acc[i]), b.at(p.y, i * c));
  }
}

/// One row of the result; pointers in `row` are to its first pixel.
static void emitRow(KernelBuilder &b, const Depthwise &d, const Block &row) {
  int64_t c = d.channels;
  auto runs = splitRows(d.y.width(), b.isa().registers / 4);
  for (const RowRun &run : runs)
    b.loop(run.start, run.start + run.rows * run.count, run.rows, [&](Value w) {
      Value x = b.at(row.x, b.mul(w, d.strideW * c));
      Value out = b.mul(w, c);
      b.forEachVector(c, [&](Value channel, int64_t lanes) {
        auto add = [&](Value pointer, Value index) {
          return pointer ? b.at(b.at(pointer, index), channel) : Value();
        };
        Value none = b.constant(0);
        emitBlock(b, d,
                  {b.at(x, channel), add(row.y, out), add(row.residual, out),
                   add(row.weights, none), add(row.bias, none)},
                  run.rows, lanes);
      });
    });
}

llvm::FailureOr<Grid> emitDepthwiseConv(KernelBuilder &b,
                                        mlir::Operation *operation) {
  auto op = mlir::cast<nn::Conv2DOp>(operation);
  auto w = mlir::cast<mlir::RankedTensorType>(op.getFilter().getType());
  if (nn::formOf(w) != nn::WeightForm::Canonical)
    return op.emitOpError("needs a depthwise filter in canonical form");
  Depthwise d{b.buffer(op.getInput()),
              b.buffer(op.getResult()),
              b.bufferOrNone(op.getResidual()),
              b.buffer(op.getFilter()).pointer,
              b.bufferOrNone(op.getBias()).pointer,
              w.getDimSize(3),
              w.getDimSize(0),
              w.getDimSize(1),
              op.getStrides()[1],
              op.getDilations()[0],
              op.getDilations()[1],
              op.getActivationAttr()};
  if (failed(checkConvHalo(op, d.x, d.y)))
    return mlir::failure();

  // A multiplication takes one or two loads here: about 100 microseconds.
  RowTiles rows(d.y.height(),
                d.y.width() * d.channels * d.kernelHeight * d.kernelWidth,
                1'000'000);
  RowTiles::Place place = rows.place(b);
  int64_t xStart = d.x.offset(-op.getPads()[0], -op.getPads()[2]);
  Value x = b.at(d.x.pointer,
                 b.add(b.mul(place.picture, d.x.pictureStride()), xStart));
  Value zero = b.constant(0);
  b.loop(place.begin, place.end, 1, [&](Value h) {
    Block row;
    row.x = b.at(x, b.mul(h, op.getStrides()[0] * d.x.rowStride()));
    row.y = b.at(d.y.pointer, b.pixel(d.y, place.picture, h, zero));
    if (d.residual.pointer)
      row.residual =
          b.at(d.residual.pointer, b.pixel(d.residual, place.picture, h, zero));
    row.weights = d.weights;
    row.bias = d.bias;
    emitRow(b, d, row);
  });
  b.zeroHalo(d.y, place.picture, place.begin, place.end);
  return rows.grid();
}

} // namespace tl::cpu
