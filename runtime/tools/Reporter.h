// What a user sees of a training run: a bar for the epoch at work, a line for
// each that is done, and the log.
#pragma once

#include "runtime/tools/Laps.h"
#include "runtime/tools/Model.h"
#include "runtime/tools/Progress.h"

#include <exception>
#include <fstream>

namespace tl::tools {

struct Options;

class Reporter {
public:
  // Opens the log, so that a wrong path is known before the work.
  Reporter(const Model &model, const Options &options);

  void begin(uint32_t trainingPictures) { pictures = trainingPictures; }

  // For tl_fit_options: an exception may not pass through the C library.
  // Asks the run to stop where a signal did (Interrupt.h).
  static int onProgress(void *user, const tl_progress *progress);

  // A line in the log for each part of the run: its time, and the most memory
  // up to its end.
  void logParts();

  std::exception_ptr thrown;
  Laps laps; // a part a phase; whoever does more of the run adds its own

private:
  void show(const tl_progress &at);
  void logStep(const char *phase, const tl_progress &at);
  void finishEpoch(const char *phase, const tl_progress &at);
  void write(const std::string &line);
  void checkLog() const;

  const Model &model;
  const bool logSteps;
  uint32_t pictures = 0;
  std::optional<std::ofstream> log;
  std::string logPath;
  std::optional<Progress> epoch;
};

} // namespace tl::tools
