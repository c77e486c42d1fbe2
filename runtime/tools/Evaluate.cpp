// tlrun M.bin --evaluate DIR: accuracy, loss and confusion on a folder.
#include "runtime/tools/Json.h"
#include "runtime/tools/Pictures.h"
#include "runtime/tools/Verbs.h"

#include <algorithm>
#include <cmath>
#include <limits>

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
  void runTrainer(const Batch &batch, const std::vector<int32_t> &labels) {
    // Without a begun phase the trainer evaluates as in the first one.
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

struct Evaluation {
  uint64_t count = 0;
  uint64_t right = 0;
  double loss = 0;
  std::vector<std::vector<uint64_t>> confusion; // [true][said]
};

// Without names in the model the folders give them, if there are as many.
data::PictureFolder scan(const Model &model, const Options &options) {
  data::PictureFolder folder =
      take(data::scanEvaluation(options.folder, model.labels()));
  if (folder.labels.size() != model.info().classes)
    throw Failure(fmt::format("{}: there are {} class folders, the model has "
                              "{} classes and no names for them yet",
                              options.folder, folder.labels.size(),
                              model.info().classes));
  return folder;
}

void print(const Evaluation &evaluation, const data::PictureFolder &folder) {
  fmt::print("accuracy {:.4f}  loss {:.4f}  pictures {}  skipped {}\n",
             double(evaluation.right) / double(evaluation.count),
             evaluation.loss, evaluation.count, folder.skipped.size());
  // One column needs no more than the largest count or name.
  size_t names = 0;
  for (const std::string &label : folder.labels)
    names = std::max(names, label.size());
  if (folder.labels.size() > 20)
    return; // Wider than any terminal; --json has it.
  fmt::print("rows: the folder; columns: what the model says, same order\n");
  for (size_t row = 0; row < folder.labels.size(); ++row) {
    fmt::print("{:<{}}", folder.labels[row], names);
    for (uint64_t count : evaluation.confusion[row])
      fmt::print(" {:>6}", count);
    fmt::print("\n");
  }
}

} // namespace

void runEvaluate(const Options &options) {
  Model model(options.model);
  const tl_model_info &info = model.info();
  if (!info.classes)
    throw Failure(fmt::format("{}: is a feature extractor, it has no classes "
                              "to evaluate",
                              options.model));
  if (!info.trained && info.phase_count)
    warn(fmt::format("{} is untrained: run --train first", options.model));
  data::PictureFolder folder = scan(model, options);

  Evaluation evaluation;
  evaluation.confusion.assign(info.classes,
                              std::vector<uint64_t>(info.classes));
  Evaluator evaluator(model, options.threads);
  ReadPictures request{model, {}, options.threads};
  for (const data::PictureFile &file : folder.validation)
    request.files.push_back(file.path);
  std::vector<Unreadable> unreadable = readPictures(request, [&](Batch &batch) {
    std::vector<int32_t> labels;
    for (size_t index : batch.indices)
      labels.push_back(int32_t(folder.validation[index].label));
    evaluator.run(batch, labels);
    for (uint32_t i = 0; i < batch.size(); ++i) {
      uint32_t said = model.chooseLabel(
          {evaluator.scores.data() + size_t(i) * info.classes, info.classes});
      ++evaluation.confusion[size_t(labels[i])][said];
      evaluation.right += said == uint32_t(labels[i]);
      evaluation.loss += double(evaluator.losses[i]);
    }
    evaluation.count += batch.size();
  });
  for (Unreadable &picture : unreadable)
    folder.skipped.push_back(std::move(picture.file));
  reportSkipped(folder.skipped, options.strict);
  if (!evaluation.count)
    throw Failure(fmt::format("{}: there is no readable picture to evaluate "
                              "on",
                              options.folder));
  evaluation.loss /= double(evaluation.count);
  if (!options.json)
    return print(evaluation, folder);
  printJson({{"accuracy", double(evaluation.right) / double(evaluation.count)},
             {"loss", evaluation.loss},
             {"count", evaluation.count},
             {"skipped", folder.skipped.size()},
             {"labels", folder.labels},
             {"confusion", evaluation.confusion}});
}

} // namespace tl::tools
