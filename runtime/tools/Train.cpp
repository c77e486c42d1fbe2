// tlrun M.bin --train DIR: reads the pictures, runs the phases, saves. What a
// user sees on the way is here; the training itself is tl_trainer_fit.
#include "runtime/tools/Estimate.h"
#include "runtime/tools/Json.h"
#include "runtime/tools/MakeReport.h"
#include "runtime/tools/Progress.h"
#include "runtime/tools/TrainingSet.h"
#include "runtime/tools/Verbs.h"

#include <exception>
#include <filesystem>
#include <fstream>
#include <optional>

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

data::PictureFolder scan(const Model &model, const Options &options) {
  const tl_model_info &info = model.info();
  data::PictureFolder folder = take(
      data::scanTraining(options.folder, model.labels(), double(info.split)));
  if (folder.labels.size() == info.classes)
    return folder;
  std::string names;
  for (const std::string &label : folder.labels)
    names += (names.empty() ? "'" : ", '") + label + "'";
  throw Failure(fmt::format("{}: there are {} class folders ({}), the model "
                            "has {} classes",
                            options.folder, folder.labels.size(), names,
                            info.classes));
}

// Shows each epoch and writes the log.
class Reporter {
public:
  // Opens the log, so that a wrong path is known before the work.
  Reporter(const Model &model, const Options &options) : model(model) {
    if (options.log.empty())
      return;
    log.emplace(options.log, std::ios::trunc);
    logPath = options.log;
    checkLog();
  }

  void begin(uint32_t trainingPictures) { pictures = trainingPictures; }

  // For tl_fit_options: an exception may not pass through the C library.
  static int onProgress(void *user, const tl_progress *progress) {
    auto &self = *static_cast<Reporter *>(user);
    try {
      self.show(*progress);
      return 0;
    } catch (...) {
      self.thrown = std::current_exception();
      return 1;
    }
  }

  std::exception_ptr thrown;
  Laps laps;

private:
  void show(const tl_progress &at) {
    const char *phase = tl_model_phase(model.get(), at.phase)->name;
    if (at.stage == TL_STAGE_EPOCH)
      return finishEpoch(phase, at);
    if (!epoch)
      epoch.emplace(fmt::format("{} {}/{}", phase, at.epoch + 1, at.epochs),
                    pictures);
    if (at.stage == TL_STAGE_TRAIN)
      epoch->update(at.done, fmt::format("loss {:.4f}", at.loss));
  }

  void finishEpoch(const char *phase, const tl_progress &at) {
    const tl_epoch_record &record = *at.record;
    double seconds = epoch ? epoch->seconds() : 0;
    epoch.reset();
    laps.finish(fmt::format("phase {}", phase));
    fmt::print("{} {}/{}  loss {:.4f}  accuracy {:.4f}", phase, at.epoch + 1,
               at.epochs, record.loss, record.accuracy);
    if (record.val_loss == record.val_loss)
      fmt::print("  val_loss {:.4f}  val_accuracy {:.4f}", record.val_loss,
                 record.val_accuracy);
    fmt::print("  {:.2f} s\n", seconds);
    std::fflush(stdout);
    if (!log)
      return;
    *log << toLine({{"phase", phase},
                    {"epoch", at.epoch + 1},
                    {"loss", record.loss},
                    {"accuracy", record.accuracy},
                    {"val_loss", record.val_loss},
                    {"val_accuracy", record.val_accuracy},
                    {"seconds", seconds},
                    {"images_per_second", pictures / seconds}})
         << std::flush;
    checkLog();
  }

  void checkLog() const {
    if (!*log)
      throw Failure(fmt::format("{}: the log cannot be written", logPath));
  }

  const Model &model;
  uint32_t pictures = 0;
  std::optional<std::ofstream> log;
  std::string logPath;
  std::optional<Progress> epoch;
};

void setLabels(tl_trainer *trainer, const std::vector<std::string> &labels) {
  std::vector<const char *> names;
  for (const std::string &label : labels)
    names.push_back(label.c_str());
  call([&](tl_error *e) {
    return tl_trainer_set_labels(trainer, names.data(), uint32_t(names.size()),
                                 e);
  });
}

// Gives back the status, for a run that ended early may be worth saving.
tl_error fit(tl_trainer *trainer, TrainingSet &set, Reporter &reporter,
             const Options &options) {
  tl_pictures training = set.training(), validation = set.validation();
  reporter.begin(training.count);
  tl_fit_options how{};
  how.size = sizeof how;
  how.epochs = options.epochs.value_or(0);
  how.progress = Reporter::onProgress;
  how.user = &reporter;
  tl_error error{};
  tl_trainer_fit(trainer, &training, validation.count ? &validation : nullptr,
                 &how, &error);
  if (reporter.thrown)
    std::rethrow_exception(reporter.thrown);
  set.rethrow();
  return error;
}

} // namespace

void runTrain(const Options &options) {
  std::string output = chooseOutput(options);
  Model model(options.model);
  TrainerPtr trainer = model.makeTrainer(options.threads, options.seed);
  Reporter reporter(model, options);
  data::PictureFolder folder = scan(model, options);
  setLabels(trainer.get(), folder.labels);
  TrainingSet set(model, trainer.get(), folder, options);
  printEstimate(set.rows(), options);
  set.read();
  reporter.laps.finish("reading pictures, extracting features");
  fmt::print("training on {} pictures of {} classes, validating on {}\n",
             set.training().count, folder.labels.size(),
             set.validation().count);
  std::fflush(stdout);

  tl_error ended = fit(trainer.get(), set, reporter, options);
  if (ended.status != TL_STATUS_OK && ended.status != TL_STATUS_NOT_FINITE)
    throw makeFailure(ended);
  call([&](tl_error *e) {
    return tl_trainer_save(trainer.get(), output.c_str(), e);
  });
  if (ended.status == TL_STATUS_NOT_FINITE)
    throw Failure(
        fmt::format("{}; the last good state is in {}", ended.message, output));
  fmt::print("saved {}\n", output);
  reporter.laps.finish("saving");
  reportTraining({output, trainer.get(), set.training().count, set.validation(),
                  set.validationFiles(), reporter.laps},
                 options);
}

} // namespace tl::tools
