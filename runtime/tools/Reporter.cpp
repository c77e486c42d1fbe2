// See Reporter.h. Epochs and steps are counted from 1 here, as people do.
#include "runtime/tools/Reporter.h"

#include "runtime/tools/Interrupt.h"
#include "runtime/tools/Json.h"
#include "runtime/tools/Options.h"

namespace tl::tools {

Reporter::Reporter(const Model &model, const Options &options)
    : model(model), logSteps(options.logSteps), logPath(options.log) {
  if (logPath.empty())
    return;
  log.emplace(logPath, options.resume ? std::ios::app : std::ios::trunc);
  checkLog();
}

int Reporter::onProgress(void *user, const tl_progress *progress) {
  auto &self = *static_cast<Reporter *>(user);
  try {
    self.show(*progress);
    return Interrupt::isAsked();
  } catch (...) {
    self.thrown = std::current_exception();
    return 1;
  }
}

void Reporter::show(const tl_progress &at) {
  const char *phase = tl_model_phase(model.get(), at.phase)->name;
  if (at.stage == TL_STAGE_EPOCH)
    return finishEpoch(phase, at);
  if (!epoch)
    epoch.emplace(fmt::format("{} {}/{}", phase, at.epoch + 1, at.epochs),
                  pictures);
  if (at.stage != TL_STAGE_TRAIN)
    return;
  if (logSteps)
    logStep(phase, at);
  epoch->update(at.done, fmt::format("loss {:.4f}", at.loss));
}

// Nine significant digits give back the same float.
void Reporter::logStep(const char *phase, const tl_progress &at) {
  write(fmt::format("{{\"phase\":{},\"epoch\":{},\"step\":{},\"loss\":{:.9g},"
                    "\"learning_rate\":{:.9g}}}\n",
                    Json(phase).dump(), at.epoch + 1, at.step + 1, at.step_loss,
                    at.learning_rate));
}

void Reporter::finishEpoch(const char *phase, const tl_progress &at) {
  const tl_epoch_record &record = *at.record;
  double seconds = epoch ? epoch->seconds() : 0;
  epoch.reset();
  laps.finish(fmt::format("phase {}", phase));
  std::string line =
      fmt::format("{} {}/{}  loss {:.4f}  accuracy {:.4f}", phase,
                  record.epoch + 1, at.epochs, record.loss, record.accuracy);
  Json json = {{"phase", phase},
               {"epoch", record.epoch + 1},
               {"loss", record.loss},
               {"accuracy", record.accuracy}};
  const tl_model_info &info = model.info();
  auto add = [&](const char *name, float value, bool always) {
    if (always || value == value)
      json[name] = value;
    if (value == value)
      line += fmt::format("  {} {:.4f}", name, value);
  };
  add("val_loss", record.val_loss, true);
  add("val_accuracy", record.val_accuracy, true);
  add("val_top_k", record.val_top_k, info.top_k != 0);
  add("val_auc", record.val_auc, info.auc != 0);
  json["seconds"] = seconds;
  json["images_per_second"] = pictures / seconds;
  fmt::print("{}  {:.2f} s\n", line, seconds);
  std::fflush(stdout);
  if (log)
    write(toLine(json));
}

void Reporter::logParts() {
  if (!log)
    return;
  for (const ReportPart &part : laps.all())
    write(toLine({{"part", part.name},
                  {"seconds", part.seconds},
                  {"peak_bytes", part.peakBytes}}));
}

// Into the log where there is one.
void Reporter::write(const std::string &line) {
  if (!log) {
    fmt::print("{}", line);
    std::fflush(stdout);
    return;
  }
  *log << line << std::flush;
  checkLog();
}

void Reporter::checkLog() const {
  if (!*log)
    throw Failure(fmt::format("{}: the log cannot be written", logPath));
}

} // namespace tl::tools
