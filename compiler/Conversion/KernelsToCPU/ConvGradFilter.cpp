// nn.conv2d_grad_filter: row (kh, kw, i), column o of dw is the sum over the
// pixels of dy of x[h, w, i] dy[y, x, o]. The micro-tile's rows are rows of dw
// (neighbouring input channels), its columns output channels, its sum runs over
// pixels. Pixels are taken in blocks whose part of x and dy stays in the
// second-level cache while all rows of the tile are added; wide values, whose
// pixels lie far apart, are packed into scratch first. Tiles own disjoint parts
// of dw, and the sum over a block starts from zero before it joins the sum in
// dw, so that long sums round little.
#include "compiler/Conversion/KernelsToCPU/ConvGradFilterPlan.h"
#include "compiler/Conversion/KernelsToCPU/Emitters.h"
#include "compiler/Conversion/KernelsToCPU/MicroTile.h"
#include "dialects/NN/Reach.h"
#include "runtime/schema/WeightForm.h"
#include "llvm/Support/MathExtras.h"

namespace tl::cpu {

using schema::kPanelWidth;

namespace {
/// What a tile works on: a block of the sum, and its operands there.
struct Sum {
  Value pictures, rows; ///< counts
  Value first;          ///< true for the first block of the sum
  PixelGrid x, dy;
};
} // namespace

// ---------------------------------------------------------------- packing

/// Packs one group of columns of dy: [picture][row][pixel][columns].
static PixelGrid packDy(KernelBuilder &b, const GradFilter &g,
                        const GradFilterPlan &plan, const Sum &sum, Value from,
                        Value to, int64_t remaining) {
  int64_t columns = b.isa().columns;
  PixelGrid packed{to, 0, plan.block.rows * g.width * columns,
                   g.width * columns, columns};
  b.loop(b.constant(0), sum.pictures, 1, [&](Value n) {
    b.loop(b.constant(0), sum.rows, 1, [&](Value h) {
      Value source =
          b.at(from, b.add(b.mul(n, g.dy.picture), b.mul(h, g.dy.row)));
      Value row =
          b.at(to, b.add(b.mul(n, packed.picture), b.mul(h, packed.row)));
      b.loop(0, g.width, 1, [&](Value w) {
        for (const Column &c : plainColumns(b.isa(), remaining))
          b.store(b.loadPart(b.at(b.at(source, b.mul(w, g.dy.pixel)), c.output),
                             b.lanes(), c.active),
                  b.at(b.at(row, b.mul(w, columns)), c.output));
      });
    });
  });
  return packed;
}

/// Packs the channels of one block of rows: [picture][row][pixel][channels],
/// all pixels that the block's windows reach. Gives x as the sum sees it.
static PixelGrid packX(KernelBuilder &b, const GradFilter &g,
                       const GradFilterPlan &plan, const Sum &sum, Value from,
                       Value to, int64_t height) {
  int64_t pixel = plan.xPixel, row = plan.xWidth * pixel;
  int64_t sourceRow = g.tapRow / g.dilationH * plan.xStepH;
  int64_t sourcePixel = g.tapPixel / g.dilationW * plan.xStepW;
  Value rows = b.add(b.mul(b.add(sum.rows, -1), g.strideH / plan.xStepH),
                     (g.kernelH - 1) * g.dilationH + 1);
  b.loop(b.constant(0), sum.pictures, 1, [&](Value n) {
    b.loop(b.constant(0), rows, 1, [&](Value h) {
      Value source =
          b.at(from, b.add(b.mul(n, g.x.picture), b.mul(h, sourceRow)));
      Value target =
          b.at(to, b.add(b.mul(n, plan.xHeight * row), b.mul(h, row)));
      b.loop(0, plan.xWidth, 1, [&](Value w) {
        for (int64_t c = 0; c < height; c += b.lanes())
          b.store(b.loadPart(b.at(b.at(source, b.mul(w, sourcePixel)), c),
                             b.lanes(), std::min(b.lanes(), height - c)),
                  b.at(b.at(target, b.mul(w, pixel)), c));
      });
    });
  });
  return {to, 0, plan.xHeight * row, g.strideH / plan.xStepH * row,
          g.strideW / plan.xStepW * pixel};
}

// ---------------------------------------------------------------- the sum

/// `blocks.height` rows of one tap and one group of columns: the sum over the
/// block joins what `out`, the first row and column, holds.
static void emitBlock(KernelBuilder &b, const GradFilter &g,
                      const GradFilterPlan &plan, const Sum &sum,
                      llvm::ArrayRef<int64_t> rows, Value x, Value dy,
                      Value out, int64_t remaining) {
  int64_t lanes = b.lanes();
  auto columns = plainColumns(b.isa(), remaining);
  MicroTile tile(b, rows, columns, /*maskWeights=*/!plan.packDy,
                 /*weightAlignment=*/4);
  bool onePicture = plan.block.pictures == 1;
  bool wholeRows = plan.block.rows == g.height;
  Values acc = tile.add(
      tile.start(nullptr), x, dy,
      {{onePicture ? 1 : 0, sum.x.picture, sum.dy.picture, sum.pictures},
       {wholeRows ? g.height : 0, sum.x.row, sum.dy.row, sum.rows},
       {g.width, sum.x.pixel, sum.dy.pixel}});
  Value none = b.splat(0, lanes);
  tile.finish(acc, [&](int64_t r, const Column &c, Value part) {
    auto place = [&](int64_t column) {
      int64_t offset = g.groups == 1 ? column / kPanelWidth * g.panel() +
                                           column % kPanelWidth
                                     : column;
      return b.at(out, r * g.rowStep() + offset);
    };
    Value prior = b.loadPart(place(c.output), lanes, c.active);
    part = b.addF(b.select(sum.first, none, prior), part);
    if (g.groups == 1 && c.active < lanes)
      b.store(none, place(c.output));
    b.storePart(part, place(c.output), c.active);
    if (g.groups == 1 && c.output == columns.back().output)
      for (int64_t pad = c.output + lanes; pad % kPanelWidth; pad += lanes)
        b.store(none, place(pad));
  });
}

/// One block of rows, all its taps, for the groups of columns [first, last).
/// `row` is the first of its rows at the first tap.
static void emitRows(KernelBuilder &b, const GradFilter &g,
                     const GradFilterPlan &plan, const Sum &sum,
                     const RowBlocks &blocks, Value row, Value out, Value first,
                     Value last) {
  int64_t columns = b.isa().columns, whole = g.outputs / columns;
  int64_t tapRow =
      plan.packX ? plan.xWidth * plan.xPixel * g.dilationH : g.tapRow;
  int64_t tapPixel = plan.packX ? plan.xPixel * g.dilationW : g.tapPixel;
  llvm::SmallVector<int64_t> offsets;
  for (int64_t offset : blocks.x)
    offsets.push_back(plan.packX ? offset - blocks.x[0] : offset);
  auto group = [&](Value index, int64_t remaining) {
    Value dy = b.at(sum.dy.pointer,
                    plan.packDy ? b.mul(b.sub(index, first),
                                        plan.block.pictures * sum.dy.picture)
                                : b.mul(index, columns));
    Value column = b.at(
        out, g.groups == 1 ? b.mul(index, columns / kPanelWidth * g.panel())
                           : b.mul(index, columns));
    b.loop(0, plan.tapsH, 1, [&](Value kh) {
      b.loop(0, plan.tapsW, 1, [&](Value kw) {
        Value tap = b.add(b.mul(kh, g.kernelW), kw);
        Value at = b.add(b.mul(tap, g.inputs), row);
        emitBlock(
            b, g, plan, sum, offsets,
            b.at(sum.x.pointer, b.add(b.mul(kh, tapRow), b.mul(kw, tapPixel))),
            dy, b.at(column, b.mul(at, g.rowStep())), remaining);
      });
    });
  };
  if (whole)
    b.loop(first, b.min(last, b.constant(whole)), 1,
           [&](Value index) { group(index, columns); });
  if (int64_t rest = g.outputs - whole * columns)
    b.when(b.less(b.constant(whole), last),
           [&] { group(b.constant(whole), rest); });
}

namespace {
/// What one tile owns, with pointers to its group of the convolution.
struct Share {
  Value x, dy, dw;
  Value firstRows, lastRows, firstColumns, lastColumns;
};
} // namespace

/// Adds one block of the sum to everything that the tile owns.
static void emitSumBlock(KernelBuilder &b, const GradFilter &g,
                         const GradFilterPlan &plan, const Share &share,
                         Sum sum) {
  int64_t columns = b.isa().columns, whole = g.outputs / columns;
  int64_t groupSize = plan.block.pictures * plan.block.rows * g.width * columns;
  Value xScratch =
      b.at(b.scratch(), plan.packDy ? plan.columnsPerTile * groupSize : 0);
  if (plan.packDy) {
    Value from = sum.dy.pointer;
    auto pack = [&](Value index, int64_t remaining) {
      Value to =
          b.at(b.scratch(), b.mul(b.sub(index, share.firstColumns), groupSize));
      sum.dy = packDy(b, g, plan, sum, b.at(from, b.mul(index, columns)), to,
                      remaining);
    };
    if (whole)
      b.loop(share.firstColumns, b.min(share.lastColumns, b.constant(whole)), 1,
             [&](Value index) { pack(index, columns); });
    if (int64_t rest = g.outputs - whole * columns)
      b.when(b.less(b.constant(whole), share.lastColumns),
             [&] { pack(b.constant(whole), rest); });
    sum.dy.pointer = b.scratch();
  }
  for (const RowBlocks &blocks : plan.rows) {
    Value first = b.max(share.firstRows, b.constant(blocks.first));
    Value last = b.min(share.lastRows, b.constant(blocks.first + blocks.count));
    b.loop(first, last, 1, [&](Value block) {
      Value step = b.mul(b.sub(block, b.constant(blocks.first)), blocks.height);
      Sum here = sum;
      here.x.pointer = b.at(sum.x.pointer, step);
      if (plan.packX)
        here.x = packX(b, g, plan, sum, b.at(here.x.pointer, blocks.x[0]),
                       xScratch, blocks.height);
      emitRows(b, g, plan, here, blocks, b.add(step, blocks.row), share.dw,
               share.firstColumns, share.lastColumns);
    });
  }
}

static Grid emitTiles(KernelBuilder &b, const GradFilter &g,
                      const GradFilterPlan &plan) {
  b.describe(llvm::Twine("a matrix product, summed over pixels") +
             (plan.packX ? ", x packed" : "") +
             (plan.packDy ? ", dy packed" : ""));
  int64_t rowTiles = plan.rowTiles(), columnTiles = plan.columnTiles();
  Value rowTile = b.rem(b.tile(), rowTiles);
  Value columnTile = b.rem(b.div(b.tile(), rowTiles), columnTiles);
  Value group = b.div(b.tile(), rowTiles * columnTiles);
  Share share;
  share.x = b.at(g.x.pointer, b.add(b.mul(group, g.inputs), g.x.start));
  share.dy = b.at(g.dy.pointer, b.add(b.mul(group, g.outputs), g.dy.start));
  share.dw = b.at(g.dw, b.mul(group, g.outputs));
  share.firstRows = b.mul(rowTile, plan.rowsPerTile);
  share.lastRows = b.min(b.add(share.firstRows, plan.rowsPerTile),
                         b.constant(plan.rowBlocks));
  share.firstColumns = b.mul(columnTile, plan.columnsPerTile);
  share.lastColumns = b.min(b.add(share.firstColumns, plan.columnsPerTile),
                            b.constant(plan.columnGroups));
  Value zero = b.constant(0), height = b.constant(g.height);
  SumBlock size = plan.block;
  b.loop(zero, b.batch(), size.pictures, [&](Value n) {
    b.loop(zero, height, size.rows, [&](Value h) {
      Sum sum;
      sum.pictures = size.pictures == 1 ? b.constant(1)
                                        : b.min(b.constant(size.pictures),
                                                b.sub(b.batch(), n));
      sum.rows = b.min(b.constant(size.rows), b.sub(height, h));
      sum.first = b.equal(b.add(n, h), 0);
      auto at = [&](PixelGrid grid, Value pointer) {
        Value index = b.add(b.mul(n, grid.picture), b.mul(h, grid.row));
        grid.pointer = b.at(pointer, index);
        return grid;
      };
      sum.x = at(g.x, share.x);
      sum.dy = at(g.dy, share.dy);
      emitSumBlock(b, g, plan, share, sum);
    });
  });
  int64_t pixels = size.pictures * size.rows * g.width;
  int64_t scratch =
      (plan.packDy ? plan.columnsPerTile * pixels * b.isa().columns : 0) +
      (plan.packX ? size.pictures * plan.xHeight * plan.xWidth * plan.xPixel
                  : 0);
  return {rowTiles * columnTiles * g.groups, 1, 0,
          int64_t(llvm::alignTo(scratch * 4, 64))};
}

llvm::FailureOr<Grid> emitConv2DGradFilter(KernelBuilder &b,
                                           mlir::Operation *operation) {
  auto op = mlir::cast<nn::Conv2DGradFilterOp>(operation);
  Buffer x = b.buffer(op.getInput()), dy = b.buffer(op.getGradient());
  Buffer dw = b.buffer(op.getResult());
  if (failed(checkHalo(op, x, nn::reachOf(op))))
    return mlir::failure();
  int64_t groups = op.getGroups();
  bool panels = nn::formOf(dw.type) == nn::WeightForm::Panels;
  if (panels != (groups == 1))
    return op.emitOpError("needs its result as #nn.form<panels>, or in "
                          "canonical form where it has more than one group");
  if (groups != 1 && groups == x.channels() && groups == dy.channels())
    return emitDepthwiseGradFilter(b, op);
  auto strides = op.getStrides(), dilations = op.getDilations();
  GradFilter g;
  g.x =
      pixelGrid(x, -op.getPads()[0], -op.getPads()[2], strides[0], strides[1]);
  g.dy = pixelGrid(dy);
  g.dw = dw.pointer;
  g.groups = groups;
  g.inputs = x.channels() / groups;
  g.outputs = dy.channels() / groups;
  g.height = dy.height();
  g.width = dy.width();
  g.kernelH = dw.type.getDimSize(0);
  g.kernelW = dw.type.getDimSize(1);
  g.tapRow = dilations[0] * x.rowStride();
  g.tapPixel = dilations[1] * x.channels();
  g.strideH = strides[0];
  g.strideW = strides[1];
  g.dilationH = dilations[0];
  g.dilationW = dilations[1];
  return emitTiles(b, g, makePlan(g, b.isa()));
}

} // namespace tl::cpu
