// The gradients of nn.dense as matrix products on the micro-tile.
//   dx[n, k] = sum_m dy[n, m] w[k, m]     rows: pictures (tokens), columns: k
//   dw[k, m] = sum_n x[n, k] dy[n, m]     the rows are the sum, in their order
// Weights in panels have k and m the wrong way round for dx: a block of them
// is transposed into scratch and serves all pictures of the tile.
#include "compiler/Conversion/KernelsToCPU/DenseGradWeight.h"
#include "compiler/Conversion/KernelsToCPU/Emitters.h"
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

static void emitGradInputBlock(KernelBuilder &b, const GradInput &g,
                               const MatrixRows &rows, int64_t remaining) {
  auto columns = plainColumns(b.isa(), remaining);
  int64_t width = b.isa().columns;
  Value k = b.mul(rows.column(b), width);
  if (g.panels)
    transposePanels(b, g, k, std::min(width, remaining));
  Value w = g.panels ? b.scratch() : b.at(g.weights, k);
  int64_t step = g.panels ? width : g.inputs;
  int64_t most = blockRows(b.isa(), columns.size());
  rows.forEachBlock(b, most, [&](Value row, int64_t height) {
    Value dy = b.at(g.dy, b.mul(row, g.outputs));
    Value dx = b.at(b.at(g.dx, b.mul(row, g.inputs)), k);
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
  Buffer dy = b.buffer(op.getGradient());
  GradInput g{dy.pointer,
              w.pointer,
              b.buffer(op.getResult()).pointer,
              w.type.getDimSize(0),
              w.type.getDimSize(1),
              form == nn::WeightForm::Panels};
  b.describe(g.panels ? "a matrix product, panels transposed"
                      : "a matrix product with rows");
  int64_t width = b.isa().columns, whole = g.inputs / width;
  int64_t rest = g.inputs - whole * width;
  MatrixRows rows(dy, llvm::divideCeil(g.inputs, width));
  auto emitWhole = [&] { emitGradInputBlock(b, g, rows, width); };
  auto emitRest = [&] { emitGradInputBlock(b, g, rows, rest); };
  if (!rest)
    emitWhole();
  else if (!whole)
    emitRest();
  else
    b.when(b.less(rows.column(b), b.constant(whole)), emitWhole, emitRest);
  int64_t scratch =
      g.panels ? llvm::alignTo(g.outputs, kPanelWidth) * width * 4 : 0;
  return rows.grid(scratch);
}

// ---------------------------------------------------------------- dw

void addGradWeightBlock(KernelBuilder &b, const GradWeight &g,
                        const Terms &terms, Value row, int64_t height,
                        Value group, int64_t remaining, const BlockPlace &to) {
  int64_t width = b.isa().columns, lanes = b.lanes();
  llvm::SmallVector<Column> columns = gradWeightColumns(b, g, remaining);
  Value a = b.at(b.at(g.a, b.mul(terms.first, g.rows)), row);
  Value w = b.at(b.at(g.w, b.mul(terms.first, g.columns)), b.mul(group, width));
  MicroTile tile(b, height, 1, columns, /*maskWeights=*/true,
                 /*weightAlignment=*/4);
  Values acc = tile.add(tile.start(nullptr), a, w,
                        {{0, g.rows, g.columns, terms.count}});
  auto finish = [&](bool first) {
    tile.finish(acc, [&](int64_t r, const Column &c, Value sum) {
      Value place = b.at(to.pointer, to.offset(r, c.output));
      int64_t active = g.padded ? lanes : c.active;
      if (!first)
        sum = b.addF(b.loadPart(place, lanes, active), sum);
      b.storePart(sum, place, active);
    });
  };
  b.when(
      b.equal(terms.first, 0), [&] { finish(true); }, [&] { finish(false); });
}

llvm::SmallVector<Column>
gradWeightColumns(KernelBuilder &b, const GradWeight &g, int64_t remaining) {
  int64_t lanes = b.lanes();
  int64_t written =
      g.padded ? llvm::alignTo(remaining, kPanelWidth) : remaining;
  llvm::SmallVector<Column> columns;
  for (int64_t c = 0; c < std::min(b.isa().columns, written); c += lanes)
    columns.push_back({c, c, std::clamp<int64_t>(remaining - c, 0, lanes)});
  return columns;
}

Value gradWeightPlace(KernelBuilder &b, const GradWeight &g, Value row,
                      Value group) {
  return b.add(b.mul(row, g.rowStep),
               b.mul(group, b.isa().columns / kPanelWidth * g.columnBlock));
}

void forEachGroup(KernelBuilder &b, const GradWeight &g, Value first,
                  Value last, llvm::function_ref<void(Value, int64_t)> body) {
  int64_t width = b.isa().columns, whole = g.columns / width;
  b.loop(first, b.min(last, b.constant(whole)), 1,
         [&](Value group) { body(group, width); });
  if (int64_t rest = g.columns - whole * width)
    b.when(b.less(b.constant(whole), last),
           [&] { body(b.constant(whole), rest); });
}

/// `height` rows of the groups [first, last).
static void emitGradWeightRows(KernelBuilder &b, const GradWeight &g,
                               const Terms &terms, Value row, int64_t height,
                               Value first, Value last) {
  forEachGroup(b, g, first, last, [&](Value group, int64_t remaining) {
    Value to = b.at(g.result, gradWeightPlace(b, g, row, group));
    addGradWeightBlock(b, g, terms, row, height, group, remaining,
                       {to, g.rowStep, g.columnBlock});
  });
}

void forEachPart(KernelBuilder &b, const GradWeight &g,
                 llvm::function_ref<void(const Terms &)> body) {
  Value all = b.mul(b.batch(), g.perPicture);
  b.loop(b.constant(0), all, kTerms, [&](Value first) {
    body({first, b.min(b.constant(kTerms), b.sub(all, first))});
  });
}

/// How the blocks of the result are cut into tiles: `rows` blocks of rows by
/// `groups` groups of columns each.
struct GradWeightTiles {
  int64_t rows, groups;
};

/// With one term a picture about 4 million multiplications for a batch of 32,
/// all columns. With tokens there is more work than that in every block:
/// squares of blocks, whose parts of both operands stay in the cache, and 32
/// tiles where there are as many blocks.
static GradWeightTiles cutGradWeight(const GradWeight &g, int64_t height,
                                     int64_t blocks, int64_t width) {
  int64_t groups = llvm::divideCeil(g.columns, width);
  if (g.perPicture == 1)
    return {std::clamp<int64_t>(4'000'000 / (32 * height * groups * width), 1,
                                blocks),
            groups};
  int64_t across = std::clamp<int64_t>(256 / width, 1, groups);
  int64_t tiles = blocks * llvm::divideCeil(groups, across);
  return {std::clamp<int64_t>(tiles / 32, 1, std::min<int64_t>(8, blocks)),
          across};
}

static Grid emitGradWeightPanels(KernelBuilder &b, const GradWeight &g) {
  b.describe("a matrix product into panels, summed over the batch");
  int64_t width = b.isa().columns, groups = llvm::divideCeil(g.columns, width);
  int64_t height = std::min(
      g.rows, blockRows(b.isa(), std::min(g.columns, width) / b.lanes()));
  int64_t blocks = g.rows / height, rest = g.rows % height;
  auto [perTile, across] = cutGradWeight(g, height, blocks, width);
  int64_t down = llvm::divideCeil(blocks, perTile);
  int64_t columns = llvm::divideCeil(groups, across);
  Value place = b.div(b.tile(), columns), column = b.rem(b.tile(), columns);
  Value begin = b.mul(place, perTile);
  Value end = b.min(b.add(begin, perTile), b.constant(blocks));
  Value first = b.mul(column, across);
  Value last = b.min(b.add(first, across), b.constant(groups));
  forEachPart(b, g, [&](const Terms &terms) {
    b.loop(begin, end, 1, [&](Value block) {
      emitGradWeightRows(b, g, terms, b.mul(block, height), height, first,
                         last);
    });
    if (rest)
      b.when(b.equal(place, down - 1), [&] {
        emitGradWeightRows(b, g, terms, b.constant(blocks * height), rest,
                           first, last);
      });
  });
  return {down * columns, 1, 0, 0};
}

/// The same, cut along the columns: there are fewer than 16 rows.
static Grid emitGradWeightLines(KernelBuilder &b, const GradWeight &g) {
  b.describe("a matrix product into rows, summed over the batch");
  int64_t width = b.isa().columns, groups = llvm::divideCeil(g.columns, width);
  int64_t groupsPerTile = std::clamp<int64_t>(
      4'000'000 / (32 * g.perPicture * g.rows * width), 1, groups);
  Value first = b.mul(b.tile(), groupsPerTile);
  Value last = b.min(b.add(first, groupsPerTile), b.constant(groups));
  forEachPart(b, g, [&](const Terms &terms) {
    for (const RowRun &run : splitRows(g.rows, b.isa().rows))
      for (int64_t i = 0; i < run.count; ++i)
        emitGradWeightRows(b, g, terms, b.constant(run.start + i * run.rows),
                           run.rows, first, last);
  });
  return {int64_t(llvm::divideCeil(groups, groupsPerTile)), 1, 0, 0};
}

std::optional<GradWeight> gradWeightOf(const Buffer &x, Value dy,
                                       const Buffer &dw) {
  int64_t inputs = dw.type.getDimSize(0), outputs = dw.type.getDimSize(1);
  int64_t perPicture = x.storage.elements / inputs;
  switch (nn::formOf(dw.type)) {
  case nn::WeightForm::Panels:
    return GradWeight{x.pointer, dy,      dw.pointer,  perPicture,
                      inputs,    outputs, kPanelWidth, inputs * kPanelWidth,
                      true};
  case nn::WeightForm::Rows:
    return GradWeight{dy,     x.pointer, dw.pointer,  perPicture, outputs,
                      inputs, inputs,    kPanelWidth, false};
  case nn::WeightForm::Canonical:
    break;
  }
  return std::nullopt;
}

llvm::FailureOr<Grid> emitDenseGradWeight(KernelBuilder &b,
                                          mlir::Operation *operation) {
  auto op = mlir::cast<nn::DenseGradWeightOp>(operation);
  auto g =
      gradWeightOf(b.buffer(op.getInput()), b.buffer(op.getGradient()).pointer,
                   b.buffer(op.getResult()));
  if (!g)
    return op.emitOpError("needs its result as #nn.form<panels> or "
                          "#nn.form<rows>");
  return g->padded ? emitGradWeightPanels(b, *g) : emitGradWeightLines(b, *g);
}

} // namespace tl::cpu
