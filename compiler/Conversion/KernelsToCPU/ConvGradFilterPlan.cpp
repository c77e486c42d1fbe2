// See the header.
#include "compiler/Conversion/KernelsToCPU/ConvGradFilterPlan.h"

#include "compiler/Conversion/KernelsToCPU/MicroTile.h"

namespace tl::cpu {

/// Few blocks are as many tiles: an odd number of them, which leaves one of two
/// threads idle for the last, becomes the next even one, of lower blocks. Five
/// blocks of 13 rows (64 channels) as six of 11: 7 % more loads, 17 % less
/// waiting.
static int64_t evenHeight(int64_t rows, int64_t height, int64_t across) {
  constexpr int64_t kFewTiles = 16;
  int64_t count = llvm::divideCeil(rows, height);
  bool uneven = count > 1 && count * across % 2 && count * across < kFewTiles;
  return uneven ? llvm::divideCeil(rows, count + 1) : height;
}

/// Rows of dw as blocks. All of a small filter, each block with code of its own
/// (5 at most); else tap by tap, or, where few channels would leave blocks
/// short, all taps of a filter row, whose channels follow each other in x too.
static void planRows(const GradFilter &g, const Isa &isa,
                     GradFilterPlan &plan) {
  int64_t columns = std::min(g.outputs, isa.columns);
  int64_t height = blockRows(isa, llvm::divideCeil(columns, isa.lanes));
  int64_t filter = g.kernelH * g.kernelW * g.inputs;
  int64_t line = g.kernelW * g.inputs;
  bool whole = g.groups == 1 && filter <= 5 * height;
  bool lines = g.groups == 1 && g.dilationW == 1 &&
               llvm::divideCeil(line, height) * 10 <=
                   llvm::divideCeil(g.inputs, height) * g.kernelW * 9;
  plan.tapsH = whole ? 1 : g.kernelH;
  plan.tapsW = whole || lines ? 1 : g.kernelW;
  int64_t rows = whole ? filter : lines ? line : g.inputs;
  auto place = [&](int64_t row) { // in x
    return row / line * g.tapRow + row % line / g.inputs * g.tapPixel +
           row % g.inputs;
  };
  auto add = [&](int64_t row, int64_t count, int64_t height) {
    RowBlocks blocks{plan.rowBlocks, count, height, row, {}};
    for (int64_t r = row; r < row + height; ++r)
      blocks.x.push_back(place(r));
    plan.rows.push_back(blocks);
    plan.rowBlocks += count;
  };
  height = evenHeight(rows, height, plan.columnTiles() * g.groups);
  for (const RowRun &run : splitRows(rows, height))
    if (whole) // no two read x alike
      for (int64_t i = 0; i < run.count; ++i)
        add(run.start + i * run.rows, 1, run.rows);
    else
      add(run.start, run.count, run.rows);
}

// Measured (README.md): 256 to 1600 pixels make no difference. Packing pays
// where pixels lie 1 KB apart, each on cache lines that compete for the same
// places, and where what is packed is read for several taps.
GradFilterPlan makePlan(const GradFilter &g, const Isa &isa) {
  constexpr int64_t kBlockPixels = 512, kFar = 256, kTiles = 32;
  GradFilterPlan plan;
  plan.columnGroups = llvm::divideCeil(g.outputs, isa.columns);
  plan.columnsPerTile = std::min<int64_t>(
      plan.columnGroups, 4 * schema::kPanelWidth / isa.columns);
  planRows(g, isa, plan);
  plan.block.pictures =
      std::max<int64_t>(1, kBlockPixels / (g.height * g.width));
  plan.block.rows = std::clamp<int64_t>(kBlockPixels / g.width, 1, g.height);
  bool severalTaps = plan.tapsH * plan.tapsW > 1;
  plan.packDy = severalTaps && g.dy.pixel >= kFar;
  plan.packX = severalTaps && plan.tapsW == g.kernelW && g.x.pixel >= kFar;
  int64_t blocks = plan.rowBlocks * plan.columnTiles() * g.groups;
  plan.rowsPerTile = std::max<int64_t>(1, blocks / kTiles);
  plan.rowsPerTile = llvm::divideCeil(plan.rowBlocks, plan.rowTiles());
  plan.xStepH = g.kernelH == 1 ? g.strideH : 1;
  plan.xStepW = g.kernelW == 1 ? g.strideW : 1;
  plan.xHeight = (plan.block.rows - 1) * g.strideH / plan.xStepH +
                 (g.kernelH - 1) * g.dilationH + 1;
  plan.xWidth = (g.width - 1) * g.strideW / plan.xStepW +
                (g.kernelW - 1) * g.dilationW + 1;
  int64_t tallest = 0;
  for (const RowBlocks &blocks : plan.rows)
    tallest = std::max(tallest, blocks.height);
  plan.xPixel = llvm::alignTo(tallest, isa.lanes);
  return plan;
}

} // namespace tl::cpu
