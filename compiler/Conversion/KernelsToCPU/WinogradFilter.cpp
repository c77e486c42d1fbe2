// nn.winograd_filter, from panels to panels: output channels are the lanes. In
// double, so that each result is rounded once: it is computed once for a
// program and read by all its runs.
#include "compiler/Conversion/KernelsToCPU/Doubles.h"
#include "compiler/Conversion/KernelsToCPU/Emitters.h"
#include "dialects/NN/Winograd.h"
#include "runtime/schema/WeightForm.h"
#include "llvm/Support/MathExtras.h"

namespace tl::cpu {

using namespace nn::winograd;
using schema::kPanelWidth;

/// Input channels of a tile.
static constexpr int64_t kTileInputs = 32;

/// G times a column of taps. Sums start from 0, or the zeros that fill up a
/// panel would get the sign of their factor.
static Values multiplyByG(KernelBuilder &b, llvm::ArrayRef<Value> taps) {
  Values result;
  for (const auto &row : filterMatrix()) {
    Value sum = b.number(0, taps.front());
    for (auto [factor, tap] : llvm::zip(row, taps))
      if (factor != 0)
        sum = b.addF(sum, b.mulF(b.number(factor, tap), tap));
    result.push_back(sum);
  }
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

llvm::FailureOr<Grid> emitWinogradFilter(KernelBuilder &b,
                                         mlir::Operation *operation) {
  auto op = mlir::cast<nn::WinogradFilterOp>(operation);
  Buffer from = b.buffer(op.getFilter()), to = b.buffer(op.getResult());
  if (nn::formOf(from.type) != nn::WeightForm::Panels ||
      nn::formOf(to.type) != nn::WeightForm::Panels)
    return op.emitOpError("needs filter and result as #nn.form<panels>");
  b.describe("a filter's 36 points, in double precision");
  int64_t inputs = from.type.getDimSize(2);
  int64_t panels = llvm::divideCeil(from.type.getDimSize(3), kPanelWidth);
  int64_t blocks = llvm::divideCeil(inputs, kTileInputs);
  int64_t plane = inputs * kPanelWidth;
  Value panel = b.div(b.tile(), blocks);
  Value first = b.mul(b.rem(b.tile(), blocks), kTileInputs);
  Value last = b.min(b.add(first, kTileInputs), b.constant(inputs));
  Value source = b.at(from.pointer, b.mul(panel, kTaps * kTaps * plane));
  Value target = b.at(to.pointer, b.mul(panel, kPlanes * plane));
  b.loop(first, last, 1, [&](Value i) {
    b.loop(0, kPanelWidth, b.lanes(), [&](Value lane) {
      Value place = b.add(b.mul(i, kPanelWidth), lane);
      emitChannel(b, b.at(source, place), b.at(target, place), plane, plane);
    });
  });
  return Grid{panels * blocks, 1, 0, 0};
}

} // namespace tl::cpu
