// Register blocking; see the header.
#include "compiler/Conversion/KernelsToCPU/MicroTile.h"

#include "runtime/schema/WeightForm.h"
#include "llvm/Support/MathExtras.h"

namespace tl::cpu {

using schema::kPanelWidth;

llvm::SmallVector<Column> panelColumns(const Isa &isa, int64_t remaining,
                                       int64_t panelStride) {
  llvm::SmallVector<Column> columns = plainColumns(isa, remaining);
  for (Column &column : columns)
    column.weight =
        column.output / kPanelWidth * panelStride + column.output % kPanelWidth;
  return columns;
}

llvm::SmallVector<Column> plainColumns(const Isa &isa, int64_t remaining) {
  llvm::SmallVector<Column> columns;
  for (int64_t c = 0; c < std::min(isa.columns, remaining); c += isa.lanes)
    columns.push_back({c, c, std::min(isa.lanes, remaining - c)});
  return columns;
}

// Few vectors want more rows, or the latency of the FMAs shows; past 14 rows
// there is nothing left to hide.
int64_t blockRows(const Isa &isa, size_t vectors) {
  return std::min<int64_t>(14, isa.rows * isa.vectors() / int64_t(vectors));
}

llvm::SmallVector<RowRun, 2> splitRows(int64_t total, int64_t rows) {
  int64_t blocks = llvm::divideCeil(total, rows);
  int64_t low = total / blocks, tall = total % blocks;
  llvm::SmallVector<RowRun, 2> runs;
  if (tall)
    runs.push_back({0, low + 1, tall});
  runs.push_back({tall * (low + 1), low, blocks - tall});
  return runs;
}

MicroTile::MicroTile(KernelBuilder &b, int64_t rows, int64_t rowStride,
                     llvm::ArrayRef<Column> columns, bool maskWeights,
                     int64_t weightAlignment)
    : b_(b), columns_(columns), maskWeights_(maskWeights),
      weightAlignment_(weightAlignment) {
  for (int64_t r = 0; r < rows; ++r)
    rows_.push_back(r * rowStride);
  announce();
}

MicroTile::MicroTile(KernelBuilder &b, llvm::ArrayRef<int64_t> rows,
                     llvm::ArrayRef<Column> columns, bool maskWeights,
                     int64_t weightAlignment)
    : b_(b), rows_(rows), columns_(columns), maskWeights_(maskWeights),
      weightAlignment_(weightAlignment) {
  announce();
}

void MicroTile::announce() {
  int64_t active = 0;
  for (const Column &column : columns_)
    active += column.active;
  b_.holdsBlock(int64_t(rows_.size()), int64_t(columns_.size()) * b_.lanes(),
                active);
}

Values MicroTile::start(Value bias) {
  Values row, all;
  for (const Column &column : columns_)
    row.push_back(bias ? b_.loadPart(b_.at(bias, column.output), b_.lanes(),
                                     column.active)
                       : b_.splat(0, b_.lanes()));
  for (size_t r = 0; r < rows_.size(); ++r)
    llvm::append_range(all, row);
  return all;
}

// Weights first, then one broadcast at a time: the accumulators, the weights
// and one more are all that is live.
Values MicroTile::step(Values acc, Value a, Value w) {
  Values weights;
  for (const Column &column : columns_) {
    Value pointer = b_.at(w, column.weight);
    weights.push_back(maskWeights_
                          ? b_.loadPart(pointer, b_.lanes(), column.active)
                          : b_.load(pointer, b_.lanes(), weightAlignment_));
  }
  for (auto [r, offset] : llvm::enumerate(rows_)) {
    Value x = b_.loadBroadcast(b_.at(a, offset), b_.lanes());
    for (size_t v = 0; v < weights.size(); ++v) {
      Value &sum = acc[r * weights.size() + v];
      sum = b_.fma(x, weights[v], sum);
    }
  }
  return acc;
}

Values MicroTile::nest(Values acc, Value a, Value w,
                       llvm::ArrayRef<SumLoop> loops) {
  if (loops.empty())
    return step(std::move(acc), a, w);
  const SumLoop &loop = loops.front();
  // Loops stay loops: written out, the loads that neighbouring pixels share
  // would be kept in registers that are not there.
  if (loop.count == 1)
    return nest(std::move(acc), a, w, loops.drop_front());
  Value end = loop.count ? b_.constant(loop.count) : loop.dynamicCount;
  return b_.loop(
      b_.constant(0), end, 1, acc, [&](Value i, mlir::ValueRange carried) {
        return nest(Values(carried), b_.at(a, b_.mul(i, loop.aStep)),
                    b_.at(w, b_.mul(i, loop.wStep)), loops.drop_front());
      });
}

Values MicroTile::add(Values acc, Value a, Value w,
                      llvm::ArrayRef<SumLoop> loops) {
  // Loops whose steps continue each other are one loop.
  llvm::SmallVector<SumLoop> merged;
  for (const SumLoop &loop : loops) {
    SumLoop *outer = merged.empty() ? nullptr : &merged.back();
    if (outer && outer->count && loop.count &&
        (outer->count == 1 || (outer->aStep == loop.count * loop.aStep &&
                               outer->wStep == loop.count * loop.wStep)))
      *outer = {outer->count * loop.count, loop.aStep, loop.wStep};
    else
      merged.push_back(loop);
  }
  return nest(std::move(acc), a, w, merged);
}

void MicroTile::finish(
    const Values &acc,
    llvm::function_ref<void(int64_t, const Column &, Value)> done) {
  for (size_t r = 0; r < rows_.size(); ++r)
    for (size_t v = 0; v < columns_.size(); ++v)
      done(r, columns_[v], acc[r * columns_.size() + v]);
}

} // namespace tl::cpu
