// Who asks for a report, and with what: --train at its end, --evaluate, or
// nobody else. Each writes the file and prints its name.
#pragma once

#include "runtime/tools/Evaluation.h"
#include "runtime/tools/Laps.h"
#include "runtime/tools/Options.h"

namespace tl::tools {

// What --train knows when it has saved.
struct FinishedTraining {
  const std::string &output; // the trained file
  tl_trainer *trainer;       // in its last phase
  uint32_t trainingCount;
  const tl_pictures &validation;
  const std::vector<data::PictureFile> &validationFiles; // in the same order
  Laps &laps;
};

// Beside the trained file or where --report says. That the page cannot be made
// is a warning: the training is what was asked for.
void reportTraining(const FinishedTraining &training, const Options &options);

// --evaluate with --report.
void reportEvaluation(const Model &model, const Evaluation &evaluation,
                      const data::PictureFolder &folder,
                      const Options &options);

} // namespace tl::tools
