// Where features are kept on the disk, and the hash of all that they depend on
// besides the picture.
#pragma once

#include "runtime/data/FeatureCache.h"
#include "runtime/tools/Model.h"

namespace tl::tools {

// For the features of phase `phase`, with the trainer's present weights.
// `folder` empty: $XDG_CACHE_HOME/tlrun, else ~/.cache/tlrun; where neither is
// known the result has no folder, which FeatureCache reports.
data::FeatureCacheOptions makeCacheOptions(const Model &model,
                                           const tl_trainer *trainer,
                                           uint32_t phase,
                                           const std::string &folder);

} // namespace tl::tools
