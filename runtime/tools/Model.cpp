// See Model.h.
#include "runtime/tools/Model.h"

#include <algorithm>

namespace tl::tools {

static_assert(int(data::ResizeRule::nearest) == TL_RESIZE_NEAREST &&
              int(data::ResizeRule::bilinear) == TL_RESIZE_BILINEAR &&
              int(data::ResizeRule::bicubic) == TL_RESIZE_BICUBIC &&
              int(data::ResizeRule::tfBilinear) == TL_RESIZE_TF_BILINEAR);

Model::Model(const std::string &path) {
  tl_model *opened = nullptr;
  call([&](tl_error *e) {
    return tl_model_open_file(path.c_str(), nullptr, &opened, e);
  });
  model.reset(opened);

  const tl_preprocess &from = info().preprocess;
  geometry.width = from.width;
  geometry.height = from.height;
  geometry.channels = from.channels;
  geometry.resize = static_cast<data::ResizeRule>(from.resize);
  geometry.resizeTo = from.resize_to;
  geometry.crop = from.crop != 0;
  geometry.bgr = from.bgr != 0;
  geometry.scale = from.scale;
  geometry.mean.assign(from.mean, from.mean + from.channels);
  geometry.std.assign(from.std, from.std + from.channels);
}

std::vector<std::string> Model::labels() const {
  return {info().labels, info().labels + info().label_count};
}

std::vector<std::string> Model::labelsOrNumbers() const {
  std::vector<std::string> names = labels();
  if (names.empty())
    for (uint32_t i = 0; i < info().classes; ++i)
      names.push_back(std::to_string(i));
  return names;
}

void Model::normalise(const data::Prepared &picture, float *pixels) const {
  if (auto *bytes = std::get_if<data::Image>(&picture))
    tl_model_preprocess(get(), bytes->values.data(), 1, pixels);
  else
    data::normalise(std::get<data::FloatImage>(picture), geometry, pixels);
}

SessionPtr Model::makeSession(uint32_t threads, uint32_t batch) const {
  tl_session_options options{};
  options.size = sizeof options;
  options.threads = threads;
  options.batch = batch;
  tl_session *session = nullptr;
  call([&](tl_error *e) {
    return tl_session_create(get(), &options, &session, e);
  });
  return SessionPtr(session);
}

TrainerPtr Model::makeTrainer(uint32_t threads,
                              std::optional<uint64_t> seed) const {
  tl_trainer_options options{};
  options.size = sizeof options;
  options.threads = threads;
  options.use_seed = seed.has_value();
  options.seed = seed.value_or(0);
  tl_trainer *trainer = nullptr;
  call([&](tl_error *e) {
    return tl_trainer_create(get(), &options, &trainer, e);
  });
  return TrainerPtr(trainer);
}

uint32_t chooseLabel(const tl_model_info &info, std::span<const float> scores) {
  if (info.sigmoid)
    return scores[1] >= 0.5f ? 1 : 0;
  return uint32_t(std::max_element(scores.begin(), scores.end()) -
                  scores.begin());
}

} // namespace tl::tools
