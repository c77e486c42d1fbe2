// See PictureRows.h.
#include "runtime/tools/PictureRows.h"

#include "runtime/data/LoadPicture.h"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>
#include <numeric>

namespace tl::tools {
namespace {

bool isFloat(const data::Preprocess &preprocess) {
  return preprocess.resize == data::ResizeRule::tfBilinear;
}

uint64_t preparedBytes(const data::Preprocess &p) {
  uint64_t area = uint64_t(p.width) * p.height;
  return isFloat(p) ? area * p.channels * sizeof(float) : area * 3;
}

template <typename T>
data::Raster<T> rasterAt(const uint8_t *row, const data::Preprocess &p,
                         uint32_t channels) {
  data::Raster<T> raster(p.width, p.height, channels);
  std::memcpy(raster.values.data(), row, raster.values.size() * sizeof(T));
  return raster;
}

} // namespace

PictureRows::PictureRows(const Model &model, const tl_trainer *trainer,
                         const data::PictureFolder &folder,
                         const Options &options)
    : model(model), viewPlan(model, options.epochs, options.seed),
      validationCount(folder.validation.size()), budget(chooseBudget(options)) {
  for (const auto *part : {&folder.validation, &folder.training})
    for (const data::PictureFile &file : *part)
      pictures.push_back({file.path, {}});
  planFrontiers(trainer, options);
  planPrepared();
  if (!options.noCache)
    openDisk();
}

void PictureRows::planFrontiers(const tl_trainer *trainer,
                                const Options &options) {
  const tl_model_info &info = model.info();
  frontiers.resize(info.frontier_count);
  for (uint32_t phase = info.phase_count; phase-- > 0;) {
    const tl_phase_info &at = *tl_model_phase(model.get(), phase);
    frontiers[at.frontier].phase = phase;
    frontiers[at.frontier].floats = at.feature_count;
  }
  std::vector<size_t> order(frontiers.size());
  std::iota(order.begin(), order.end(), size_t(0));
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return std::pair(frontiers[a].floats, a) <
           std::pair(frontiers[b].floats, b);
  });
  for (size_t index : order) {
    Frontier &frontier = frontiers[index];
    frontier.context = makeCacheContext(model, trainer, frontier.phase);
    if (frontier.context.pixels || options.noCache)
      continue;
    // Mixup mixes pixels: features of single pictures are of no use to it.
    if (info.mixup == 0)
      frontier.turns = viewPlan.turnsOf(uint32_t(index));
    frontier.wanted = validationCount + trainings() * frontier.turns.size();
    frontier.rows =
        budget.take(frontier.floats * sizeof(float), frontier.wanted);
  }
}

void PictureRows::planPrepared() {
  while (firstPrepared < pictures.size() && !needsPixels(firstPrepared))
    ++firstPrepared;
  preparedWanted = pictures.size() - firstPrepared;
  prepared = budget.take(preparedBytes(model.preprocess()), preparedWanted);
}

void PictureRows::openDisk() {
  if (budget.folder.empty())
    return warn("features are not kept for the next run: no folder for them is "
                "known");
  diskLeft = int64_t(budget.disk);
  for (Frontier &frontier : frontiers) {
    if (!frontier.rows.holds(0) ||
        budget.disk < frontier.floats * sizeof(float))
      continue;
    data::FeatureCacheOptions options;
    options.folder = budget.folder;
    options.context = frontier.context.hash;
    options.rowFloats = frontier.floats;
    options.maxBytes = budget.disk;
    frontier.disk = std::make_unique<data::FeatureCache>(std::move(options));
  }
}

std::optional<uint64_t> PictureRows::rowOf(const Frontier &frontier,
                                           size_t place, uint32_t turn) const {
  uint64_t row = place;
  if (trains(place)) {
    const std::vector<uint32_t> &turns = frontier.turns;
    auto at = std::lower_bound(turns.begin(), turns.end(), turn);
    if (at == turns.end() || *at != turn)
      return std::nullopt;
    row = validationCount + (place - validationCount) * turns.size() +
          uint64_t(at - turns.begin());
  }
  if (!frontier.rows.holds(row))
    return std::nullopt;
  return row;
}

float *PictureRows::features(const Frontier &frontier, size_t place,
                             uint32_t turn) const {
  std::optional<uint64_t> row = rowOf(frontier, place, turn);
  return row ? reinterpret_cast<float *>(frontier.rows.row(*row)) : nullptr;
}

data::Hash128 PictureRows::keyOf(size_t place, uint32_t turn) const {
  const data::Hash128 &hash = pictures[place].hash;
  return trains(place) ? viewPlan.keyOf(hash, turn) : hash;
}

bool PictureRows::readKept(const Frontier &frontier, size_t place,
                           uint32_t turn) {
  float *row = features(frontier, place, turn);
  if (!row || !frontier.disk || !frontier.disk->read(keyOf(place, turn), row))
    return false;
  diskLeft -= int64_t(frontier.rows.rowBytes());
  return true;
}

void PictureRows::keep(Frontier &frontier, size_t place, uint32_t turn) {
  auto bytes = int64_t(frontier.rows.rowBytes());
  if (!frontier.disk || diskLeft < bytes)
    return;
  diskLeft -= bytes;
  frontier.disk->write(keyOf(place, turn), features(frontier, place, turn));
}

void PictureRows::commit() {
  for (Frontier &frontier : frontiers) {
    if (!frontier.disk)
      continue;
    frontier.disk->commit();
    if (!frontier.disk->problem().empty())
      return warn(fmt::format("features are not kept for the next run: {}",
                              frontier.disk->problem()));
  }
}

// The last turn of a picture is the first that finds no room.
bool PictureRows::needsPixels(size_t place) const {
  for (const Frontier &frontier : frontiers) {
    bool kept = trains(place)
                    ? !frontier.turns.empty() &&
                          rowOf(frontier, place, frontier.turns.back())
                    : rowOf(frontier, place, 0).has_value();
    if (!kept)
      return true;
  }
  return false;
}

void PictureRows::putPrepared(size_t place, const data::Prepared &from) {
  if (place < firstPrepared || !prepared.holds(place - firstPrepared))
    return;
  uint8_t *row = prepared.row(place - firstPrepared);
  std::visit(
      [&](const auto &raster) {
        std::memcpy(row, raster.values.data(), prepared.rowBytes());
      },
      from);
}

data::Prepared PictureRows::getPrepared(size_t place) const {
  const data::Preprocess &p = model.preprocess();
  if (place >= firstPrepared && prepared.holds(place - firstPrepared)) {
    const uint8_t *row = prepared.row(place - firstPrepared);
    if (isFloat(p))
      return rasterAt<float>(row, p, p.channels);
    return rasterAt<uint8_t>(row, p, 3);
  }
  const Picture &picture = pictures[place];
  data::LoadedPicture loaded = data::loadPicture(picture.path, p);
  if (!loaded.error.empty())
    throw Failure(loaded.error + "; it was readable when the run began");
  if (loaded.hash != picture.hash)
    throw Failure(picture.path + ": changed while the run read it again");
  return std::move(loaded.pixels);
}

void PictureRows::makePixels(size_t place, uint32_t turn, float *out) const {
  makePixels(getPrepared(place), place, turn, out);
}

void PictureRows::makePixels(const data::Prepared &from, size_t place,
                             uint32_t turn, float *out) const {
  if (trains(place) && viewPlan.changePictures())
    model.normalise(viewPlan.make(from, pictures[place].hash, turn), out);
  else
    model.normalise(from, out);
}

} // namespace tl::tools
