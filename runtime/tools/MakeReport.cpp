// See MakeReport.h.
#include "runtime/tools/MakeReport.h"

#include "runtime/data/Decode.h"
#include "runtime/data/File.h"
#include "runtime/tools/ReportFacts.h"
#include "runtime/tools/ReportHtml.h"
#include "runtime/tools/Thumbnail.h"
#include "runtime/tools/Verbs.h"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>

namespace tl::tools {
namespace {

constexpr size_t kMostMistakes = 24;
// Of a thumbnail's long side: 24 of them come to about 150 KB.
constexpr uint32_t kThumbnailSide = 160;

ReportMistake showMistake(const Mistake &mistake,
                          const data::PictureFile &file) {
  ReportMistake shown;
  shown.file = file.relative;
  shown.label = mistake.label;
  shown.said = mistake.said;
  shown.saidScore = mistake.saidScore;
  shown.labelScore = mistake.labelScore;
  if (data::Result<data::Image> picture = data::decodeImageFile(file.path)) {
    Thumbnail small = makeThumbnail(*picture, kThumbnailSide);
    shown.jpeg = std::move(small.jpeg);
    shown.width = small.width;
    shown.height = small.height;
  }
  return shown;
}

ReportEvaluation describe(const Evaluation &evaluation, bool validation,
                          const std::vector<data::PictureFile> &files) {
  ReportEvaluation shown;
  shown.validation = validation;
  shown.count = evaluation.count;
  shown.loss = evaluation.loss;
  shown.confusion = evaluation.confusion;
  shown.mistakeCount = evaluation.mistakes.size();
  for (size_t i = 0; i < std::min(kMostMistakes, evaluation.mistakes.size());
       ++i)
    shown.mistakes.push_back(showMistake(
        evaluation.mistakes[i], files[evaluation.mistakes[i].picture]));
  return shown;
}

void write(const ReportData &data, const std::string &path) {
  std::string page = makeReport(data);
  data::AtomicFile file = take(data::AtomicFile::create(path));
  data::Status status = file.append(
      {reinterpret_cast<const uint8_t *>(page.data()), page.size()});
  if (status)
    status = file.commit();
  if (!status)
    throw Failure(status.message());
}

// trained.bin -> trained.report.html
std::string pathBeside(const std::string &output) {
  std::filesystem::path path = output;
  if (path.extension() == ".bin")
    path.replace_extension();
  path += ".report.html";
  return path.native();
}

ReportData describeTraining(const FinishedTraining &training) {
  // What was saved is what the page is about.
  Model model(training.output);
  ReportData data = describeModel(model);
  uint32_t last = data.history.empty() ? 0 : data.history.back().phase;
  uint32_t epoch = data.history.empty() ? 0 : data.history.back().epoch;
  data.subtitle += fmt::format(" Trained on {} pictures, validated on {}.",
                               showCount(training.trainingCount),
                               showCount(training.validation.count));
  data.noEvaluation =
      "There were no validation pictures. A folder \"val\" beside \"train\", "
      "or a split in the recipe, keeps some.";
  if (training.validation.count)
    data.evaluation = describe(
        evaluatePictures(training.trainer, training.validation, {last, epoch}),
        true, training.validationFiles);
  training.laps.finish("evaluation for this page");
  data.parts = training.laps.all();
  return data;
}

} // namespace

void reportTraining(const FinishedTraining &training, const Options &options) {
  if (options.noReport)
    return;
  std::string path =
      options.report.empty() ? pathBeside(training.output) : options.report;
  try {
    write(describeTraining(training), path);
  } catch (const Failure &failure) {
    return warn(fmt::format("there is no report: {}", failure.what()));
  }
  fmt::print("report {}\n", path);
}

void reportEvaluation(const Model &model, const Evaluation &evaluation,
                      const data::PictureFolder &folder,
                      const Options &options) {
  ReportData data = describeModel(model);
  data.subtitle +=
      fmt::format(" Evaluated on {} pictures.", showCount(evaluation.count));
  data.labels = folder.labels;
  data.evaluation = describe(evaluation, false, folder.validation);
  write(data, options.report);
  if (!options.json)
    fmt::print("report {}\n", options.report);
}

void runReport(const Options &options) {
  Model model(options.model);
  if (!model.info().classes)
    throw Failure(
        fmt::format("{}: is a feature extractor, there is no training "
                    "to report",
                    options.model));
  ReportData data = describeModel(model);
  data.noEvaluation =
      "This page was made from the trained file alone, which holds no "
      "pictures.";
  write(data, options.report);
  fmt::print("report {}\n", options.report);
}

} // namespace tl::tools
