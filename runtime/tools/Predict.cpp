// tlrun M.bin --predict FILE...: what each picture shows. Arrays of pixels are
// handed to PredictArray.cpp.
#include "runtime/tools/Json.h"
#include "runtime/tools/Pictures.h"
#include "runtime/tools/Verbs.h"

#include <algorithm>
#include <fstream>
#include <numeric>

namespace tl::tools {
namespace {

// With more classes than this only the likeliest are printed by default.
constexpr size_t kPrintAll = 20;
constexpr size_t kPrintSome = 5;

// By content: a .npy file starts with its magic, no picture does.
bool isArray(const std::string &path) {
  char magic[6] = {};
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored))
    return false;
  std::ifstream(path, std::ios::binary).read(magic, sizeof magic);
  return std::string_view(magic, sizeof magic) == "\x93NUMPY";
}

// Labels from the likeliest; equal scores in label order.
std::vector<size_t> rank(std::span<const float> scores) {
  std::vector<size_t> order(scores.size());
  std::iota(order.begin(), order.end(), size_t(0));
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return scores[a] > scores[b]; });
  return order;
}

class Printer {
public:
  Printer(const Model &model, const Options &options)
      : model(model), options(options), labels(model.labelsOrNumbers()) {}

  void print(const std::string &file, std::span<const float> scores) const {
    const std::string &label = labels[model.chooseLabel(scores)];
    if (options.json)
      return printObject(file, label, scores);
    size_t some = labels.size() <= kPrintAll ? labels.size() : kPrintSome;
    size_t count =
        std::min<size_t>(options.top.value_or(uint32_t(some)), labels.size());
    fmt::print("{}: {} ", file, label);
    std::vector<size_t> order = rank(scores);
    for (size_t i = 0; i < count; ++i)
      fmt::print("{}{} {:.4f}", i ? ", " : "(", labels[order[i]],
                 scores[order[i]]);
    fmt::print(")\n");
  }

private:
  void printObject(const std::string &file, const std::string &label,
                   std::span<const float> scores) const {
    Json all = Json::object();
    for (size_t i = 0; i < labels.size(); ++i)
      all[labels[i]] = scores[i];
    Json object = {{"file", file}, {"label", label}, {"scores", all}};
    if (options.top) {
      std::vector<size_t> order = rank(scores);
      order.resize(std::min<size_t>(*options.top, order.size()));
      object["top"] = Json::array();
      for (size_t at : order)
        object["top"].push_back(labels[at]);
    }
    printJson(object);
  }

  const Model &model;
  const Options &options;
  const std::vector<std::string> labels;
};

void checkOptions(const Options &options) {
  if (options.preprocessed || !options.tap.empty() || !options.output.empty())
    throw Failure(fmt::format(
        "-o, --tap and --preprocessed go with one .npy file, found {}",
        options.files.size() == 1 ? "'" + options.files[0] + "'"
                                  : "several files"));
}

} // namespace

void runPredict(const Options &options) {
  if (options.files.size() == 1 && isArray(options.files[0]))
    return runPredictArray(options);
  checkOptions(options);
  Model model(options.model);
  const tl_model_info &info = model.info();
  if (!info.classes)
    throw Failure(fmt::format("{}: is a feature extractor, it has no classes "
                              "to predict; read its features with --predict "
                              "X.npy -o Y.npy",
                              options.model));
  if (!info.trained && info.phase_count)
    warn(fmt::format("{} is untrained: run --train first", options.model));
  SessionPtr session = model.makeSession(options.threads);
  Printer printer(model, options);
  std::vector<float> scores;
  ReadPictures request{model, options.files, options.threads};
  std::vector<Unreadable> unreadable = readPictures(request, [&](Batch &batch) {
    scores.resize(size_t(batch.size()) * info.classes);
    call([&](tl_error *e) {
      return tl_session_predict(session.get(), batch.pixels.data(),
                                batch.size(), nullptr, scores.data(), e);
    });
    for (uint32_t i = 0; i < batch.size(); ++i)
      printer.print(options.files[batch.indices[i]],
                    {scores.data() + size_t(i) * info.classes, info.classes});
  });
  if (unreadable.empty())
    return;
  for (size_t i = 1; i < unreadable.size(); ++i)
    warn(fmt::format("skipped {}: {}", unreadable[i].file.path,
                     unreadable[i].file.reason));
  const data::SkippedFile &first = unreadable[0].file;
  throw Failure(fmt::format("{}: {} ({} of {} files skipped)", first.path,
                            first.reason, unreadable.size(),
                            options.files.size()));
}

} // namespace tl::tools
