// See PictureFeed.h.
#include "runtime/tools/PictureFeed.h"

#include <algorithm>
#include <cstring>
#include <numeric>

namespace tl::tools {
namespace {

// Pixels that wait for the step: enough to bridge it, not a second cache.
constexpr uint64_t kAheadBytes = uint64_t(64) << 20;
constexpr uint64_t kMostAhead = 128;

bool equal(const tl_visit &a, const tl_visit &b) {
  return a.phase == b.phase && a.epoch == b.epoch;
}

} // namespace

tl_pictures PictureFeed::describe() {
  tl_pictures pictures{};
  pictures.size = sizeof pictures;
  pictures.count = uint32_t(places.size());
  pictures.labels = labels.data();
  pictures.user = this;
  bool mixes = rows.model.info().mixup != 0 && !places.empty() &&
               rows.trains(places.front());
  if (mixes)
    pictures.read_pixels = onPixels;
  else
    pictures.read_features = onFeatures;
  return pictures;
}

int PictureFeed::onFeatures(void *user, const tl_visit *visit,
                            const uint32_t *indices, uint32_t n, float *out) {
  auto &self = *static_cast<PictureFeed *>(user);
  try {
    self.readFeatures(*visit, {indices, n}, out);
    return 0;
  } catch (...) {
    self.thrown = std::current_exception();
    return 1;
  }
}

int PictureFeed::onPixels(void *user, const tl_visit *visit,
                          const uint32_t *indices, uint32_t n, float *out) {
  auto &self = *static_cast<PictureFeed *>(user);
  try {
    self.readPixels(*visit, {indices, n}, out);
    return 0;
  } catch (...) {
    self.thrown = std::current_exception();
    return 1;
  }
}

uint32_t PictureFeed::turnAt(const tl_visit &visit, size_t place) const {
  return rows.trains(place) ? rows.views().turnAt(visit) : 0;
}

// Its features are not kept.
bool PictureFeed::computes(const tl_visit &visit, uint32_t index) const {
  const tl_phase_info &phase = *tl_model_phase(rows.model.get(), visit.phase);
  return !rows.features(rows.frontiers[phase.frontier], places[index],
                        turnAt(visit, places[index]));
}

void PictureFeed::readFeatures(const tl_visit &visit, Indices indices,
                               float *out) {
  const tl_phase_info &phase = *tl_model_phase(rows.model.get(), visit.phase);
  const PictureRows::Frontier &frontier = rows.frontiers[phase.frontier];
  uint64_t count = frontier.floats;
  std::vector<uint32_t> missing, at;
  for (uint32_t i = 0; i < indices.size(); ++i) {
    size_t place = places[indices[i]];
    if (const float *row = rows.features(frontier, place, turnAt(visit, place)))
      std::copy_n(row, count, out + i * count);
    else
      missing.push_back(indices[i]), at.push_back(i);
  }
  if (missing.empty())
    return;
  std::vector<float> pixels(missing.size() * rows.model.info().pixel_count);
  std::vector<float> computed(missing.size() * count);
  readPixels(visit, missing, pixels.data());
  call([&](tl_error *e) {
    return tl_trainer_extract(trainer, visit.phase, pixels.data(),
                              missing.size(), computed.data(), e);
  });
  for (size_t i = 0; i < at.size(); ++i)
    std::copy_n(computed.data() + i * count, count, out + at[i] * count);
}

void PictureFeed::readPixels(const tl_visit &visit, Indices indices,
                             float *out) {
  bool expected =
      ahead && equal(visit, visiting) &&
      coming.size() - given >= indices.size() &&
      std::equal(indices.begin(), indices.end(), coming.begin() + long(given));
  if (!expected)
    plan(visit, indices);
  uint64_t count = rows.model.info().pixel_count;
  for (size_t i = 0; i < indices.size(); ++i, ++given)
    std::copy_n(ahead->next()->data(), count, out + i * count);
}

// The rest of the epoch from these pictures on: in the order that training has,
// or in the natural one of validation; a loop that has another order gets these
// alone.
void PictureFeed::plan(const tl_visit &visit, Indices wanted) {
  ahead.reset(); // its threads work on `coming`
  visiting = visit;
  given = 0;
  std::vector<uint32_t> order(places.size());
  call([&](tl_error *e) {
    return tl_trainer_order(trainer, visit.epoch, uint32_t(order.size()),
                            order.data(), e);
  });
  if (!follow(visit, order, wanted)) {
    std::iota(order.begin(), order.end(), 0u);
    if (!follow(visit, order, wanted))
      coming.assign(wanted.begin(), wanted.end());
  }
  uint64_t pixelBytes = rows.model.info().pixel_count * sizeof(float);
  uint64_t most = std::clamp<uint64_t>(kAheadBytes / pixelBytes, 1, kMostAhead);
  ahead = std::make_unique<data::Ahead<Pixels>>(
      coming.size(),
      [this](size_t index) {
        size_t place = places[coming[index]];
        Pixels pixels(rows.model.info().pixel_count);
        rows.makePixels(place, turnAt(visiting, place), pixels.data());
        return pixels;
      },
      threads ? threads : tl_available_threads(), most);
}

// Sets `coming` where `order` goes on as it was asked for.
bool PictureFeed::follow(const tl_visit &visit,
                         const std::vector<uint32_t> &order, Indices wanted) {
  bool mixes = rows.model.info().mixup != 0;
  auto first = std::find(order.begin(), order.end(), wanted.front());
  coming.clear();
  for (auto at = first; at != order.end(); ++at)
    if (mixes || computes(visit, *at))
      coming.push_back(*at);
  return coming.size() >= wanted.size() &&
         std::equal(wanted.begin(), wanted.end(), coming.begin());
}

} // namespace tl::tools
