// nn.dense: y = act(x w + b), x [N, ..., K], w [K, M]. With 16 outputs or more
// the weights lie in panels and the pictures or tokens are the rows of the
// micro-tile; with fewer, each output's weights lie in a row and the sum itself
// is vectorised.
#include "compiler/Conversion/KernelsToCPU/CostModel.h"
#include "compiler/Conversion/KernelsToCPU/Emitters.h"
#include "compiler/Conversion/KernelsToCPU/MicroTile.h"
#include "compiler/Conversion/KernelsToCPU/RowBlocks.h"
#include "compiler/Conversion/KernelsToCPU/Strassen.h"
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
} // namespace

/// The tile's rows of x times one group of columns.
static void emitPanels(KernelBuilder &b, const Dense &d, const MatrixRows &rows,
                       int64_t remaining) {
  int64_t panel = d.inputs * schema::kPanelWidth, width = b.isa().columns;
  auto columns = panelColumns(b.isa(), remaining, panel);
  Value group = rows.column(b), column = b.mul(group, width);
  Value w = b.at(d.weights, b.mul(group, width / schema::kPanelWidth * panel));
  Value bias = d.bias ? b.at(d.bias, column) : Value();
  int64_t most = blockRows(b.isa(), columns.size());
  rows.forEachBlock(b, most, [&](Value row, int64_t height) {
    Value x = b.at(d.x, b.mul(row, d.inputs));
    Value y = b.at(b.at(d.y, b.mul(row, d.outputs)), column);
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

static Grid emitDensePanels(KernelBuilder &b, const Dense &d,
                            const Buffer &input) {
  StrassenShape shape{input.storage.elements / input.channels(), d.inputs,
                      d.outputs};
  if (strassenPays(shape))
    return emitStrassen(b, {d.x, d.weights, d.bias, d.y, d.activation, shape});
  b.describe("dense panels, a matrix product");
  int64_t width = b.isa().columns, whole = d.outputs / width;
  int64_t rest = d.outputs - whole * width;
  MatrixRows rows(input, llvm::divideCeil(d.outputs, width));
  auto emitWhole = [&] { emitPanels(b, d, rows, width); };
  auto emitRest = [&] { emitPanels(b, d, rows, rest); };
  if (!rest)
    emitWhole();
  else if (!whole)
    emitRest();
  else
    b.when(b.less(rows.column(b), b.constant(whole)), emitWhole, emitRest);
  return rows.grid();
}

/// `height` rows times `outputs` outputs from `first`: the lanes are partial
/// sums over k, added up in the end in a fixed tree.
static void emitDots(KernelBuilder &b, const Dense &d, Value row,
                     int64_t height, int64_t first, int64_t outputs) {
  Value x = b.at(d.x, b.mul(row, d.inputs));
  Value w = b.at(d.weights, first * d.inputs);
  b.holdsBlock(height, outputs * b.lanes(), outputs * b.lanes());
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
      Value y = b.at(d.y, b.mul(b.add(row, r), d.outputs));
      b.storeScalar(activate(b, d.activation, sum), b.at(y, first + m));
    }
}

static Grid emitDenseRows(KernelBuilder &b, const Dense &d,
                          const Buffer &input) {
  b.describe("dense rows, the sum is in the lanes");
  // Accumulators, weights and one row's vector must fit the registers.
  int64_t most = b.isa().registers == 32 ? 4 : 2;
  MatrixRows rows(input, 1);
  rows.forEachBlock(b, most, [&](Value row, int64_t height) {
    for (int64_t m = 0; m < d.outputs; m += 4)
      emitDots(b, d, row, height, m, std::min<int64_t>(4, d.outputs - m));
  });
  return rows.grid();
}

llvm::FailureOr<Grid> emitDense(KernelBuilder &b, mlir::Operation *operation) {
  auto op = mlir::cast<nn::DenseOp>(operation);
  Buffer x = b.buffer(op.getInput()), w = b.buffer(op.getWeight());
  Dense d{x.pointer,
          w.pointer,
          b.bufferOrNone(op.getBias()).pointer,
          b.buffer(op.getResult()).pointer,
          w.type.getDimSize(0),
          w.type.getDimSize(1),
          op.getActivationAttr()};
  switch (nn::formOf(w.type)) {
  case nn::WeightForm::Panels:
    return emitDensePanels(b, d, x);
  case nn::WeightForm::Rows:
    return emitDenseRows(b, d, x);
  case nn::WeightForm::Canonical:
    break;
  }
  return op.emitOpError("needs its weight as #nn.form<panels> or "
                        "#nn.form<rows>");
}

} // namespace tl::cpu
