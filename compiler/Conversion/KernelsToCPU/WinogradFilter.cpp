// nn.winograd_filter, from panels to panels: output channels are the lanes,
// those of the result where it is transposed. In double, so that each result is
// rounded once: a frozen filter's is read by all runs, and a trained one's
// waits for memory anyway.
#include "compiler/Conversion/KernelsToCPU/Doubles.h"
#include "compiler/Conversion/KernelsToCPU/Emitters.h"
#include "compiler/Conversion/KernelsToCPU/Transpose.h"
#include "dialects/NN/Winograd.h"
#include "runtime/schema/WeightForm.h"
#include "llvm/Support/MathExtras.h"

namespace tl::cpu {

using namespace nn::winograd;
using schema::kPanelWidth;

/// Input channels of a tile, of the result; whole panels.
static constexpr int64_t kTileInputs = 32;

/// Elements of one tap, transposed: a panel's width of either channels.
static constexpr int64_t kSquare = kPanelWidth * kPanelWidth;

/// G times a column of taps. Rows of a pair of points p, -p share the even and
/// the odd part. Sums start from 0, or the zeros that fill up a panel would get
/// the sign of their factor.
static Values multiplyByG(KernelBuilder &b, llvm::ArrayRef<Value> taps) {
  constexpr auto g = filterMatrix();
  auto times = [&](double factor, Value tap, Value sum) {
    return b.fma(b.number(factor, tap), tap, sum);
  };
  Value zero = b.number(0, taps.front());
  Values result = {times(g[0][0], taps[0], zero)};
  for (size_t row : {1, 3}) {
    Value even = times(g[row][0], taps[0], times(g[row][2], taps[2], zero));
    Value odd = times(g[row][1], taps[1], zero);
    result.push_back(b.addF(even, odd));
    result.push_back(b.subF(even, odd));
  }
  result.push_back(taps[2]);
  return result;
}

/// One input channel, the vector of outputs at the pointers; `tap` and `plane`
/// are the distances of what belongs to one channel.
static void emitChannel(KernelBuilder &b, Value from, Value to, int64_t tap,
                        int64_t plane) {
  Values columns[kTaps]; // G g: 6 x 3, by columns
  for (int64_t j = 0; j < kTaps; ++j) {
    Values taps;
    for (int64_t i = 0; i < kTaps; ++i)
      taps.push_back(
          widen(b, b.load(b.at(from, (i * kTaps + j) * tap), b.lanes())));
    columns[j] = multiplyByG(b, taps);
  }
  for (int64_t i = 0; i < kInputs; ++i) {
    Values row = multiplyByG(b, {columns[0][i], columns[1][i], columns[2][i]});
    for (int64_t j = 0; j < kInputs; ++j)
      b.store(narrow(b, row[j]), b.at(to, (i * kInputs + j) * plane));
  }
}

namespace {
/// A tile: some input channels of one panel of the result.
struct Tile {
  Value from, to, panel, first, last;
  int64_t plane; ///< elements of one panel at one point
};
} // namespace

static void emitTile(KernelBuilder &b, const Tile &t) {
  Value source = b.at(t.from, b.mul(t.panel, kTaps * kTaps * t.plane));
  b.loop(t.first, t.last, 1, [&](Value i) {
    b.loop(0, kPanelWidth, b.lanes(), [&](Value lane) {
      Value place = b.add(b.mul(i, kPanelWidth), lane);
      emitChannel(b, b.at(source, place), b.at(t.to, place), t.plane, t.plane);
    });
  });
}

/// The result's inputs are the filter's outputs: each panel of these is
/// transposed into scratch, tap by tap, and read from the last tap back. `rows`
/// of its panel of `outputs`, the filter's inputs, are there.
static void emitTransposedTile(KernelBuilder &b, const Tile &t, int64_t outputs,
                               int64_t rows) {
  constexpr int64_t lastTap = kTaps * kTaps - 1;
  Value square = b.scratch();
  b.loop(t.first, t.last, kPanelWidth, [&](Value begin) {
    Value source = b.at(b.at(t.from, b.mul(begin, kTaps * kTaps * outputs)),
                        b.mul(t.panel, kSquare));
    b.loop(0, kTaps * kTaps, 1, [&](Value tap) {
      transposePanel(b, b.at(source, b.mul(tap, outputs * kPanelWidth)),
                     b.at(square, b.mul(tap, kSquare)), rows, kPanelWidth);
    });
    Value end = b.min(b.add(begin, kPanelWidth), t.last);
    b.loop(begin, end, 1, [&](Value i) {
      Value row = b.mul(b.sub(i, begin), kPanelWidth);
      b.loop(0, kPanelWidth, b.lanes(), [&](Value lane) {
        Value to = b.add(b.mul(i, kPanelWidth), lane);
        emitChannel(b,
                    b.at(square, b.add(b.add(row, lane),
                                       b.constant(lastTap * kSquare))),
                    b.at(t.to, to), -kSquare, t.plane);
      });
    });
  });
}

llvm::FailureOr<Grid> emitWinogradFilter(KernelBuilder &b,
                                         mlir::Operation *operation) {
  auto op = mlir::cast<nn::WinogradFilterOp>(operation);
  Buffer from = b.buffer(op.getFilter()), to = b.buffer(op.getResult());
  if (nn::formOf(from.type) != nn::WeightForm::Panels ||
      nn::formOf(to.type) != nn::WeightForm::Panels)
    return op.emitOpError("needs filter and result as #nn.form<panels>");
  b.describe("a filter's 36 points, in double precision");
  int64_t inputs = to.type.getDimSize(1), outputs = to.type.getDimSize(2);
  int64_t panels = llvm::divideCeil(outputs, kPanelWidth);
  int64_t blocks = llvm::divideCeil(inputs, kTileInputs);
  Tile t{from.pointer, {}, b.div(b.tile(), blocks),
         {},           {}, inputs * kPanelWidth};
  t.to = b.at(to.pointer, b.mul(t.panel, kPlanes * t.plane));
  t.first = b.mul(b.rem(b.tile(), blocks), kTileInputs);
  t.last = b.min(b.add(t.first, kTileInputs), b.constant(inputs));
  Grid grid{panels * blocks, 1, 0, 0};
  if (!op.getTransposed()) {
    emitTile(b, t);
    return grid;
  }
  grid.scratch = kTaps * kTaps * kSquare * int64_t(sizeof(float));
  int64_t whole = outputs / kPanelWidth, rest = outputs % kPanelWidth;
  auto emit = [&](int64_t rows) { emitTransposedTile(b, t, outputs, rows); };
  if (!rest)
    emit(kPanelWidth);
  else if (!whole)
    emit(rest);
  else
    b.when(
        b.less(t.panel, b.constant(whole)), [&] { emit(kPanelWidth); },
        [&] { emit(rest); });
  return grid;
}

} // namespace tl::cpu
