// Sizes of a tile; see the header. Measurements: README.md.
#include "compiler/Conversion/KernelsToCPU/WinogradPlan.h"

#include "compiler/Conversion/KernelsToCPU/MicroTile.h"
#include "dialects/NN/Winograd.h"
#include "llvm/Support/MathExtras.h"

#include <limits>

namespace tl::cpu {

using namespace nn::winograd;

/// Lines of the cache, in elements.
static constexpr int64_t kLine = 16;

/// Blocks of a tile. V and M of few stay in the second-level cache. Each tile
/// reads U once: where U is larger than what the third-level cache can keep,
/// more blocks share it.
static int64_t wantedBlocks(const WinogradShape &shape) {
  constexpr int64_t few = 28, many = 100, largeU = 24 << 20;
  int64_t bytes = kPlanes * shape.inputs * shape.outputs * sizeof(float);
  return bytes > largeU ? many : few;
}

/// The height of a block of sums that wastes least: rows past the last block
/// are computed, too, and each product also loads a row of U.
static int64_t chooseMicroRows(int64_t blocks, int64_t most) {
  int64_t best = 1, bestCost = std::numeric_limits<int64_t>::max();
  for (int64_t rows = most; rows * 2 >= most; --rows) {
    int64_t cost = llvm::divideCeil(blocks, rows) * (rows + 2);
    if (cost < bestCost) {
      best = rows;
      bestCost = cost;
    }
  }
  return best;
}

WinogradPlan::WinogradPlan(const WinogradShape &shape, const Isa &isa)
    : blockRows(blocksFor(shape.height)), blockColumns(blocksFor(shape.width)),
      outputs(shape.outputs) {
  int64_t wanted = wantedBlocks(shape);
  pictures = std::max<int64_t>(1, wanted / map());
  blockParts = pictures > 1 ? 1 : llvm::divideCeil(map(), wanted);
  blocks = llvm::divideCeil(pictures * map(), blockParts);
  blockParts = llvm::divideCeil(pictures * map(), blocks);
  // Where one picture has one tile, two threads share its outputs.
  if (blockParts == 1 && shape.outputs % (2 * isa.columns) == 0) {
    outputParts = 2;
    outputs /= 2;
  }
  size_t vectors = std::min<int64_t>(
      isa.vectors(), llvm::divideCeil(shape.outputs, isa.lanes));
  microRows = chooseMicroRows(blocks, cpu::blockRows(isa, vectors));
  vRow = llvm::alignTo(shape.inputs, kLine) + kLine;
  mRow = llvm::alignTo(outputs, kLine) + kLine;
  int64_t rows = llvm::alignTo(blocks, microRows);
  vPlane = rows * vRow + kLine;
  mPlane = rows * mRow + kLine;
}

int64_t WinogradPlan::scratchBytes() const {
  return kPlanes * (vPlane + mPlane) * int64_t(sizeof(float));
}

} // namespace tl::cpu
