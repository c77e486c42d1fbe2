// Offsets from lifetimes. Two regions: buffers of a fixed size, and buffers
// whose size and offset are multiples of the batch; one plan holds for every
// batch. Greedy by size: the largest buffer first, each at the lowest offset
// that is free during its whole life.
#include "compiler/Transforms/Passes.h"
#include "dialects/NN/Storage.h"

using namespace mlir;

namespace tl {
#define GEN_PASS_DEF_PLANMEMORY
#include "compiler/Transforms/Passes.h.inc"

namespace {

constexpr int64_t kAlignment = 64;

struct Life {
  rt::BufferOp buffer;
  int64_t bytes = 0;
  bool perPicture = false;
  int64_t first = 0, last = 0; // operations of the entry, in order
  int64_t offset = 0;
};

/// Lifetimes of an entry's buffers. Inputs live from the start to their last
/// reader, outputs to the end.
SmallVector<Life> lifetimes(rt::EntryOp entry) {
  SmallVector<Life> lives;
  llvm::DenseMap<Value, size_t> index;
  int64_t position = 0, end = std::numeric_limits<int64_t>::max();
  for (Operation &op : entry.getBody().front()) {
    ++position;
    if (auto buffer = dyn_cast<rt::BufferOp>(op)) {
      nn::Storage storage = nn::storageOf(buffer.getType().getTensor());
      index[buffer.getResult()] = lives.size();
      lives.push_back({buffer,
                       int64_t(llvm::alignTo(storage.bytes, kAlignment)),
                       storage.perPicture, end, 0});
      continue;
    }
    for (Value operand : op.getOperands()) {
      auto known = index.find(operand);
      if (known == index.end())
        continue;
      Life &life = lives[known->second];
      life.first = std::min(life.first, isa<rt::InputOp>(op) ? 0 : position);
      life.last = std::max(life.last, isa<rt::OutputOp>(op) ? end : position);
    }
  }
  return lives;
}

/// The lowest offset at which `life` meets none of `placed`.
int64_t lowestOffset(const Life &life, ArrayRef<Life *> placed) {
  SmallVector<std::pair<int64_t, int64_t>> taken;
  for (Life *other : placed)
    if (other->perPicture == life.perPicture && other->first <= life.last &&
        life.first <= other->last)
      taken.push_back({other->offset, other->offset + other->bytes});
  llvm::sort(taken);
  int64_t offset = 0;
  for (auto [begin, end] : taken) {
    if (offset + life.bytes <= begin)
      break;
    offset = std::max(offset, end);
  }
  return offset;
}

struct PlanMemory : impl::PlanMemoryBase<PlanMemory> {
  void runOnOperation() override {
    for (auto entry : getOperation().getOps<rt::EntryOp>())
      plan(entry);
  }

  void plan(rt::EntryOp entry) {
    SmallVector<Life> lives = lifetimes(entry);
    SmallVector<Life *> order;
    for (Life &life : lives)
      order.push_back(&life);
    llvm::sort(order, [](Life *a, Life *b) {
      return std::tuple(-a->bytes, a->first, a) <
             std::tuple(-b->bytes, b->first, b);
    });
    SmallVector<Life *> placed;
    int64_t fixed = 0, perPicture = 0;
    for (Life *life : order) {
      life->offset = lowestOffset(*life, placed);
      placed.push_back(life);
      int64_t &size = life->perPicture ? perPicture : fixed;
      size = std::max(size, life->offset + life->bytes);
      life->buffer.setOffset(life->offset);
    }
    entry.setArenaFixed(fixed);
    entry.setArenaPerPicture(perPicture);
  }
};
} // namespace
} // namespace tl
