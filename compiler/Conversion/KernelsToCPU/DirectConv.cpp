// Parts of convolutions (ConvParts.h) on the micro-tile: its rows are pixels,
// its columns output channels of one group. Figures and the reasons for the
// loop order: README.md.
#include "compiler/Conversion/KernelsToCPU/ConvParts.h"
#include "compiler/Conversion/KernelsToCPU/MicroTile.h"
#include "compiler/Conversion/KernelsToCPU/VectorMath.h"
#include "runtime/schema/WeightForm.h"
#include "llvm/Support/MathExtras.h"

#include <vector>

namespace tl::cpu {

using schema::kPanelWidth;

namespace {
/// A part with the way its pixels are gathered into blocks: rows of the picture
/// `merged` at a time.
struct Walk {
  ConvPart part;
  int64_t merged = 1;
  bool even = true; ///< the same distance between all pixels of merged rows

  int64_t rows() const { return part.height / merged; }
  int64_t pixels() const { return part.width * merged; }
  /// Elements from the first pixel of merged rows to another.
  int64_t offset(const PixelGrid &grid, int64_t pixel) const {
    return pixel / part.width * grid.row + pixel % part.width * grid.pixel;
  }
};

/// How the work is cut: a tile computes, for `pictures` pictures, one of
/// `rowBlocks` blocks of rows of each part, `columnGroups` groups of columns
/// and `groups` groups of the convolution.
struct Cut {
  int64_t pictures = 1, rowBlocks, columnGroups, columnBlocks, groups = 1,
          groupBlocks;

