// See Evaluation.h.
#include "runtime/tools/Evaluation.h"

#include "runtime/tools/Pictures.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <limits>
#include <numeric>

namespace tl::tools {
namespace {

// Scores and losses of pictures: by the trainer, whose loss is the recipe's;
// for a model without phases, cross-entropy from its scores.
class Evaluator {
public:
  Evaluator(const Model &model, uint32_t threads) : model(model) {
    if (model.info().phase_count)
      trainer = model.makeTrainer(threads, std::nullopt);
    else
      session = model.makeSession(threads);
  }

  void run(const Batch &batch, const std::vector<int32_t> &labels) {
    size_t n = batch.size(), classes = model.info().classes;
    scores.resize(n * classes);
    losses.resize(n);
    if (trainer)
      return runTrainer(batch, labels);
    call([&](tl_error *e) {
      return tl_session_predict(session.get(), batch.pixels.data(), n, nullptr,
                                scores.data(), e);
    });
    for (size_t i = 0; i < n; ++i)
      losses[i] = -std::log(std::max(scores[i * classes + size_t(labels[i])],
                                     std::numeric_limits<float>::min()));
  }

  std::vector<float> scores; // [n][classes]
  std::vector<float> losses; // [n]

private:
  // With no phase begun, evaluation takes the first one's features.
  void runTrainer(const Batch &batch, const std::vector<int32_t> &labels) {
    features.resize(batch.size() *
                    tl_model_phase(model.get(), 0)->feature_count);
    call([&](tl_error *e) {
      return tl_trainer_extract(trainer.get(), 0, batch.pixels.data(),
                                batch.size(), features.data(), e);
    });
    call([&](tl_error *e) {
      return tl_trainer_evaluate(trainer.get(), features.data(), labels.data(),
                                 batch.size(), losses.data(), scores.data(), e);
    });
  }

  const Model &model;
  TrainerPtr trainer;
  SessionPtr session;
  std::vector<float> features;
};

// Adds up batches; losses are summed until finish().
class Tally {
public:
  explicit Tally(const tl_model *model)
      : model(model), classes(tl_model_get_info(model)->classes) {
    sum.confusion.assign(classes, std::vector<uint64_t>(classes));
  }

  // scores[classes]
  void add(size_t picture, uint32_t label, const float *scores, float loss) {
    uint32_t said = chooseLabel(*tl_model_get_info(model), {scores, classes});
    ++sum.count;
    ++sum.confusion[label][said];
    sum.loss += double(loss);
    if (said == label)
      ++sum.right;
    else
      sum.mistakes.push_back(
          {picture, label, said, scores[said], scores[label]});
  }

  Evaluation finish() {
    if (sum.count)
      sum.loss /= double(sum.count);
    std::stable_sort(sum.mistakes.begin(), sum.mistakes.end(),
                     [](const Mistake &a, const Mistake &b) {
                       return a.saidScore > b.saidScore;
                     });
    return std::move(sum);
  }

private:
  const tl_model *model;
  uint32_t classes;
  Evaluation sum;
};

// A batch of what a phase trains on, by whichever way the pictures offer.
class FeatureReader {
public:
  FeatureReader(tl_trainer *trainer, const tl_pictures &pictures,
                const tl_visit &visit)
      : trainer(trainer), pictures(pictures), visit(visit) {
    const tl_model *model = tl_trainer_model(trainer);
    count = tl_model_phase(model, visit.phase)->feature_count;
    rows.resize(kBatch * count);
    if (pictures.read_pixels)
      pixels.resize(kBatch * tl_model_get_info(model)->pixel_count);
  }

  const float *read(const uint32_t *indices, uint32_t n) {
    if (pictures.features)
      return pictures.features + indices[0] * count;
    int failed = pictures.read_features
                     ? pictures.read_features(pictures.user, &visit, indices, n,
                                              rows.data())
                     : pictures.read_pixels(pictures.user, &visit, indices, n,
                                            pixels.data());
    if (failed)
      throw Failure("validation pictures cannot be read again");
    if (pictures.read_pixels)
      call([&](tl_error *e) {
        return tl_trainer_extract(trainer, visit.phase, pixels.data(), n,
                                  rows.data(), e);
      });
    return rows.data();
  }

private:
  tl_trainer *trainer;
  const tl_pictures &pictures;
  const tl_visit visit;
  uint64_t count;
  std::vector<float> rows, pixels;
};

} // namespace

data::PictureFolder scanEvaluation(const Model &model,
                                   const std::string &folder) {
  data::PictureFolder found =
      take(data::scanEvaluation(folder, model.labels()));
  if (found.labels.size() != model.info().classes)
    throw Failure(fmt::format("{}: there are {} class folders, the model has "
                              "{} classes and no names for them yet",
                              folder, found.labels.size(),
                              model.info().classes));
  return found;
}

Evaluation evaluateFolder(const Model &model, data::PictureFolder &folder,
                          uint32_t threads) {
  Tally tally(model.get());
  Evaluator evaluator(model, threads);
  ReadPictures request{model, {}, threads};
  for (const data::PictureFile &file : folder.validation)
    request.files.push_back(file.path);
  std::vector<Unreadable> unreadable = readPictures(request, [&](Batch &batch) {
    std::vector<int32_t> labels;
    for (size_t index : batch.indices)
      labels.push_back(int32_t(folder.validation[index].label));
    evaluator.run(batch, labels);
    for (uint32_t i = 0; i < batch.size(); ++i)
      tally.add(batch.indices[i], uint32_t(labels[i]),
                evaluator.scores.data() + size_t(i) * model.info().classes,
                evaluator.losses[i]);
  });
  for (Unreadable &picture : unreadable)
    folder.skipped.push_back(std::move(picture.file));
  return tally.finish();
}

Evaluation evaluatePictures(tl_trainer *trainer, const tl_pictures &pictures,
                            const tl_visit &visit) {
  const tl_model *model = tl_trainer_model(trainer);
  size_t classes = tl_model_get_info(model)->classes;
  Tally tally(model);
  FeatureReader features(trainer, pictures, visit);
  std::vector<uint32_t> indices(kBatch);
  std::vector<float> losses(kBatch), scores(kBatch * classes);
  for (uint32_t at = 0; at < pictures.count; at += kBatch) {
    uint32_t n = std::min(kBatch, pictures.count - at);
    std::iota(indices.begin(), indices.end(), at);
    const float *rows = features.read(indices.data(), n);
    call([&](tl_error *e) {
      return tl_trainer_evaluate(trainer, rows, pictures.labels + at, n,
                                 losses.data(), scores.data(), e);
    });
    for (uint32_t i = 0; i < n; ++i)
      tally.add(at + i, uint32_t(pictures.labels[at + i]),
                scores.data() + i * classes, losses[i]);
  }
  return tally.finish();
}

} // namespace tl::tools
