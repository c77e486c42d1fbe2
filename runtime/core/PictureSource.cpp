// See the header.
#include "runtime/core/PictureSource.h"

#include "runtime/core/PublicCalls.h"

#include <algorithm>
#include <cstring>

namespace tl {

PictureSource::PictureSource(tl_trainer *trainer, const tl_pictures *given,
                             const char *name, uint32_t batch)
    : trainer(trainer), model(tl_trainer_model(trainer)), batch(batch) {
  const tl_model_info &info = *tl_model_get_info(model);
  pictures = readOptions(given);
  const tl_pictures &p = pictures;
  int sources = (p.features != nullptr) + (p.read_features != nullptr) +
                (p.read_pixels != nullptr);
  if (p.count && (sources != 1 || !p.labels))
    fail(TL_STATUS_INVALID_ARGUMENT,
         "the %s pictures need labels and exactly one of features, "
         "read_features and read_pixels",
         name);
  if (p.features && info.frontier_count > 1)
    fail(TL_STATUS_INVALID_ARGUMENT,
         "the %s pictures come with one set of features, but the phases have "
         "%u frontiers: use read_features or read_pixels",
         name, info.frontier_count);
  for (uint32_t i = 0; i < p.count; ++i)
    if (p.labels[i] < 0 || uint32_t(p.labels[i]) >= info.classes)
      fail(TL_STATUS_INVALID_ARGUMENT,
           "label %d of %s picture %u: expected 0 to %u", p.labels[i], name, i,
           info.classes - 1);
  uint64_t width = 0;
  for (uint32_t i = 0; i < info.phase_count; ++i)
    width = std::max(width, tl_model_phase(model, i)->feature_count);
  uint32_t room = std::min(batch, p.count);
  labels.resize(room);
  ids.resize(room);
  rows.resize(room * width);
  if (p.read_pixels)
    pixels.resize(room * info.pixel_count);
}

void PictureSource::readPixels(const tl_visit &visit, const uint32_t *indices,
                               uint32_t n) {
  const tl_pictures &p = pictures;
  if (int failed = p.read_pixels(p.user, &visit, indices, n, pixels.data()))
    fail(TL_STATUS_CALLBACK,
         "read_pixels failed with %d on %u pictures from picture %u", failed, n,
         indices[0]);
}

void PictureSource::extract(uint32_t phase, uint32_t n) {
  need([&](tl_error *e) {
    return tl_trainer_extract(trainer, phase, pixels.data(), n, rows.data(), e);
  });
}

void PictureSource::keepFeatures(const std::function<void(uint32_t)> &done) {
  if (!keeps())
    return;
  std::vector<uint64_t> widths(tl_model_get_info(model)->frontier_count);
  for (uint32_t i = 0; const tl_phase_info *phase = tl_model_phase(model, i);
       ++i)
    widths[phase->frontier] = phase->feature_count;
  kept.resize(widths.size());
  for (size_t f = 0; f < widths.size(); ++f)
    kept[f].resize(pictures.count * widths[f]);
  std::vector<uint32_t> indices(std::min(batch, pictures.count));
  std::vector<float *> to(widths.size());
  for (uint32_t at = 0; at < pictures.count; at += batch) {
    uint32_t n = std::min(batch, pictures.count - at);
    for (uint32_t i = 0; i < n; ++i)
      indices[i] = at + i;
    readPixels({}, indices.data(), n);
    for (size_t f = 0; f < widths.size(); ++f)
      to[f] = kept[f].data() + at * widths[f];
    need([&](tl_error *e) {
      return tl_trainer_extract_all(trainer, pixels.data(), n, to.data(), e);
    });
    done(n);
  }
}

void PictureSource::gatherLabels(const uint32_t *indices, uint32_t n) {
  for (uint32_t i = 0; i < n; ++i) {
    labels[i] = pictures.labels[indices[i]];
    ids[i] = pictures.ids ? pictures.ids[indices[i]] : int32_t(indices[i]);
  }
}

void PictureSource::gather(const tl_visit &visit, const uint32_t *indices,
                           uint32_t n) {
  const tl_pictures &p = pictures;
  const tl_phase_info &phase = *tl_model_phase(model, visit.phase);
  uint64_t width = phase.feature_count;
  gatherLabels(indices, n);
  const float *all = keeps() ? kept[phase.frontier].data() : p.features;
  if (all) {
    for (uint32_t i = 0; i < n; ++i)
      memcpy(rows.data() + i * width, all + indices[i] * width,
             width * sizeof(float));
  } else if (p.read_features) {
    if (int failed = p.read_features(p.user, &visit, indices, n, rows.data()))
      fail(TL_STATUS_CALLBACK,
           "read_features failed with %d on %u pictures from picture %u",
           failed, n, indices[0]);
  } else {
    readPixels(visit, indices, n);
    extract(visit.phase, n);
  }
}

void PictureSource::gatherMixed(
    const tl_visit &visit, const uint32_t *indices, uint32_t n,
    const std::function<void(std::vector<float> &)> &mix) {
  gatherLabels(indices, n);
  readPixels(visit, indices, n);
  mix(pixels);
  extract(visit.phase, n);
}

} // namespace tl
