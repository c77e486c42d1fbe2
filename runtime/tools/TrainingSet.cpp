// See TrainingSet.h.
#include "runtime/tools/TrainingSet.h"

#include "runtime/data/FeatureCache.h"
#include "runtime/tools/CacheContext.h"
#include "runtime/tools/Options.h"
#include "runtime/tools/Pictures.h"

#include <algorithm>
#include <fmt/format.h>

namespace tl::tools {
namespace {

std::vector<std::string> pathsOf(const data::PictureFolder &folder) {
  std::vector<std::string> paths;
  for (const data::PictureFile &file : folder.training)
    paths.push_back(file.path);
  for (const data::PictureFile &file : folder.validation)
    paths.push_back(file.path);
  return paths;
}

// What the folder's scan and the decoder found unreadable, in one report.
void report(const data::PictureFolder &folder,
            const std::vector<Unreadable> &unreadable, bool strict) {
  std::vector<data::SkippedFile> skipped = folder.skipped;
  for (const Unreadable &picture : unreadable)
    skipped.push_back(picture.file);
  reportSkipped(skipped, strict);
}

void checkClasses(const data::PictureFolder &folder,
                  const std::vector<int32_t> &labels) {
  for (size_t i = 0; i < folder.labels.size(); ++i)
    if (std::find(labels.begin(), labels.end(), int32_t(i)) == labels.end())
      throw Failure(fmt::format("class '{}' has no readable picture to train "
                                "on",
                                folder.labels[i]));
}

} // namespace

TrainingSet::TrainingSet(const Model &model, tl_trainer *trainer,
                         const data::PictureFolder &folder,
                         const Options &options)
    : model(model), featureCount(model.info().feature_count),
      keepPixels(options.noCache) {
  train.set = held.set = this;
  extract(trainer, folder, options);
}

void TrainingSet::extract(tl_trainer *trainer,
                          const data::PictureFolder &folder,
                          const Options &options) {
  ReadPictures request{model, pathsOf(folder), options.threads, nullptr};
  std::optional<data::FeatureCache> cache;
  if (keepPixels) {
    pictures.resize(request.files.size());
  } else {
    features.resize(request.files.size() * featureCount);
    cache.emplace(makeCacheOptions(model, options.cacheFolder));
    request.known = [&](size_t index, const data::Hash128 &hash) {
      return cache->read(hash, features.data() + index * featureCount);
    };
  }
  std::vector<float> rows;
  std::vector<Unreadable> unreadable = readPictures(request, [&](Batch &batch) {
    if (keepPixels) {
      for (uint32_t i = 0; i < batch.size(); ++i)
        pictures[batch.indices[i]] = std::move(batch.pictures[i]);
      return;
    }
    rows.resize(batch.size() * featureCount);
    call([&](tl_error *e) {
      return tl_trainer_extract(trainer, batch.pixels.data(), batch.size(),
                                rows.data(), e);
    });
    for (uint32_t i = 0; i < batch.size(); ++i) {
      const float *row = rows.data() + i * featureCount;
      cache->write(batch.hashes[i], row);
      std::copy_n(row, featureCount,
                  features.data() + batch.indices[i] * featureCount);
    }
  });
  if (cache) {
    cache->commit();
    if (!cache->problem().empty())
      warn(fmt::format("features are not kept for the next run: {}",
                       cache->problem()));
  }
  report(folder, unreadable, options.strict);
  std::vector<bool> readable(request.files.size(), true);
  for (const Unreadable &picture : unreadable)
    readable[picture.index] = false;
  keepReadable(folder, readable);
}

// Closes the gaps that unreadable pictures left.
void TrainingSet::keepReadable(const data::PictureFolder &folder,
                               const std::vector<bool> &readable) {
  size_t kept = 0;
  for (size_t i = 0; i < readable.size(); ++i) {
    if (!readable[i])
      continue;
    bool trains = i < folder.training.size();
    const data::PictureFile &file =
        trains ? folder.training[i]
               : folder.validation[i - folder.training.size()];
    (trains ? train : held).labels.push_back(int32_t(file.label));
    if (!trains)
      heldFiles.push_back(file);
    if (kept != i && keepPixels)
      pictures[kept] = std::move(pictures[i]);
    else if (kept != i)
      std::copy_n(features.begin() + long(i * featureCount), featureCount,
                  features.begin() + long(kept * featureCount));
    ++kept;
  }
  held.first = train.labels.size();
  checkClasses(folder, train.labels);
  if (held.labels.empty() && !folder.validation.empty())
    throw Failure("there is no readable picture to validate with");
}

int TrainingSet::readPixels(void *user, const uint32_t *indices, uint32_t n,
                            float *pixels) {
  const Part &part = *static_cast<const Part *>(user);
  uint64_t count = part.set->model.info().pixel_count;
  for (uint32_t i = 0; i < n; ++i)
    part.set->model.normalise(part.set->pictures[part.first + indices[i]],
                              pixels + i * count);
  return 0;
}

tl_pictures TrainingSet::describe(const Part &part) const {
  tl_pictures described{};
  described.size = sizeof described;
  described.count = uint32_t(part.labels.size());
  described.labels = part.labels.data();
  if (keepPixels) {
    described.read_pixels = readPixels;
    described.user = const_cast<Part *>(&part);
  } else {
    described.features = features.data() + part.first * featureCount;
  }
  return described;
}

} // namespace tl::tools
