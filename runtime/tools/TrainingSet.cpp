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
    : model(model), keepPixels(options.noCache) {
  train.set = held.set = this;
  features.resize(model.info().frontier_count);
  for (uint32_t p = model.info().phase_count; p-- > 0;) {
    const tl_phase_info &phase = *tl_model_phase(model.get(), p);
    features[phase.frontier].count = phase.feature_count;
    features[phase.frontier].phase = p;
  }
  extract(trainer, folder, options);
}

void TrainingSet::extract(tl_trainer *trainer,
                          const data::PictureFolder &folder,
                          const Options &options) {
  ReadPictures request{model, pathsOf(folder), options.threads, nullptr};
  std::vector<std::unique_ptr<data::FeatureCache>> caches;
  if (keepPixels) {
    pictures.resize(request.files.size());
  } else {
    for (Features &each : features) {
      each.rows.resize(request.files.size() * each.count);
      caches.push_back(std::make_unique<data::FeatureCache>(
          makeCacheOptions(model, trainer, each.phase, options.cacheFolder)));
    }
    // One pass gives the features of all phases: a picture is known if it
    // lacks none.
    request.known = [&](size_t index, const data::Hash128 &hash) {
      for (size_t f = 0; f < features.size(); ++f)
        if (!caches[f]->read(hash, features[f].rows.data() +
                                       index * features[f].count))
          return false;
      return true;
    };
  }
  std::vector<std::vector<float>> rows(features.size());
  std::vector<float *> places(features.size());
  std::vector<Unreadable> unreadable = readPictures(request, [&](Batch &batch) {
    if (keepPixels) {
      for (uint32_t i = 0; i < batch.size(); ++i)
        pictures[batch.indices[i]] = std::move(batch.pictures[i]);
      return;
    }
    for (size_t f = 0; f < features.size(); ++f) {
      rows[f].resize(batch.size() * features[f].count);
      places[f] = rows[f].data();
    }
    call([&](tl_error *e) {
      return tl_trainer_extract_all(trainer, batch.pixels.data(), batch.size(),
                                    places.data(), e);
    });
    for (size_t f = 0; f < features.size(); ++f)
      for (uint32_t i = 0; i < batch.size(); ++i) {
        uint64_t count = features[f].count;
        const float *row = rows[f].data() + i * count;
        caches[f]->write(batch.hashes[i], row);
        std::copy_n(row, count,
                    features[f].rows.data() + batch.indices[i] * count);
      }
  });
  std::string problem;
  for (auto &cache : caches) {
    cache->commit();
    problem = problem.empty() ? cache->problem() : problem;
  }
  if (!problem.empty())
    warn(fmt::format("features are not kept for the next run: {}", problem));
  report(folder, unreadable, options.strict);
  std::vector<bool> readable(request.files.size(), true);
  for (const Unreadable &picture : unreadable)
    readable[picture.index] = false;
  keepReadable(folder, readable);
}

void TrainingSet::moveRow(size_t from, size_t to) {
  if (keepPixels) {
    pictures[to] = std::move(pictures[from]);
    return;
  }
  for (Features &each : features)
    std::copy_n(each.rows.begin() + long(from * each.count), each.count,
                each.rows.begin() + long(to * each.count));
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
    if (kept != i)
      moveRow(i, kept);
    ++kept;
  }
  held.first = train.labels.size();
  checkClasses(folder, train.labels);
  if (held.labels.empty() && !folder.validation.empty())
    throw Failure("there is no readable picture to validate with");
}

int TrainingSet::readPixels(void *user, const tl_visit *,
                            const uint32_t *indices, uint32_t n,
                            float *pixels) {
  const Part &part = *static_cast<const Part *>(user);
  uint64_t count = part.set->model.info().pixel_count;
  for (uint32_t i = 0; i < n; ++i)
    part.set->model.normalise(part.set->pictures[part.first + indices[i]],
                              pixels + i * count);
  return 0;
}

int TrainingSet::readFeatures(void *user, const tl_visit *visit,
                              const uint32_t *indices, uint32_t n,
                              float *rows) {
  const Part &part = *static_cast<const Part *>(user);
  const TrainingSet &set = *part.set;
  const Features &features =
      set.features[tl_model_phase(set.model.get(), visit->phase)->frontier];
  for (uint32_t i = 0; i < n; ++i)
    std::copy_n(features.rows.data() +
                    (part.first + indices[i]) * features.count,
                features.count, rows + i * features.count);
  return 0;
}

tl_pictures TrainingSet::describe(const Part &part) const {
  tl_pictures described{};
  described.size = sizeof described;
  described.count = uint32_t(part.labels.size());
  described.labels = part.labels.data();
  described.user = const_cast<Part *>(&part);
  if (keepPixels)
    described.read_pixels = readPixels;
  else
    described.read_features = readFeatures;
  return described;
}

} // namespace tl::tools
