// nn.conv2d_grad_filter of one filter a channel: dw[kh, kw, c] is the sum over
// pixels of x[h, w, c] dy[y, x, c]. Channels are the lanes; a tile owns some
// vectors of them and one row of taps, so that a vector of dy serves all of
// these. Rows are summed first, then those of a picture, then pictures.
#include "compiler/Conversion/KernelsToCPU/ConvParts.h"
#include "compiler/Conversion/KernelsToCPU/Emitters.h"
#include "compiler/Conversion/KernelsToCPU/PictureTiles.h"
#include "llvm/Support/MathExtras.h"

namespace tl::cpu {

namespace {
struct DepthwiseFilter {
  PixelGrid x, dy; ///< x at the tile's first tap of the first pixel
  int64_t height, width, taps, tapPixel;
};
} // namespace

/// Adds the values of term(index, sums so far from zero) over [0, count).
static Values sumUp(KernelBuilder &b, Value count, const Values &zeros,
                    llvm::function_ref<Values(Value)> term) {
  return b.loop(b.constant(0), count, 1, zeros,
                [&](Value i, mlir::ValueRange sums) {
                  Values next;
                  for (auto [sum, part] : llvm::zip(sums, term(i)))
                    next.push_back(b.addF(sum, part));
                  return next;
                });
}

/// The taps of one row of the filter for `pieces` of the channels; pointers
/// are at the first of these.
static void emitTaps(KernelBuilder &b, const DepthwiseFilter &d, Value x,
                     Value dy, Value dw, int64_t channels,
                     llvm::ArrayRef<Piece> pieces) {
  Values zeros;
  for (int64_t k = 0; k < d.taps; ++k)
    for (Piece piece : pieces)
      zeros.push_back(b.splat(0, piece.lanes));
  auto row = [&](Value x, Value dy) {
    return b.loop(b.constant(0), b.constant(d.width), 1, zeros,
                  [&](Value w, mlir::ValueRange carried) {
                    Values sums(carried);
                    Value xPixel = b.at(x, b.mul(w, d.x.pixel));
                    Value dyPixel = b.at(dy, b.mul(w, d.dy.pixel));
                    for (auto [p, piece] : llvm::enumerate(pieces)) {
                      Value gradient =
                          b.load(b.at(dyPixel, piece.offset), piece.lanes);
                      for (int64_t k = 0; k < d.taps; ++k) {
                        Value &sum = sums[k * pieces.size() + p];
                        int64_t offset = k * d.tapPixel + piece.offset;
                        sum = b.fma(b.load(b.at(xPixel, offset), piece.lanes),
                                    gradient, sum);
                      }
                    }
                    return sums;
                  });
  };
  Values sums = sumUp(b, b.batch(), zeros, [&](Value n) {
    Value xMap = b.at(x, b.mul(n, d.x.picture));
    Value dyMap = b.at(dy, b.mul(n, d.dy.picture));
    return sumUp(b, b.constant(d.height), zeros, [&](Value h) {
      return row(b.at(xMap, b.mul(h, d.x.row)),
                 b.at(dyMap, b.mul(h, d.dy.row)));
    });
  });
  for (int64_t k = 0; k < d.taps; ++k)
    for (auto [p, piece] : llvm::enumerate(pieces))
      b.store(sums[k * pieces.size() + p],
              b.at(dw, k * channels + piece.offset));
}

/// `channels` as whole vectors, then one of each power of two that is left.
static llvm::SmallVector<Piece> piecesOf(int64_t channels, int64_t lanes) {
  llvm::SmallVector<Piece> pieces;
  for (int64_t at = 0; at < channels;)
    if (channels - at >= lanes) {
      pieces.push_back({at, lanes});
      at += lanes;
    } else {
      lanes /= 2;
    }
  return pieces;
}

Grid emitDepthwiseGradFilter(KernelBuilder &b, nn::Conv2DGradFilterOp op) {
  Buffer x = b.buffer(op.getInput()), dy = b.buffer(op.getGradient());
  Buffer dw = b.buffer(op.getResult());
  auto strides = op.getStrides(), dilations = op.getDilations();
  int64_t channels = dy.channels();
  DepthwiseFilter d{
      pixelGrid(x, -op.getPads()[0], -op.getPads()[2], strides[0], strides[1]),
      pixelGrid(dy),
      dy.height(),
      dy.width(),
      dw.type.getDimSize(1),
      dilations[1] * channels};
  // As many vectors as there are registers for their sums.
  int64_t vectors =
      std::clamp<int64_t>((b.isa().registers - 2) / (d.taps + 1), 1, 4);
  b.describe("depthwise, a row of taps in registers, whole batch");
  b.holdsBlock(d.taps, b.lanes(), std::min(b.lanes(), channels));
  int64_t block = std::min(vectors * b.lanes(), channels);
  int64_t blocks = llvm::divideCeil(channels, block);
  int64_t rest = channels - (blocks - 1) * block;
  Value index = b.rem(b.tile(), blocks), kh = b.div(b.tile(), blocks);
  Value first = b.mul(index, block);
  Value xTap = b.mul(kh, dilations[0] * x.rowStride());
  Value xFrom = b.at(d.x.pointer, b.add(b.add(first, xTap), d.x.start));
  Value dyFrom = b.at(d.dy.pointer, b.add(first, d.dy.start));
  Value to = b.at(dw.pointer, b.add(b.mul(kh, d.taps * channels), first));
  auto emit = [&](int64_t size) {
    emitTaps(b, d, xFrom, dyFrom, to, channels, piecesOf(size, b.lanes()));
  };
  if (rest == block)
    emit(block);
  else
    b.when(
        b.equal(index, blocks - 1), [&] { emit(rest); }, [&] { emit(block); });
  return Grid{blocks * dw.type.getDimSize(0), 1, 0, 0};
}

} // namespace tl::cpu
