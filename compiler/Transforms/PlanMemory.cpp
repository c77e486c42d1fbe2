// Offsets from lifetimes. Two regions: buffers of a fixed size, and buffers
// whose size and offset are multiples of the batch; one plan holds for every
// batch. Greedy: one buffer after the other, each at the lowest offset that is
// free during its whole life. In which order is a matter of luck, so that
// several are tried for each region and the smallest plan is kept.
#include "compiler/Analysis/Lifetimes.h"
#include "compiler/Transforms/Passes.h"

using namespace mlir;

namespace tl {
#define GEN_PASS_DEF_PLANMEMORY
#include "compiler/Transforms/Passes.h.inc"

namespace {

struct Placed {
  const Life *life;
  int64_t offset;
};

struct Plan {
  SmallVector<Placed> places;
  int64_t size = 0;
};

/// What comes first has the largest rank; of equals the larger and earlier.
using Rank = int64_t (*)(const Life &);
constexpr Rank kOrders[] = {
    [](const Life &life) { return life.bytes; },
    [](const Life &life) { return life.bytes * (life.last - life.first + 1); },
    [](const Life &life) { return life.last - life.first; },
    [](const Life &life) { return -life.first; },
    [](const Life &life) { return life.last; },
};

/// The lowest offset at which `life` meets none of `placed`.
int64_t lowestOffset(const Life &life, ArrayRef<Placed> placed) {
  SmallVector<std::pair<int64_t, int64_t>> taken;
  for (auto [other, offset] : placed)
    if (life.meets(*other))
      taken.push_back({offset, offset + other->bytes});
  llvm::sort(taken);
  int64_t offset = 0;
  for (auto [begin, end] : taken) {
    if (offset + life.bytes <= begin)
      break;
    offset = std::max(offset, end);
  }
  return offset;
}

Plan placeInOrder(ArrayRef<const Life *> lives, Rank rank) {
  SmallVector<const Life *> order(lives);
  llvm::stable_sort(order, [&](const Life *a, const Life *b) {
    return std::tuple(-rank(*a), -a->bytes, a->first) <
           std::tuple(-rank(*b), -b->bytes, b->first);
  });
  Plan plan;
  for (const Life *life : order) {
    int64_t offset = lowestOffset(*life, plan.places);
    plan.places.push_back({life, offset});
    plan.size = std::max(plan.size, offset + life->bytes);
  }
  return plan;
}

/// Plans the buffers of one region; gives its size.
int64_t planRegion(ArrayRef<Life> all, bool perPicture) {
  SmallVector<const Life *> lives;
  for (const Life &life : all)
    if (life.perPicture == perPicture)
      lives.push_back(&life);
  Plan best = placeInOrder(lives, kOrders[0]);
  for (Rank rank : llvm::drop_begin(kOrders))
    if (Plan plan = placeInOrder(lives, rank); plan.size < best.size)
      best = std::move(plan);
  for (auto [life, offset] : best.places) {
    rt::BufferOp buffer = life->buffer;
    buffer.setOffset(offset);
  }
  return best.size;
}

struct PlanMemory : impl::PlanMemoryBase<PlanMemory> {
  void runOnOperation() override {
    for (auto entry : getOperation().getOps<rt::EntryOp>()) {
      SmallVector<Life> lives = lifetimes(entry);
      entry.setArenaFixed(planRegion(lives, /*perPicture=*/false));
      entry.setArenaPerPicture(planRegion(lives, /*perPicture=*/true));
    }
  }
};
} // namespace
} // namespace tl
