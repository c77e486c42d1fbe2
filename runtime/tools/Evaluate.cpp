// tlrun M.bin --evaluate DIR: accuracy, loss and confusion on a folder.
#include "runtime/tools/Evaluation.h"
#include "runtime/tools/Json.h"
#include "runtime/tools/MakeReport.h"
#include "runtime/tools/Pictures.h"
#include "runtime/tools/Verbs.h"

#include <algorithm>

namespace tl::tools {
namespace {

void print(const Evaluation &evaluation, const data::PictureFolder &folder) {
  fmt::print("accuracy {:.4f}  loss {:.4f}  pictures {}  skipped {}\n",
             evaluation.accuracy(), evaluation.loss, evaluation.count,
             folder.skipped.size());
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
  data::PictureFolder folder = scanEvaluation(model, options.folder);
  Evaluation evaluation = evaluateFolder(model, folder, options.threads);
  reportSkipped(folder.skipped, options.strict);
  if (!evaluation.count)
    throw Failure(fmt::format("{}: there is no readable picture to evaluate "
                              "on",
                              options.folder));
  if (options.json)
    printJson({{"accuracy", evaluation.accuracy()},
               {"loss", evaluation.loss},
               {"count", evaluation.count},
               {"skipped", folder.skipped.size()},
               {"labels", folder.labels},
               {"confusion", evaluation.confusion}});
  else
    print(evaluation, folder);
  if (!options.report.empty())
    reportEvaluation(model, evaluation, folder, options);
}

} // namespace tl::tools
