// The gradients of nn.dense as matrix products on the micro-tile.
//   dx[n, k] = sum_m dy[n, m] w[k, m]     rows: pictures, columns: k
//   dw[k, m] = sum_n x[n, k] dy[n, m]     the batch is the sum, in its order
// Weights in panels have k and m the wrong way round for dx: a block of them
// is transposed into scratch and serves all pictures of the tile.
#include "compiler/Conversion/KernelsToCPU/Emitters.h"
#include "compiler/Conversion/KernelsToCPU/MicroTile.h"
#include "compiler/Conversion/KernelsToCPU/RowBlocks.h"
#include "compiler/Conversion/KernelsToCPU/Transpose.h"
#include "runtime/schema/WeightForm.h"
#include "llvm/Support/MathExtras.h"

namespace tl::cpu {

using schema::kPanelWidth;

// ---------------------------------------------------------------- dx

namespace {
struct GradInput {
  Value dy, weights, dx;
  int64_t inputs, outputs; ///< K, M
  bool panels;
};
constexpr int64_t kPictures = 64;
} // namespace

/// scratch[m][column] = w[k + column, m] for `count` columns, the rest zero;
/// rows of the micro-tile's width. Panels are padded, so m runs to a multiple
/// of 16.
static void transposePanels(KernelBuilder &b, const GradInput &g, Value k,
                            int64_t count) {
  int64_t width = b.isa().columns, lanes = b.lanes();
  b.loop(0, llvm::alignTo(g.outputs, lanes), lanes, [&](Value m) {
    Value panel = b.mul(b.div(m, kPanelWidth), g.inputs * kPanelWidth);
    Value from = b.at(b.at(g.weights, panel), b.rem(m, kPanelWidth));
    from = b.at(from, b.mul(k, kPanelWidth));
    Value to = b.at(b.scratch(), b.mul(m, width));
    for (int64_t column = 0; column < width; column += lanes) {
      Values rows;
      for (int64_t i = 0; i < lanes; ++i)
        rows.push_back(
            column + i < count
                ? b.load(b.at(from, (column + i) * kPanelWidth), lanes)
                : b.splat(0, lanes));
      transpose(b, rows);
      for (int64_t i = 0; i < lanes; ++i)
        b.store(rows[i], b.at(to, i * width + column));
    }
  });
}

static void emitGradInputBlock(KernelBuilder &b, const GradInput &g, Value k,
                               Value begin, Value count, int64_t remaining) {
  auto columns = plainColumns(b.isa(), remaining);
  int64_t width = b.isa().columns;
  if (g.panels)
    transposePanels(b, g, k, std::min(width, remaining));
  Value w = g.panels ? b.scratch() : b.at(g.weights, k);
  int64_t step = g.panels ? width : g.inputs;
  int64_t rows = std::min<int64_t>(8, blockRows(b.isa(), columns.size()));
  forEachRowBlock(b, count, rows, [&](Value row, int64_t height) {
    Value picture = b.add(begin, row);
    Value dy = b.at(g.dy, b.mul(picture, g.outputs));
    Value dx = b.at(b.at(g.dx, b.mul(picture, g.inputs)), k);
    MicroTile tile(b, height, g.outputs, columns, /*maskWeights=*/!g.panels,
                   /*weightAlignment=*/4);
    Values acc = tile.add(tile.start(nullptr), dy, w, {{g.outputs, 1, step}});
    tile.finish(acc, [&](int64_t r, const Column &c, Value sum) {
      b.storePart(sum, b.at(dx, r * g.inputs + c.output), c.active);
    });
  });
}

llvm::FailureOr<Grid> emitDenseGradInput(KernelBuilder &b,
                                         mlir::Operation *operation) {
  auto op = mlir::cast<nn::DenseGradInputOp>(operation);
  Buffer w = b.buffer(op.getWeight());
  nn::WeightForm form = nn::formOf(w.type);
  if (form == nn::WeightForm::Canonical)
    return op.emitOpError("needs its weight as #nn.form<panels> or "
                          "#nn.form<rows>");
  GradInput g{b.buffer(op.getGradient()).pointer,
              w.pointer,
              b.buffer(op.getResult()).pointer,
              w.type.getDimSize(0),
              w.type.getDimSize(1),
              form == nn::WeightForm::Panels};
  int64_t width = b.isa().columns, whole = g.inputs / width;
  int64_t rest = g.inputs - whole * width;
  int64_t tiles = llvm::divideCeil(g.inputs, width);
  Value group = b.rem(b.tile(), tiles), k = b.mul(group, width);
  Value begin = b.mul(b.div(b.tile(), tiles), kPictures);
  Value count = b.min(b.constant(kPictures), b.sub(b.batch(), begin));
  auto emitWhole = [&] { emitGradInputBlock(b, g, k, begin, count, width); };
  auto emitRest = [&] { emitGradInputBlock(b, g, k, begin, count, rest); };
  if (!rest)
    emitWhole();
  else if (!whole)
    emitRest();
  else
    b.when(b.less(group, b.constant(whole)), emitWhole, emitRest);
  int64_t scratch =
      g.panels ? llvm::alignTo(g.outputs, kPanelWidth) * width * 4 : 0;
  return Grid{0, kPictures, tiles, scratch};
}

// ---------------------------------------------------------------- dw

namespace {
/// A product summed over the batch: result (r, c) is the sum over n of
/// a[n, r] * w[n, c]. Panels: rows are k, columns m. Rows: the other way.
struct GradWeight {
  Value a, w, result;
  int64_t rows, columns;        ///< also the strides of a and w
  int64_t rowStep, columnBlock; ///< of the result: from row to row, and from
                                ///< one 16 of columns to the next
  bool padded;                  ///< columns up to the next 16 are written, as 0
};
} // namespace

static void emitGradWeightBlock(KernelBuilder &b, const GradWeight &g,
                                Value row, int64_t height, Value group,
                                int64_t remaining) {
  int64_t width = b.isa().columns, lanes = b.lanes();
  int64_t written =
      g.padded ? llvm::alignTo(remaining, kPanelWidth) : remaining;
  llvm::SmallVector<Column> columns;
  for (int64_t c = 0; c < std::min(width, written); c += lanes)
    columns.push_back({c, c, std::clamp<int64_t>(remaining - c, 0, lanes)});
  Value out = b.at(b.at(g.result, b.mul(row, g.rowStep)),
                   b.mul(group, width / kPanelWidth * g.columnBlock));
  MicroTile tile(b, height, 1, columns, /*maskWeights=*/true,
                 /*weightAlignment=*/4);
  Values acc = tile.add(tile.start(nullptr), b.at(g.a, row),
                        b.at(g.w, b.mul(group, width)),
                        {{0, g.rows, g.columns, b.batch()}});
  tile.finish(acc, [&](int64_t r, const Column &c, Value sum) {
    int64_t offset = r * g.rowStep + c.output / kPanelWidth * g.columnBlock +
                     c.output % kPanelWidth;
    b.storePart(sum, b.at(out, offset), g.padded ? lanes : c.active);
  });
}

/// `height` rows of whole groups [first, last), and of the narrower group at
/// the end if the range has it.
static void emitGradWeightRows(KernelBuilder &b, const GradWeight &g, Value row,
                               int64_t height, Value first, Value last) {
  int64_t width = b.isa().columns, whole = g.columns / width;
  b.loop(first, b.min(last, b.constant(whole)), 1, [&](Value group) {
    emitGradWeightBlock(b, g, row, height, group, width);
  });
  if (int64_t rest = g.columns - whole * width)
    b.when(b.less(b.constant(whole), last), [&] {
      emitGradWeightBlock(b, g, row, height, b.constant(whole), rest);
    });
}

/// Tiles of about 4 million multiplications for a batch of 32: blocks of rows,
/// all columns.
static Grid emitGradWeightPanels(KernelBuilder &b, const GradWeight &g) {
  int64_t width = b.isa().columns, groups = llvm::divideCeil(g.columns, width);
  int64_t height = std::min(
      g.rows, blockRows(b.isa(), std::min(g.columns, width) / b.lanes()));
  int64_t blocks = g.rows / height, rest = g.rows % height;
  int64_t blocksPerTile = std::clamp<int64_t>(
      4'000'000 / (32 * height * groups * width), 1, blocks);
  int64_t tiles = llvm::divideCeil(blocks, blocksPerTile);
  Value begin = b.mul(b.tile(), blocksPerTile);
  Value end = b.min(b.add(begin, blocksPerTile), b.constant(blocks));
  Value none = b.constant(0), all = b.constant(groups);
  b.loop(begin, end, 1, [&](Value block) {
    emitGradWeightRows(b, g, b.mul(block, height), height, none, all);
  });
  if (rest)
    b.when(b.equal(b.tile(), tiles - 1), [&] {
      emitGradWeightRows(b, g, b.constant(blocks * height), rest, none, all);
    });
  return {tiles, 1, 0, 0};
}

/// The same, cut along the columns: there are fewer than 16 rows.
static Grid emitGradWeightLines(KernelBuilder &b, const GradWeight &g) {
  int64_t width = b.isa().columns, groups = llvm::divideCeil(g.columns, width);
  int64_t groupsPerTile =
      std::clamp<int64_t>(4'000'000 / (32 * g.rows * width), 1, groups);
  Value first = b.mul(b.tile(), groupsPerTile);
  Value last = b.min(b.add(first, groupsPerTile), b.constant(groups));
  for (const RowRun &run : splitRows(g.rows, b.isa().rows))
    for (int64_t i = 0; i < run.count; ++i)
      emitGradWeightRows(b, g, b.constant(run.start + i * run.rows), run.rows,
                         first, last);
  return {int64_t(llvm::divideCeil(groups, groupsPerTile)), 1, 0, 0};
}

llvm::FailureOr<Grid> emitDenseGradWeight(KernelBuilder &b,
                                          mlir::Operation *operation) {
  auto op = mlir::cast<nn::DenseGradWeightOp>(operation);
  Value x = b.buffer(op.getInput()).pointer;
  Value dy = b.buffer(op.getGradient()).pointer;
  Buffer dw = b.buffer(op.getResult());
  int64_t inputs = dw.type.getDimSize(0), outputs = dw.type.getDimSize(1);
  switch (nn::formOf(dw.type)) {
  case nn::WeightForm::Panels:
    return emitGradWeightPanels(b, {x, dy, dw.pointer, inputs, outputs,
                                    kPanelWidth, inputs * kPanelWidth, true});
  case nn::WeightForm::Rows:
    return emitGradWeightLines(
        b, {dy, x, dw.pointer, outputs, inputs, inputs, kPanelWidth, false});
  case nn::WeightForm::Canonical:
    break;
  }
  return op.emitOpError("needs its result as #nn.form<panels> or "
                        "#nn.form<rows>");
}

} // namespace tl::cpu
