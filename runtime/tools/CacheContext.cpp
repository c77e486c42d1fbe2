// See CacheContext.h.
#include "runtime/tools/CacheContext.h"

#include "runtime/data/Decode.h"

#include <bit>
#include <cstdlib>

namespace tl::tools {
namespace {

// Changes when what this file hashes, or how, changes.
constexpr uint64_t kContextVersion = 2;
// How a value lies on the disk.
constexpr uint64_t kStoredAsF32 = 0;

} // namespace

std::string cacheFolder(const std::string &given) {
  if (!given.empty())
    return given;
  const char *cache = std::getenv("XDG_CACHE_HOME");
  if (cache && *cache == '/') // The standard wants relative ones ignored.
    return std::string(cache) + "/tlrun";
  if (const char *home = std::getenv("HOME"); home && *home)
    return std::string(home) + "/.cache/tlrun";
  return {};
}

CacheContext makeCacheContext(const Model &model, const tl_trainer *trainer,
                              uint32_t phase) {
  uint64_t code = 0, weights = 0;
  call([&](tl_error *e) {
    return tl_trainer_extract_hashes(trainer, phase, &code, &weights, e);
  });
  const data::Preprocess &p = model.preprocess();
  uint64_t floats = tl_model_phase(model.get(), phase)->feature_count;
  std::vector<uint64_t> parts = {kContextVersion,
                                 kStoredAsF32,
                                 data::kDecoderVersion,
                                 code,
                                 weights,
                                 uint64_t(model.info().isa),
                                 floats,
                                 p.width,
                                 p.height,
                                 p.channels,
                                 uint64_t(p.resize),
                                 p.resizeTo,
                                 p.crop,
                                 p.bgr,
                                 std::bit_cast<uint32_t>(p.scale)};
  for (const std::vector<float> *values : {&p.mean, &p.std})
    for (float value : *values)
      parts.push_back(std::bit_cast<uint32_t>(value));
  CacheContext context;
  context.hash = data::hash128({reinterpret_cast<const uint8_t *>(parts.data()),
                                parts.size() * sizeof(uint64_t)});
  // No kernel runs and no weight is read: both hashes are 0.
  context.pixels = code == 0 && weights == 0;
  return context;
}

} // namespace tl::tools
