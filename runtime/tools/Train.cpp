// tlrun M.bin --train DIR: reads the pictures, runs the phases, saves. What a
// user sees on the way is here; the training itself is tl_trainer_fit.
#include "runtime/tools/Estimate.h"
#include "runtime/tools/Interrupt.h"
#include "runtime/tools/MakeReport.h"
#include "runtime/tools/Reporter.h"
#include "runtime/tools/RunInputs.h"
#include "runtime/tools/TrainingSet.h"
#include "runtime/tools/Verbs.h"

#include <filesystem>
#include <fmt/format.h>

#include <unistd.h>

namespace tl::tools {
namespace {

namespace fs = std::filesystem;

// M.bin -> M.trained.bin, and what must be so before hours of work.
std::string chooseOutput(const Options &options) {
  fs::path input = options.model;
  fs::path output = options.output;
  if (output.empty()) {
    output = input;
    if (output.extension() == ".bin")
      output.replace_extension();
    output += ".trained.bin";
  }
  std::error_code ignored;
  if (!options.force && fs::equivalent(input, output, ignored))
    throw Failure(fmt::format("{}: this is the input; give another -o, or "
                              "--force to overwrite it",
                              output.native()));
  if (fs::is_directory(output, ignored))
    throw Failure(fmt::format("{}: is a folder, expected the name of a file",
                              output.native()));
  fs::path folder = output.has_parent_path() ? output.parent_path() : ".";
  if (!fs::is_directory(folder, ignored))
    throw Failure(fmt::format("{}: there is no folder {}", output.native(),
                              folder.native()));
  if (::access(folder.c_str(), W_OK) != 0)
    throw Failure(fmt::format("{}: the folder {} cannot be written to",
                              output.native(), folder.native()));
  return output.native();
}

// Gives back the status, for a run that ended early may be worth saving.
tl_error fit(tl_trainer *trainer, TrainingSet &set, Reporter &reporter,
             const Options &options, const std::string &state,
             uint64_t picturesHash) {
  tl_pictures training = set.training(), validation = set.validation();
  reporter.begin(training.count);
  tl_fit_options how{};
  how.size = sizeof how;
  how.epochs = options.epochs.value_or(0);
  how.progress = Reporter::onProgress;
  how.user = &reporter;
  how.no_shuffle = options.noShuffle;
  how.checkpoint_path = state.c_str();
  how.checkpoint_every = options.checkpointEvery;
  how.resume = options.resume;
  how.pictures_hash = picturesHash;
  tl_error error{};
  tl_trainer_fit(trainer, &training, validation.count ? &validation : nullptr,
                 &how, &error);
  if (reporter.thrown)
    std::rethrow_exception(reporter.thrown);
  set.rethrow();
  return error;
}

[[noreturn]] void stopInterrupted(const Options &options,
                                  const std::string &state) {
  throw Failure(
      fmt::format("interrupted; the state is in {}; to go on:\n  {}{}", state,
                  options.commandLine, options.resume ? "" : " --resume"),
      exitInterrupted);
}

} // namespace

void runTrain(const Options &options) {
  if (options.findRate)
    return runFindRate(options);
  std::string output = chooseOutput(options), state = output + ".state";
  Model model(options.model);
  TrainerPtr trainer = model.makeTrainer(options.threads, options.seed);
  Reporter reporter(model, options);
  data::PictureFolder folder = scanPictures(model, options);
  setLabels(trainer.get(), folder.labels);
  loadInitial(trainer.get(), options.init);
  TrainingSet set(model, trainer.get(), folder, options);
  printEstimate(set.rows(), options);
  set.read();
  reporter.laps.finish("reading pictures", "extracting features",
                       set.extractSeconds());
  fmt::print("training on {} pictures of {} classes, validating on {}\n",
             set.training().count, folder.labels.size(),
             set.validation().count);
  if (options.resume)
    fmt::print("going on from {}\n", state);
  std::fflush(stdout);

  Interrupt interrupt;
  tl_error ended =
      fit(trainer.get(), set, reporter, options, state, hashPictures(folder));
  if (ended.status == TL_STATUS_CANCELLED)
    stopInterrupted(options, state);
  if (ended.status != TL_STATUS_OK && ended.status != TL_STATUS_NOT_FINITE)
    throw makeFailure(ended);
  call([&](tl_error *e) {
    return tl_trainer_save(trainer.get(), output.c_str(), e);
  });
  std::error_code ignored;
  fs::remove(state, ignored); // most runs never wrote one
  if (ended.status == TL_STATUS_NOT_FINITE)
    throw Failure(
        fmt::format("{}; the last good state is in {}", ended.message, output));
  fmt::print("saved {}\n", output);
  reporter.laps.finish("saving");
  reporter.logParts();
  reportTraining({output, trainer.get(), set.training().count, set.validation(),
                  set.validationFiles(), reporter.laps},
                 options);
}

} // namespace tl::tools
