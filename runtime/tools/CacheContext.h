// Where features are kept on the disk, and the hash of all that they depend on
// besides the picture and its view.
#pragma once

#include "runtime/data/FeatureCache.h"
#include "runtime/tools/Model.h"

namespace tl::tools {

// `given`, or without it $XDG_CACHE_HOME/tlrun, else ~/.cache/tlrun; empty
// where neither is known.
std::string cacheFolder(const std::string &given);

// Of the features of one phase.
struct CacheContext {
  data::Hash128 hash;
  bool pixels =
      false; // nothing is frozen: the features are the pixels themselves
};

CacheContext makeCacheContext(const Model &model, const tl_trainer *trainer,
                              uint32_t phase);

} // namespace tl::tools
