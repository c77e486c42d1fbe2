// Sizes of a tile; see the header. Measurements: README.md.
#include "compiler/Conversion/KernelsToCPU/StrassenPlan.h"

#include "runtime/schema/WeightForm.h"
#include "llvm/Support/MathExtras.h"

#include <algorithm>

namespace tl::cpu {

/// A line of the cache, and the longest vector.
static constexpr int64_t kLine = 16;
/// Sums of panels of a longer chunk would not stay in the second-level cache
/// beside the panels.
static constexpr int64_t kChunk = 1024;
/// Pictures that share sums of panels, and columns that share sums of rows.
/// With more rows of quarters those sums would leave the caches.
static constexpr int64_t kPictures = 4, kRows = 416, kColumns = 192;
/// The fewest tiles of a row of pictures, where the batch has one row or more.
/// More tiles would make more sums of rows.
static constexpr int64_t kTilesOfOne = 4, kTilesOfMore = 2;

bool StrassenPlan::fits(const StrassenShape &shape) {
  int64_t widest = 0;
  for (const Isa &isa : allIsas())
    widest = std::max(widest, isa.columns);
  return shape.rows > 1 && shape.rows <= 2 * kRows &&
         shape.inputs % (2 * kLine) == 0 && shape.outputs % (2 * widest) == 0;
}

StrassenPlan::StrassenPlan(const StrassenShape &shape, const Isa &isa)
    : half(llvm::divideCeil(shape.rows, 2)), lower(shape.rows - half),
      chunks(llvm::divideCeil(shape.inputs, kChunk)),
      groups(shape.outputs / 2 / isa.columns),
      pictures(std::clamp<int64_t>(kRows / half, 1, kPictures)),
      products(7.0 * double(half) / (4.0 * double(shape.rows))) {
  while (shape.inputs % (chunks * 2 * kLine))
    ++chunks;
  depth = shape.inputs / chunks / 2;
  auto groupsFor = [&](int64_t tiles) {
    return std::min<int64_t>(llvm::divideCeil(groups, tiles),
                             std::max<int64_t>(1, kColumns / isa.columns));
  };
  groupsOfOne = groupsFor(kTilesOfOne);
  groupsOfMore = groupsFor(kTilesOfMore);
  parts = llvm::divideCeil(groups, groupsOfOne);
  // No multiples of a page, which would all want the same few places of the
  // first-level cache.
  rowStep = depth + kLine;
  rowQuarter = half * rowStep;
  panel = depth * schema::kPanelWidth;
  panelQuarter = isa.columns / schema::kPanelWidth * panel + kLine;
  block = llvm::alignTo(isa.rows * isa.columns, kLine);
}

} // namespace tl::cpu
