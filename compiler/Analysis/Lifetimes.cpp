// One walk over the entry; see the header.
#include "compiler/Analysis/Lifetimes.h"

#include "dialects/NN/Storage.h"

using namespace mlir;

namespace tl {

SmallVector<Life> lifetimes(rt::EntryOp entry) {
  SmallVector<Life> lives;
  llvm::DenseMap<Value, size_t> index;
  Block &block = entry.getBody().front();
  int64_t position = 0, end = int64_t(block.getOperations().size()) + 1;
  for (Operation &op : block) {
    ++position;
    if (auto buffer = dyn_cast<rt::BufferOp>(op)) {
      nn::Storage storage = nn::storageOf(buffer.getType().getTensor());
      index[buffer.getResult()] = lives.size();
      lives.push_back({buffer,
                       int64_t(llvm::alignTo(storage.bytes, kArenaAlignment)),
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

ArenaSize arenaLowerBound(rt::EntryOp entry) {
  SmallVector<Life> lives = lifetimes(entry);
  ArenaSize most;
  // The sum only grows where a life begins.
  for (const Life &start : lives) {
    int64_t alive = 0;
    for (const Life &life : lives)
      if (life.perPicture == start.perPicture && life.first <= start.first &&
          start.first <= life.last)
        alive += life.bytes;
    int64_t &region = start.perPicture ? most.perPicture : most.fixed;
    region = std::max(region, alive);
  }
  return most;
}

ArenaSize arenaPlanned(rt::EntryOp entry) {
  return {int64_t(entry.getArenaFixed().value_or(0)),
          int64_t(entry.getArenaPerPicture().value_or(0))};
}

} // namespace tl
