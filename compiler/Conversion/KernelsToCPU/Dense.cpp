// nn.dense: y = act(x w + b), x [N, K], w [K, M]. With 16 outputs or more the
// weights lie in panels and the pictures are the rows of the micro-tile; with
// fewer, each output's weights lie in a row and the sum itself is vectorised.
#include "compiler/Conversion/KernelsToCPU/Emitters.h"
#include "compiler/Conversion/KernelsToCPU/MicroTile.h"
#include "compiler/Conversion/KernelsToCPU/RowBlocks.h"
#include "compiler/Conversion/KernelsToCPU/VectorMath.h"
#include "runtime/schema/WeightForm.h"
#include "llvm/Support/MathExtras.h"

namespace tl::cpu {

namespace {
struct Dense {
  Value x, weights, bias, y;
  int64_t inputs, outputs;
  nn::ActivationAttr activation;
};

/// Pictures of one tile: a group of columns of the weights is read from memory
/// once for all of them.
constexpr int64_t kPictures = 64;
} // namespace

/// Up to kPictures rows of x times one group of columns.
static void emitPanels(KernelBuilder &b, const Dense &d, Value group,
                       Value begin, Value count, int64_t remaining) {
  int64_t panel = d.inputs * schema::kPanelWidth, width = b.isa().columns;
  auto columns = panelColumns(b.isa(), remaining, panel);
  Value column = b.mul(group, width);
  Value w = b.at(d.weights, b.mul(group, width / schema::kPanelWidth * panel));
  Value bias = d.bias ? b.at(d.bias, column) : Value();
  // 8 rows: a batch of 32 then has no short block.
  int64_t rows = std::min<int64_t>(8, blockRows(b.isa(), columns.size()));
  forEachRowBlock(b, count, rows, [&](Value row, int64_t height) {
    Value picture = b.add(begin, row);
    Value x = b.at(d.x, b.mul(picture, d.inputs));
    Value y = b.at(b.at(d.y, b.mul(picture, d.outputs)), column);
    MicroTile tile(b, height, d.inputs, columns, /*maskWeights=*/false,
                   /*weightAlignment=*/b.lanes() * 4);
    Values acc =
        tile.add(tile.start(bias), x, w, {{d.inputs, 1, schema::kPanelWidth}});
    tile.finish(acc, [&](int64_t r, const Column &c, Value sum) {
      b.storePart(activate(b, d.activation, sum),
                  b.at(y, r * d.outputs + c.output), c.active);
    });
  });
}

static Grid emitDensePanels(KernelBuilder &b, const Dense &d) {
  int64_t width = b.isa().columns, whole = d.outputs / width;
  int64_t rest = d.outputs - whole * width;
  int64_t tiles = llvm::divideCeil(d.outputs, width);
  Value group = b.rem(b.tile(), tiles);
  Value begin = b.mul(b.div(b.tile(), tiles), kPictures);
  Value count = b.min(b.constant(kPictures), b.sub(b.batch(), begin));
  auto emitWhole = [&] { emitPanels(b, d, group, begin, count, width); };
  auto emitRest = [&] { emitPanels(b, d, group, begin, count, rest); };
  if (!rest)
    emitWhole();
  else if (!whole)
    emitRest();
  else
    b.when(b.less(group, b.constant(whole)), emitWhole, emitRest);
  return {0, kPictures, tiles, 0};
}

/// `height` pictures times `outputs` outputs from `first`: the lanes are
/// partial sums over k, added up in the end in a fixed tree.
static void emitDots(KernelBuilder &b, const Dense &d, Value picture,
                     int64_t height, int64_t first, int64_t outputs) {
  Value x = b.at(d.x, b.mul(picture, d.inputs));
  Value w = b.at(d.weights, first * d.inputs);
  auto step = [&](Value k, int64_t active, Values acc) {
    Values weights;
    for (int64_t m = 0; m < outputs; ++m)
      weights.push_back(
          b.loadPart(b.at(b.at(w, m * d.inputs), k), b.lanes(), active));
    for (int64_t r = 0; r < height; ++r) {
      Value v = b.loadPart(b.at(b.at(x, r * d.inputs), k), b.lanes(), active);
      for (int64_t m = 0; m < outputs; ++m)
        acc[r * outputs + m] = b.fma(v, weights[m], acc[r * outputs + m]);
    }
    return acc;
  };
  int64_t whole = d.inputs / b.lanes() * b.lanes();
  Values acc(height * outputs, b.splat(0, b.lanes()));
  acc = b.loop(b.constant(0), b.constant(whole), b.lanes(), acc,
               [&](Value k, mlir::ValueRange carried) {
                 return step(k, b.lanes(), Values(carried));
               });
  if (whole < d.inputs)
    acc = step(b.constant(whole), d.inputs - whole, acc);
  for (int64_t r = 0; r < height; ++r)
    for (int64_t m = 0; m < outputs; ++m) {
      Value sum = b.sum(acc[r * outputs + m]);
      if (d.bias)
        sum = b.addF(sum, b.loadScalar(b.at(d.bias, first + m)));
      Value y = b.at(d.y, b.mul(b.add(picture, r), d.outputs));
      b.storeScalar(activate(b, d.activation, sum), b.at(y, first + m));
    }
}

static Grid emitDenseRows(KernelBuilder &b, const Dense &d) {
  // Accumulators, weights and one picture's vector must fit the registers.
  int64_t height = b.isa().registers == 32 ? 4 : 2;
  Value begin = b.mul(b.tile(), kPictures);
  Value count = b.min(b.constant(kPictures), b.sub(b.batch(), begin));
  forEachRowBlock(b, count, height, [&](Value row, int64_t rows) {
    for (int64_t m = 0; m < d.outputs; m += 4)
      emitDots(b, d, b.add(begin, row), rows, m,
               std::min<int64_t>(4, d.outputs - m));
  });
  return {0, kPictures, 1, 0};
}

llvm::FailureOr<Grid> emitDense(KernelBuilder &b, mlir::Operation *operation) {
  auto op = mlir::cast<nn::DenseOp>(operation);
  Buffer w = b.buffer(op.getWeight());
  Dense d{b.buffer(op.getInput()).pointer,
          w.pointer,
          b.bufferOrNone(op.getBias()).pointer,
          b.buffer(op.getResult()).pointer,
          w.type.getDimSize(0),
          w.type.getDimSize(1),
          op.getActivationAttr()};
  switch (nn::formOf(w.type)) {
  case nn::WeightForm::Panels:
    return emitDensePanels(b, d);
  case nn::WeightForm::Rows:
    return emitDenseRows(b, d);
  case nn::WeightForm::Canonical:
    break;
  }
  return op.emitOpError("needs its weight as #nn.form<panels> or "
                        "#nn.form<rows>");
}

} // namespace tl::cpu
