// tlrun M.bin --train DIR --find-lr: the loss over a rising learning rate, as a
// table, and the rate where it falls most steeply.
#include "runtime/tools/Progress.h"
#include "runtime/tools/RunInputs.h"
#include "runtime/tools/TrainingSet.h"
#include "runtime/tools/Verbs.h"

#include <fmt/format.h>

namespace tl::tools {
namespace {

uint32_t findPhase(const Model &model, const std::string &name) {
  std::string names;
  for (uint32_t i = 0; i < model.info().phase_count; ++i) {
    const char *known = tl_model_phase(model.get(), i)->name;
    if (name.empty() || name == known)
      return i;
    names += (names.empty() ? "'" : ", '") + std::string(known) + "'";
  }
  throw Failure(
      fmt::format("there is no phase '{}'; the model has {}", name, names));
}

int onProgress(void *user, const tl_progress *progress) {
  static_cast<Progress *>(user)->update(
      progress->done, fmt::format("rate {:.1e}", progress->learning_rate));
  return 0;
}

// A row for every tenth of a decade or so: what the eye needs of the curve.
void print(const char *phase, const tl_rate_point *points, uint32_t count,
           float suggestion) {
  fmt::print("learning rates of phase {}\n   rate      loss\n", phase);
  for (uint32_t i = 0; i < count; i += 4)
    fmt::print("{:8.2e}  {:8.4f}\n", points[i].learning_rate, points[i].loss);
  if (count < TL_RATE_POINTS)
    fmt::print("stopped: the loss diverged\n");
  if (suggestion > 0)
    fmt::print("suggestion  {:.2e}: where the loss falls most steeply\n",
               suggestion);
  else
    fmt::print("no suggestion: the loss falls nowhere\n");
}

} // namespace

void runFindRate(const Options &options) {
  Model model(options.model);
  uint32_t phase = findPhase(model, options.phase);
  TrainerPtr trainer = model.makeTrainer(options.threads, options.seed);
  data::PictureFolder folder = scanPictures(model, options);
  loadInitial(trainer.get(), options.init);
  TrainingSet set(model, trainer.get(), folder, options);
  set.read();
  tl_pictures training = set.training();
  Progress progress("finding a rate", TL_RATE_POINTS);
  tl_fit_options how{};
  how.size = sizeof how;
  how.progress = onProgress;
  how.user = &progress;
  tl_rate_point points[TL_RATE_POINTS];
  uint32_t count = 0;
  float suggestion = 0;
  call([&](tl_error *e) {
    tl_status status = tl_trainer_find_rate(
        trainer.get(), phase, &training, &how, points, &count, &suggestion, e);
    set.rethrow(); // says more than a callback that failed
    return status;
  });
  print(tl_model_phase(model.get(), phase)->name, points, count, suggestion);
}

} // namespace tl::tools
