// nn.conv2d_grad_filter: row (kh, kw, i), column o of dw is the sum over the
// pixels of dy of x[h, w, i] dy[y, x, o]. The micro-tile's rows are rows of dw
// (neighbouring input channels), its columns output channels, its sum runs over
// pixels. Pixels are taken in blocks whose part of x and dy stays in the
// second-level cache while all rows of the tile are added; wide values, whose
// pixels lie far apart, are packed into scratch first. Tiles own disjoint parts
// of dw, and the sum over a block starts from zero before it joins the sum in
// dw, so that long sums round little.
#include "compiler/Conversion/KernelsToCPU/ConvParts.h"
#include "compiler/Conversion/KernelsToCPU/Emitters.h"
#include "compiler/Conversion/KernelsToCPU/MicroTile.h"
#include "dialects/NN/Reach.h"
#include "runtime/schema/WeightForm.h"
#include "llvm/Support/MathExtras.h"

namespace tl::cpu {

using schema::kPanelWidth;

namespace {
/// Blocks of rows of dw that follow each other: `count` blocks of `height`
/// rows, from block `first` and row `row` of those that share a tap.
struct RowBlocks {
  int64_t first, count, height, row;
  llvm::SmallVector<int64_t> x; ///< where each row of the first block reads x
};

/// Both sizes of a block of the sum: some pictures, or some rows of one.
struct SumBlock {
  int64_t pictures, rows;
};

struct GradFilter {
  PixelGrid x, dy; ///< x at the first tap of the first pixel
  Value dw;
  int64_t groups, inputs, outputs;            ///< channels of one group
  int64_t height, width;                      ///< of dy
  int64_t kernelH, kernelW, tapRow, tapPixel; ///< x from tap to tap
  int64_t strideH, strideW, dilationH, dilationW;

  int64_t rowStep() const {
    return groups == 1 ? kPanelWidth : groups * outputs;
  }
  int64_t panel() const { return kernelH * kernelW * inputs * kPanelWidth; }
};

/// How the kernel goes about it.
struct Plan {
  llvm::SmallVector<RowBlocks> rows;
  int64_t rowBlocks = 0, tapsH, tapsW; ///< taps that each row block visits
  SumBlock block;
  int64_t columnGroups;                ///< of one group of the convolution
  int64_t columnsPerTile, rowsPerTile; ///< groups of columns, blocks of rows
  bool packX, packDy;
  int64_t xHeight, xWidth, xPixel; ///< of packed x: pixels, elements of one
  int64_t xStepH, xStepW;          ///< pixels of x between packed ones

