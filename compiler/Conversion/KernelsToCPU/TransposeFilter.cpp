// nn.transpose_filter. Panels become panels: for each tap a matrix [I, O] whose
// rows of 16 outputs are loaded, transposed in registers and stored as rows of
// 16 inputs. Filters of groups are in canonical form and small: element by
// element.
#include "compiler/Conversion/KernelsToCPU/Emitters.h"
#include "compiler/Conversion/KernelsToCPU/Transpose.h"
#include "runtime/schema/WeightForm.h"
#include "llvm/Support/MathExtras.h"

namespace tl::cpu {

using schema::kPanelWidth;

namespace {
struct Filter {
  Value from, to;
  int64_t taps, inputs, outputs; ///< of the filter that is read
};
} // namespace

/// One panel of the result, of `rows` inputs, for all taps.
static void emitPanel(KernelBuilder &b, const Filter &f, Value panel,
                      int64_t rows) {
  Value from = b.at(f.from, b.mul(panel, kPanelWidth * kPanelWidth));
  Value to = b.at(f.to, b.mul(panel, f.taps * f.outputs * kPanelWidth));
  int64_t whole = f.outputs / kPanelWidth, rest = f.outputs % kPanelWidth;
  b.loop(0, f.taps, 1, [&](Value tap) {
    Value tapFrom = b.at(from, b.mul(tap, f.inputs * kPanelWidth));
    Value tapTo = b.at(to, b.mul(tap, f.outputs * kPanelWidth));
    auto square = [&](Value outputs, int64_t columns) {
      transposePanel(
          b, b.at(tapFrom, b.mul(outputs, f.taps * f.inputs * kPanelWidth)),
          b.at(tapTo, b.mul(outputs, kPanelWidth * kPanelWidth)), rows,
          columns);
    };
    if (whole)
      b.loop(0, whole, 1, [&](Value o) { square(o, kPanelWidth); });
    if (rest)
      square(b.constant(whole), rest);
  });
}

static Grid emitPanels(KernelBuilder &b, const Filter &f) {
  b.describe("panels, transposed in squares of 16 x 16");
  int64_t panels = llvm::divideCeil(f.inputs, kPanelWidth);
  int64_t whole = f.inputs / kPanelWidth, rest = f.inputs % kPanelWidth;
  auto emitWhole = [&] { emitPanel(b, f, b.tile(), kPanelWidth); };
  auto emitRest = [&] { emitPanel(b, f, b.tile(), rest); };
  if (!rest)
    emitWhole();
  else if (!whole)
    emitRest();
  else
    b.when(b.less(b.tile(), b.constant(whole)), emitWhole, emitRest);
  return {panels, 1, 0, 0};
}

/// Outputs of a group become inputs, a tap a tile.
static Grid emitCanonical(KernelBuilder &b, const Filter &f, int64_t groups) {
  b.describe("element by element, a tap a tile");
  int64_t groupOut = f.outputs / groups, exchanged = f.inputs * groups;
  Value from = b.at(f.from, b.mul(b.tile(), f.inputs * f.outputs));
  Value to = b.at(f.to, b.mul(b.tile(), f.inputs * f.outputs));
  b.loop(0, f.inputs, 1, [&](Value i) {
    b.loop(0, groups, 1, [&](Value g) {
      Value row = b.at(b.at(from, b.mul(i, f.outputs)), b.mul(g, groupOut));
      Value column = b.at(to, b.add(b.mul(g, f.inputs), i));
      b.loop(0, groupOut, 1, [&](Value o) {
        b.storeScalar(b.loadScalar(b.at(row, o)),
                      b.at(column, b.mul(o, exchanged)));
      });
    });
  });
  return {f.taps, 1, 0, 0};
}

llvm::FailureOr<Grid> emitTransposeFilter(KernelBuilder &b,
                                          mlir::Operation *operation) {
  auto op = mlir::cast<nn::TransposeFilterOp>(operation);
  Buffer from = b.buffer(op.getFilter()), to = b.buffer(op.getResult());
  Filter f{from.pointer, to.pointer,
           from.type.getDimSize(0) * from.type.getDimSize(1),
           from.type.getDimSize(2), from.type.getDimSize(3)};
  nn::WeightForm forms[] = {nn::formOf(from.type), nn::formOf(to.type)};
  nn::WeightForm wanted =
      op.getGroups() == 1 ? nn::WeightForm::Panels : nn::WeightForm::Canonical;
  if (forms[0] != wanted || forms[1] != wanted)
    return op.emitOpError("needs filter and result as #nn.form<panels>, or in "
                          "canonical form where it has more than one group");
  return op.getGroups() == 1 ? emitPanels(b, f)
                             : emitCanonical(b, f, op.getGroups());
}

} // namespace tl::cpu
