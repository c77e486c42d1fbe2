// See CacheBudget.h.
#include "runtime/tools/CacheBudget.h"

#include "runtime/data/FeatureCache.h"
#include "runtime/data/Room.h"
#include "runtime/tools/CacheContext.h"
#include "runtime/tools/Failure.h"

#include <algorithm>

namespace tl::tools {

data::RowStore CacheBudget::take(uint64_t rowBytes, uint64_t rows) {
  uint64_t inMemory = std::min(rows, memory / rowBytes);
  uint64_t onDisk = std::min(rows - inMemory, disk / rowBytes);
  data::RowStore store(rowBytes, inMemory, onDisk, folder);
  if (!store.problem().empty())
    warn(store.problem() + "; what finds no room is computed again");
  memory -= store.memoryRows() * rowBytes;
  disk -= store.fileRows() * rowBytes;
  return store;
}

CacheBudget chooseBudget(const Options &options) {
  CacheBudget budget;
  budget.folder = cacheFolder(options.cacheFolder);
  budget.memory = options.cacheMemory.value_or(data::availableMemory() / 2);
  if (!options.noCache && !budget.folder.empty())
    budget.disk = options.cacheDisk.value_or(
        std::min(data::kDefaultCacheBytes, data::freeDisk(budget.folder) / 3));
  return budget;
}

} // namespace tl::tools