  int64_t columnTiles() const {
    return llvm::divideCeil(columnGroups, columnsPerTile);
  }
  int64_t rowTiles() const { return llvm::divideCeil(rowBlocks, rowsPerTile); }
};

/// What a tile works on: a block of the sum, and its operands there.
struct Sum {
  Value pictures, rows; ///< counts
  Value first;          ///< true for the first block of the sum
  PixelGrid x, dy;
};
} // namespace

// ---------------------------------------------------------------- the plan

/// Rows of dw as blocks. All of a small filter at once; else tap by tap, or,
/// where few channels would leave blocks short, all taps of a filter row, whose
/// channels follow each other in x too.
static void planRows(const GradFilter &g, const Isa &isa, Plan &plan) {
  int64_t columns = std::min(g.outputs, isa.columns);
  int64_t height = blockRows(isa, llvm::divideCeil(columns, isa.lanes));
  int64_t filter = g.kernelH * g.kernelW * g.inputs;
  int64_t line = g.kernelW * g.inputs;
  bool whole = g.groups == 1 && filter <= 64;
  bool lines = g.groups == 1 && g.dilationW == 1 &&
               llvm::divideCeil(line, height) * 10 <=
                   llvm::divideCeil(g.inputs, height) * g.kernelW * 9;
  plan.tapsH = whole ? 1 : g.kernelH;
  plan.tapsW = whole || lines ? 1 : g.kernelW;
  int64_t rows = whole ? filter : lines ? line : g.inputs;
  auto place = [&](int64_t row) { // in x
    return row / line * g.tapRow + row % line / g.inputs * g.tapPixel +
           row % g.inputs;
  };
  auto add = [&](int64_t row, int64_t count, int64_t height) {
    RowBlocks blocks{plan.rowBlocks, count, height, row, {}};
    for (int64_t r = row; r < row + height; ++r)
      blocks.x.push_back(place(r));
    plan.rows.push_back(blocks);
    plan.rowBlocks += count;
  };
  for (const RowRun &run : splitRows(rows, height))
    if (whole) // no two read x alike
      for (int64_t i = 0; i < run.count; ++i)
        add(run.start + i * run.rows, 1, run.rows);
    else
      add(run.start, run.count, run.rows);
}

// Measured (README.md): 256 to 1600 pixels make no difference. Packing pays
// where pixels lie 1 KB apart, each on cache lines that compete for the same
// places, and where what is packed is read for several taps.
static Plan makePlan(const GradFilter &g, const Isa &isa) {
  constexpr int64_t kBlockPixels = 512, kFar = 256, kTiles = 32;
  Plan plan;
  planRows(g, isa, plan);
  plan.block.pictures =
      std::max<int64_t>(1, kBlockPixels / (g.height * g.width));
  plan.block.rows = std::clamp<int64_t>(kBlockPixels / g.width, 1, g.height);
  plan.columnGroups = llvm::divideCeil(g.outputs, isa.columns);
  bool severalTaps = plan.tapsH * plan.tapsW > 1;
  plan.packDy = severalTaps && g.dy.pixel >= kFar;
  plan.packX = severalTaps && plan.tapsW == g.kernelW && g.x.pixel >= kFar;
  plan.columnsPerTile =
      std::min<int64_t>(plan.columnGroups, 4 * kPanelWidth / isa.columns);
  int64_t blocks = plan.rowBlocks * plan.columnTiles() * g.groups;
  plan.rowsPerTile = std::max<int64_t>(1, blocks / kTiles);
  plan.rowsPerTile = llvm::divideCeil(plan.rowBlocks, plan.rowTiles());
  plan.xStepH = g.kernelH == 1 ? g.strideH : 1;
  plan.xStepW = g.kernelW == 1 ? g.strideW : 1;
  plan.xHeight = (plan.block.rows - 1) * g.strideH / plan.xStepH +
                 (g.kernelH - 1) * g.dilationH + 1;
  plan.xWidth = (g.width - 1) * g.strideW / plan.xStepW +
                (g.kernelW - 1) * g.dilationW + 1;
  int64_t tallest = 0;
  for (const RowBlocks &blocks : plan.rows)
    tallest = std::max(tallest, blocks.height);
  plan.xPixel = llvm::alignTo(tallest, isa.lanes);
  return plan;
}

// ---------------------------------------------------------------- packing

/// Packs one group of columns of dy: [picture][row][pixel][columns].
static PixelGrid packDy(KernelBuilder &b, const GradFilter &g, const Plan &plan,
                        const Sum &sum, Value from, Value to,
                        int64_t remaining) {
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
static PixelGrid packX(KernelBuilder &b, const GradFilter &g, const Plan &plan,
                       const Sum &sum, Value from, Value to, int64_t height) {
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
static void emitBlock(KernelBuilder &b, const GradFilter &g, const Plan &plan,
                      const Sum &sum, llvm::ArrayRef<int64_t> rows, Value x,
                      Value dy, Value out, int64_t remaining) {
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
static void emitRows(KernelBuilder &b, const GradFilter &g, const Plan &plan,
                     const Sum &sum, const RowBlocks &blocks, Value row,
                     Value out, Value first, Value last) {
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
                         const Plan &plan, const Share &share, Sum sum) {
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

static Grid emitTiles(KernelBuilder &b, const GradFilter &g, const Plan &plan) {
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