  int64_t tiles() const { return rowBlocks * columnBlocks * groupBlocks; }
};

/// Pointers of the block at hand, each to its first pixel's first channel.
struct Block {
  Value x, y, residual, weights, bias;
};
} // namespace

static int64_t columnGroupsOf(const ConvPart &part, const Isa &isa) {
  return llvm::divideCeil(part.outChannels, isa.columns);
}

/// The filter's elements from one input channel to the next, and where one
/// group of columns starts.
static int64_t weightStep(const ConvPart &part) {
  return part.groups == 1 ? kPanelWidth : part.groups * part.outChannels;
}
static int64_t panelSize(const ConvPart &part) {
  return part.filterHeight * part.filterWidth * part.inChannels * kPanelWidth;
}

/// Sees several rows of the picture as one where that gives fewer, fuller
/// blocks, for the weights are read once for each. Where the distances between
/// pixels differ each block is code of its own: at most 10 then, and only for
/// blocks below 8 pixels, for others it measured slower (README.md).
static Walk gather(const ConvPart &part, int64_t blockRows) {
  auto even = [&](const PixelGrid &grid) {
    return !grid.pointer || grid.row == part.width * grid.pixel;
  };
  Walk walk{part};
  bool plain = even(part.x) && even(part.y) && even(part.residual);
  int64_t inRow = llvm::divideCeil(part.width, blockRows);
  int64_t fewest = part.height * inRow;
  for (int64_t f = 2; f <= part.height; ++f) {
    if (part.height % f)
      continue;
    int64_t blocks = llvm::divideCeil(f * part.width, blockRows);
    bool fits = plain ? f == part.height || f * part.width <= 256
                      : blocks <= 10 && part.width < 8 * inRow;
    if (fits && part.height / f * blocks < fewest) {
      fewest = part.height / f * blocks;
      walk.merged = f;
      walk.even = plain;
    }
  }
  return walk;
}

/// Tiles of about 8 million multiplications (100-200 microseconds), at least
/// 8 tiles a picture where there is enough work. Weights that fit in the
/// nearer caches are used whole in each tile; larger ones a group of columns at
/// a time, which then stays in the second-level cache for all rows, and for
/// several pictures where one alone has few.
static Cut cutWork(llvm::ArrayRef<Walk> walks, const Isa &isa) {
  const ConvPart &part = walks.front().part;
  int64_t rows = 1, work = 0; // of one group of columns
  for (const Walk &walk : walks) {
    rows = std::max(rows, walk.rows());
    work += walk.part.work() * part.inChannels * isa.columns;
  }
  int64_t columnGroups = columnGroupsOf(part, isa);
  int64_t target = std::clamp<int64_t>(work * columnGroups * part.groups / 8,
                                       500'000, 8'000'000);
  int64_t rowWork = std::max<int64_t>(1, work / rows);
  bool whole = panelSize(part) / kPanelWidth * part.outChannels <= 128 * 1024;
  Cut cut;
  cut.columnGroups = whole ? columnGroups : 1;
  if (rowWork * cut.columnGroups > target)
    cut.columnGroups = std::clamp<int64_t>(target / rowWork, 1, columnGroups);
  int64_t rowsPerTile =
      std::clamp<int64_t>(target / (rowWork * cut.columnGroups), 1, rows);
  if (!whole && columnGroups >= 8 && rowsPerTile * 2 >= rows)
    rowsPerTile = rows;
  if (rowsPerTile == rows) { // room for more
    int64_t map = rowWork * rows;
    cut.columnGroups =
        std::clamp<int64_t>(target / map, cut.columnGroups, columnGroups);
    int64_t tile = map * cut.columnGroups;
    if (cut.columnGroups == columnGroups)
      cut.groups = std::clamp<int64_t>(target / tile, 1, part.groups);
    if (!whole)
      cut.pictures = std::clamp<int64_t>(24'000'000 / tile, 1, 4);
  }
  cut.rowBlocks = llvm::divideCeil(rows, rowsPerTile);
  cut.columnBlocks = llvm::divideCeil(columnGroups, cut.columnGroups);
  cut.groupBlocks = llvm::divideCeil(part.groups, cut.groups);
  return cut;
}

/// Some pixels of one group of columns.
static void emitBlock(KernelBuilder &b, const Walk &walk, const Block &p,
                      int64_t first, int64_t rows,
                      llvm::ArrayRef<Column> columns) {
  const ConvPart &c = walk.part;
  llvm::SmallVector<int64_t> offsets;
  for (int64_t r = first; r < first + rows; ++r)
    offsets.push_back(walk.offset(c.x, r));
  bool panels = c.groups == 1;
  MicroTile tile(b, offsets, columns, /*maskWeights=*/!panels,
                 /*weightAlignment=*/panels ? b.lanes() * 4 : 4);
  int64_t step = weightStep(c), tap = c.inChannels * step;
  Values acc = tile.start(p.bias);
  if (c.hasTaps())
    acc = tile.add(
        acc, p.x, p.weights,
        {{c.tapRows.count, c.tapRows.xStep,
          c.tapRows.step * c.filterWidth * tap},
         {c.tapColumns.count, c.tapColumns.xStep, c.tapColumns.step * tap},
         {c.inChannels, 1, step}});
  tile.finish(acc, [&](int64_t r, const Column &column, Value sum) {
    if (p.residual)
      sum = b.addF(
          sum, b.loadPart(b.at(p.residual, walk.offset(c.residual, first + r) +
                                               column.output),
                          b.lanes(), column.active));
    b.storePart(activate(b, c.activation, sum),
                b.at(p.y, walk.offset(c.y, first + r) + column.output),
                column.active);
  });
}

/// One row (or several merged); pointers in `row` are to its first pixel.
static void emitRow(KernelBuilder &b, const Walk &walk, const Block &row,
                    llvm::ArrayRef<Column> columns) {
  const ConvPart &c = walk.part;
  for (const RowRun &run :
       splitRows(walk.pixels(), blockRows(b.isa(), columns.size()))) {
    if (!walk.even) {
      for (int64_t i = 0; i < run.count; ++i)
        emitBlock(b, walk, row, run.start + i * run.rows, run.rows, columns);
      continue;
    }
    b.loop(run.start, run.start + run.rows * run.count, run.rows, [&](Value w) {
      Block block = row;
      block.x = b.at(row.x, b.mul(w, c.x.pixel));
      block.y = b.at(row.y, b.mul(w, c.y.pixel));
      if (row.residual)
        block.residual = b.at(row.residual, b.mul(w, c.residual.pixel));
      emitBlock(b, walk, block, 0, run.rows, columns);
    });
  }
}

/// A part's rows [begin, end) in pictures [first, last), for the group of
/// columns whose pointers are in `p` (pictures and rows not yet added).
static void emitPart(KernelBuilder &b, const Walk &walk, const Block &p,
                     std::pair<Value, Value> pictures, Value begin, Value end,
                     llvm::ArrayRef<Column> columns) {
  const ConvPart &c = walk.part;
  int64_t tap = c.firstTap() * c.inChannels * weightStep(c);
  b.loop(pictures.first, pictures.second, 1, [&](Value n) {
    b.loop(begin, end, 1, [&](Value h) {
      auto at = [&](Value pointer, const PixelGrid &grid) {
        Value index = b.add(b.mul(n, grid.picture), grid.start);
        return b.at(b.at(pointer, index), b.mul(h, walk.merged * grid.row));
      };
      Block row = p;
      row.weights = b.at(p.weights, tap);
      row.x = at(p.x, c.x);
      row.y = at(p.y, c.y);
      if (p.residual)
        row.residual = at(p.residual, c.residual);
      emitRow(b, walk, row, columns);
    });
  });
}

/// Pointers of a group of the convolution, at one group of columns.
static Block groupPointers(KernelBuilder &b, const ConvPart &c, Value group,
                           Value columnGroup) {
  Value column = b.mul(columnGroup, b.isa().columns);
  Value output = b.add(b.mul(group, c.outChannels), column);
  auto at = [&](Value pointer, Value index) {
    return pointer ? b.at(pointer, index) : Value();
  };
  Value weights =
      c.groups == 1
          ? b.mul(columnGroup, b.isa().columns / kPanelWidth * panelSize(c))
          : output;
  return {at(c.x.pointer, b.mul(group, c.inChannels)), at(c.y.pointer, output),
          at(c.residual.pointer, output), at(c.weights, weights),
          at(c.bias, output)};
}

namespace {
/// What this call's tile covers; each a range.
struct Share {
  std::pair<Value, Value> pictures, columnGroups, groups;
  Value rowBlock;
};
} // namespace

static std::pair<Value, Value> range(KernelBuilder &b, Value block,
                                     int64_t size, Value total) {
  Value begin = b.mul(block, size);
  return {begin, b.min(b.add(begin, size), total)};
}

static Share shareOf(KernelBuilder &b, const ConvPart &c, const Cut &cut) {
  Value inside = b.rem(b.tile(), cut.tiles());
  Value rest = b.div(inside, cut.rowBlocks);
  return {
      range(b, b.div(b.tile(), cut.tiles()), cut.pictures, b.batch()),
      range(b, b.rem(rest, cut.columnBlocks), cut.columnGroups,
            b.constant(columnGroupsOf(c, b.isa()))),
      range(b, b.div(rest, cut.columnBlocks), cut.groups, b.constant(c.groups)),
      b.rem(inside, cut.rowBlocks)};
}

static std::string wordsFor(llvm::ArrayRef<ConvPart> parts) {
  const ConvPart &c = parts.front();
  std::string form = c.groups != 1 ? "direct, group by group"
                     : c.filterHeight * c.filterWidth == 1
                         ? "1x1 as a matrix product"
                         : "direct";
  if (parts.size() > 1)
    form += ", " + std::to_string(parts.size()) + " parts by the strides";
  return form;
}

Grid emitConvParts(KernelBuilder &b, llvm::ArrayRef<ConvPart> parts,
                   const Buffer &result) {
  const ConvPart &c = parts.front();
  b.describe(wordsFor(parts));
  auto columnsFor = [&](int64_t remaining) {
    return c.groups == 1 ? panelColumns(b.isa(), remaining, panelSize(c))
                         : plainColumns(b.isa(), remaining);
  };
  std::vector<Walk> walks;
  for (const ConvPart &part : parts)
    walks.push_back(
        gather(part, blockRows(b.isa(), columnsFor(c.outChannels).size())));
  Cut cut = cutWork(walks, b.isa());
  Share share = shareOf(b, c, cut);

  auto emitColumns = [&](Value group, Value columnGroup, int64_t remaining) {
    Block p = groupPointers(b, c, group, columnGroup);
    for (const Walk &walk : walks) {
      auto [begin, end] =
          range(b, share.rowBlock, llvm::divideCeil(walk.rows(), cut.rowBlocks),
                b.constant(walk.rows()));
      emitPart(b, walk, p, share.pictures, begin, end, columnsFor(remaining));
    }
  };
  int64_t width = b.isa().columns, whole = c.outChannels / width;
  Value firstColumns = share.columnGroups.first;
  Value lastColumns = share.columnGroups.second;
  b.loop(share.groups.first, share.groups.second, 1, [&](Value group) {
    if (whole)
      b.loop(firstColumns, b.min(lastColumns, b.constant(whole)), 1,
             [&](Value g) { emitColumns(group, g, width); });
    if (int64_t rest = c.outChannels - whole * width)
      b.when(b.less(b.constant(whole), lastColumns),
             [&] { emitColumns(group, b.constant(whole), rest); });
  });
  if (result.halo.any())
    b.when(b.equal(b.rem(b.tile(), cut.tiles()), 0), [&] {
      b.loop(share.pictures.first, share.pictures.second, 1, [&](Value n) {
        b.zeroHalo(result, n, b.constant(0), b.constant(result.height()));
      });
    });
  return Grid{0, cut.pictures, cut.tiles(), 0};
}

} // namespace tl::cpu
