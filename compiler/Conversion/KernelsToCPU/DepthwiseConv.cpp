// Parts of depthwise convolutions (ConvParts.h; one filter a channel, weights
// [KH, KW, 1, C]): channels are the lanes, several pixels of a row are computed
// at once so that a vector of weights serves all of them.
#include "compiler/Conversion/KernelsToCPU/ConvParts.h"
#include "compiler/Conversion/KernelsToCPU/MicroTile.h"
#include "compiler/Conversion/KernelsToCPU/VectorMath.h"
#include "llvm/Support/MathExtras.h"

namespace tl::cpu {

namespace {
/// Pointers to the block's first pixel, at the first of its channels.
struct Block {
  Value x, y, residual, weights, bias;
};
} // namespace

/// `pixels` outputs side by side, `lanes` channels.
static void emitBlock(KernelBuilder &b, const ConvPart &d, const Block &p,
                      int64_t pixels, int64_t lanes) {
  b.holdsBlock(pixels, lanes, lanes);
  Value initial = p.bias ? b.load(p.bias, lanes) : b.splat(0, lanes);
  Values acc(pixels, initial);
  if (d.hasTaps())
    acc = b.loop(
        b.constant(0), b.constant(d.tapRows.count), 1, acc,
        [&](Value row, mlir::ValueRange carried) {
          Values sums(carried);
          Value x = b.at(p.x, b.mul(row, d.tapRows.xStep));
          Value w = b.at(p.weights,
                         b.mul(row, d.tapRows.step * d.filterWidth * d.groups));
          for (int64_t k = 0; k < d.tapColumns.count; ++k) {
            Value weight =
                b.load(b.at(w, k * d.tapColumns.step * d.groups), lanes);
            for (int64_t i = 0; i < pixels; ++i) {
              int64_t offset = i * d.x.pixel + k * d.tapColumns.xStep;
              sums[i] = b.fma(b.load(b.at(x, offset), lanes), weight, sums[i]);
            }
          }
          return sums;
        });
  for (int64_t i = 0; i < pixels; ++i) {
    if (p.residual)
      acc[i] =
          b.addF(acc[i], b.load(b.at(p.residual, i * d.residual.pixel), lanes));
    b.store(activate(b, d.activation, acc[i]), b.at(p.y, i * d.y.pixel));
  }
}

/// One row of the part; pointers in `row` are to its first pixel.
static void emitRow(KernelBuilder &b, const ConvPart &d, const Block &row) {
  for (const RowRun &run : splitRows(d.width, b.isa().registers / 4))
    b.loop(run.start, run.start + run.rows * run.count, run.rows, [&](Value w) {
      b.forEachVector(d.groups, [&](Value channel, int64_t lanes) {
        auto add = [&](Value pointer, int64_t pixel) {
          return pointer ? b.at(b.at(pointer, b.mul(w, pixel)), channel)
                         : Value();
        };
        emitBlock(b, d,
                  {add(row.x, d.x.pixel), add(row.y, d.y.pixel),
                   add(row.residual, d.residual.pixel), add(row.weights, 0),
                   add(row.bias, 0)},
                  run.rows, lanes);
      });
    });
}

Grid emitDepthwiseParts(KernelBuilder &b, llvm::ArrayRef<ConvPart> parts,
                        const Buffer &result) {
  b.describe("depthwise, channels are the lanes");
  // A multiplication takes one or two loads here: about 100 microseconds.
  int64_t work = 0;
  for (const ConvPart &part : parts)
    work += part.work() * part.groups;
  RowTiles rows(result.height(), std::max<int64_t>(1, work / result.height()),
                1'000'000);
  RowTiles::Place place = rows.place(b);
  int64_t blocks = rows.grid().tiles;
  for (const ConvPart &d : parts) {
    int64_t height = llvm::divideCeil(d.height, blocks);
    Value begin = b.mul(b.rem(b.tile(), blocks), height);
    Value end = b.min(b.add(begin, height), b.constant(d.height));
    b.loop(begin, end, 1, [&](Value h) {
      auto at = [&](const PixelGrid &grid) {
        if (!grid.pointer)
          return Value();
        Value index = b.add(b.mul(place.picture, grid.picture), grid.start);
        return b.at(grid.pointer, b.add(index, b.mul(h, grid.row)));
      };
      emitRow(b, d,
              {at(d.x), at(d.y), at(d.residual),
               b.at(d.weights, d.firstTap() * d.groups), d.bias});
    });
  }
  b.zeroHalo(result, place.picture, place.begin, place.end);
  return rows.grid();
}

} // namespace tl::cpu
