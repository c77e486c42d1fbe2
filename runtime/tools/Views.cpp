// See Views.h.
#include "runtime/tools/Views.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace tl::tools {
namespace {

data::AugmentOptions read(const tl_augment &from) {
  data::AugmentOptions to;
  to.flipHorizontal = from.flip_horizontal;
  to.flipVertical = from.flip_vertical;
  to.rotate = from.rotate;
  to.shift = from.shift;
  to.zoom = from.zoom;
  to.cropLeast = from.crop_least;
  to.cropMost = from.crop_most;
  to.brightness = from.brightness;
  to.contrast = from.contrast;
  to.saturation = from.saturation;
  to.hue = from.hue;
  return to;
}

data::Hash128 hashOf(const data::AugmentOptions &o, uint64_t seed) {
  uint64_t parts[13] = {data::kAugmentVersion, seed};
  size_t at = 2;
  for (float value :
       {o.flipHorizontal, o.flipVertical, o.rotate, o.shift, o.zoom,
        o.cropLeast, o.cropMost, o.brightness, o.contrast, o.saturation, o.hue})
    parts[at++] = std::bit_cast<uint32_t>(value);
  return data::hash128(
      {reinterpret_cast<const uint8_t *>(parts), sizeof parts});
}

// Floats of 0 to 255 to bytes.
data::Image toBytes(const data::FloatImage &from) {
  data::Image to(from.width, from.height, from.channels);
  for (size_t i = 0; i < to.values.size(); ++i) {
    float value = std::clamp(from.values[i], 0.0f, 255.0f);
    to.values[i] = uint8_t(std::floor(value + 0.5f));
  }
  return to;
}

// One channel of three equal ones, or three of one.
data::Image withChannels(const data::Image &from, uint32_t channels) {
  data::Image to(from.width, from.height, channels);
  for (size_t i = 0; i < to.values.size(); ++i)
    to.values[i] = from.values[i / channels * from.channels +
                               (from.channels == 1 ? 0 : i % channels)];
  return to;
}

} // namespace

Views::Views(const Model &model, std::optional<uint32_t> epochs,
             std::optional<uint64_t> seed)
    : model(model), options(read(model.info().augment)),
      count(model.info().augment.views), epochs(epochs),
      seed(seed.value_or(model.info().seed)),
      drawing(hashOf(options, this->seed)) {}

uint32_t Views::epochsOf(uint32_t phase) const {
  return epochs.value_or(tl_model_phase(model.get(), phase)->epochs);
}

uint32_t Views::turnAt(const tl_visit &visit) const {
  if (!changePictures())
    return 0;
  uint32_t epoch = visit.epoch;
  for (uint32_t phase = 0; phase < visit.phase; ++phase)
    epoch += epochsOf(phase);
  return count ? epoch % count : epoch;
}

std::vector<uint32_t> Views::turnsOf(uint32_t frontier) const {
  std::vector<bool> taken(unlimited() ? 0 : perPicture());
  for (uint32_t phase = 0; phase < model.info().phase_count; ++phase) {
    if (tl_model_phase(model.get(), phase)->frontier != frontier)
      continue;
    // After perPicture() epochs the turns repeat.
    uint32_t most = std::min(epochsOf(phase), uint32_t(taken.size()));
    for (uint32_t epoch = 0; epoch < most; ++epoch)
      taken[turnAt({phase, epoch})] = true;
  }
  std::vector<uint32_t> turns;
  for (uint32_t turn = 0; turn < taken.size(); ++turn)
    if (taken[turn])
      turns.push_back(turn);
  return turns;
}

uint32_t Views::viewAt(const data::Hash128 &picture, uint32_t turn) const {
  return count ? uint32_t((turn + picture.low % count) % count) : turn;
}

data::Hash128 Views::keyOf(const data::Hash128 &picture, uint32_t turn) const {
  if (!changePictures())
    return picture;
  data::Hash128 parts[] = {picture, drawing, {viewAt(picture, turn), 0}};
  return data::combine(parts);
}

data::Image Views::make(const data::Prepared &picture,
                        const data::Hash128 &hash, uint32_t turn) const {
  data::ViewChange change =
      data::drawView(options, seed, hash, viewAt(hash, turn));
  data::Image rounded;
  auto *source = std::get_if<data::Image>(&picture);
  if (!source) {
    rounded = toBytes(std::get<data::FloatImage>(picture));
    source = &rounded;
  }
  if (model.info().preprocess.channels == 3)
    return data::applyChange(*source, change);
  return withChannels(data::applyChange(withChannels(*source, 1), change), 3);
}

} // namespace tl::tools
