// nn.dense_update: each block of the weight's gradient is summed into scratch,
// where the first-level cache keeps it, and the block of the weight and its
// slots is updated from there. So a step reads and writes them once, and the
// gradient never leaves the core. The sums and the rule are those of
// nn.dense_grad_weight and nn.update, number by number, and so are the bits.
#include "compiler/Conversion/KernelsToCPU/DenseGradWeight.h"
#include "compiler/Conversion/KernelsToCPU/Emitters.h"
#include "compiler/Conversion/KernelsToCPU/UpdateRule.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "llvm/Support/MathExtras.h"

namespace tl::cpu {

namespace {
struct DenseUpdate {
  GradWeight gradient;
  UpdateRule rule;
  UpdateBuffers buffers;
};
} // namespace

/// Asks for the next block of a panel while this one is summed: a block is 14
/// lines of each array, too short a run for the processor to see it coming.
static void fetchBlock(KernelBuilder &b, const DenseUpdate &u, Value row,
                       int64_t height, Value group, int64_t remaining) {
  const GradWeight &g = u.gradient;
  Value next = b.min(b.add(row, height), b.constant(g.rows - height));
  Value first = gradWeightPlace(b, g, next, group);
  BlockPlace block{first, g.rowStep, g.columnBlock};
  Values arrays = u.buffers.slots;
  arrays.push_back(u.buffers.parameter);
  for (Value array : arrays)
    for (int64_t c = 0; c < std::min(b.isa().columns, remaining);
         c += schema::kPanelWidth)
      for (int64_t r = 0; r < height; ++r)
        mlir::LLVM::Prefetch::create(
            b, b.at(b.at(array, first), block.offset(r, c)), /*rw=*/1,
            /*hint=*/3, /*cache=*/1);
}

static void emitBlock(KernelBuilder &b, const DenseUpdate &u, Value row,
                      int64_t height, Value group, int64_t remaining) {
  const GradWeight &g = u.gradient;
  int64_t width = b.isa().columns;
  BlockPlace sums{b.scratch(), width, schema::kPanelWidth};
  if (g.padded)
    fetchBlock(b, u, row, height, group, remaining);
  forEachPart(b, g, [&](const Terms &terms) {
    addGradWeightBlock(b, g, terms, row, height, group, remaining, sums);
  });
  Value first = gradWeightPlace(b, g, row, group);
  BlockPlace block{first, g.rowStep, g.columnBlock};
  b.loop(0, height, 1, [&](Value r) {
    Value from = b.at(b.scratch(), b.mul(r, width));
    Value to = b.add(first, b.mul(r, g.rowStep));
    for (const Column &c : gradWeightColumns(b, g, remaining)) {
      int64_t active = g.padded ? b.lanes() : c.active;
      updateElements(b, u.rule, u.buffers, b.add(to, block.offset(0, c.output)),
                     b.loadPart(b.at(from, c.output), b.lanes(), active),
                     active);
    }
  });
}

/// Down the rows of one group after the other: in panels these lie in one
/// piece, so that a tile reads and writes a few long runs of memory.
static Grid emitTiles(KernelBuilder &b, const DenseUpdate &u) {
  constexpr int64_t kTileRows = 448, kTileElements = 65536;
  const GradWeight &g = u.gradient;
  int64_t width = b.isa().columns, groups = llvm::divideCeil(g.columns, width);
  int64_t vectors = llvm::divideCeil(std::min(g.columns, width), b.lanes());
  int64_t height = std::min(g.rows, blockRows(b.isa(), vectors));
  int64_t blocks = g.rows / height, rest = g.rows % height;
  int64_t perTile = std::clamp<int64_t>(kTileRows / height, 1, blocks);
  int64_t across = std::clamp<int64_t>(
      kTileElements / (perTile * height * width), 1, groups);
  int64_t down = llvm::divideCeil(blocks, perTile);
  int64_t tileColumns = llvm::divideCeil(groups, across);
  Value place = b.div(b.tile(), tileColumns);
  Value begin = b.mul(place, perTile);
  Value end = b.min(b.add(begin, perTile), b.constant(blocks));
  Value first = b.mul(b.rem(b.tile(), tileColumns), across);
  Value last = b.min(b.add(first, across), b.constant(groups));
  forEachGroup(b, g, first, last, [&](Value group, int64_t remaining) {
    b.loop(begin, end, 1, [&](Value block) {
      emitBlock(b, u, b.mul(block, height), height, group, remaining);
    });
    if (rest)
      b.when(b.equal(place, down - 1), [&] {
        emitBlock(b, u, b.constant(blocks * height), rest, group, remaining);
      });
  });
  return {down * tileColumns, 1, 0, height * width * 4};
}

llvm::FailureOr<Grid> emitDenseUpdate(KernelBuilder &b, mlir::Operation *op) {
  auto node = mlir::cast<nn::DenseUpdateOp>(op);
  Buffer parameter = b.buffer(node.getParameter());
  auto gradient = gradWeightOf(b.buffer(node.getInput()),
                               b.buffer(node.getGradient()).pointer, parameter);
  if (!gradient)
    return node.emitOpError("needs its parameter as #nn.form<panels> or "
                            "#nn.form<rows>");
  UpdateBuffers buffers{parameter.pointer, {}};
  for (Value slot : node.getSlots())
    buffers.slots.push_back(b.buffer(slot).pointer);
  b.describe("a matrix product, summed over the batch, updates in place");
  return emitTiles(b,
                   {*gradient,
                    loadRule(b, node.getOptimizer(),
                             b.buffer(node.getStep()).pointer, node.getRate()),
                    buffers});
}

} // namespace tl::cpu
