// See Estimate.h.
#include "runtime/tools/Estimate.h"

#include "runtime/data/LoadPicture.h"
#include "runtime/tools/Pictures.h"
#include "runtime/tools/Progress.h"

#include <algorithm>
#include <chrono>
#include <fmt/format.h>
#include <numeric>

namespace tl::tools {
namespace {

// Multiply-adds a second that any core reaches; below so many seconds of work
// the measurement would take longer than it is worth.
constexpr double kSlowCore = 2e9;
constexpr double kShortWork = 3;
// What decoding a picture, or making a view of it, is taken for: 5 ms.
constexpr double kPictureWork = 1e7;
// Pictures extracted, and files decoded, for a measurement.
constexpr uint32_t kProbePictures = 4;
// As tl_trainer_evaluate runs them.
constexpr uint32_t kEvaluateBatch = 64;

// Where `store` and what it does not hold lie.
std::string describePlaces(const data::RowStore &store, uint64_t wanted,
                           const char *otherwise) {
  uint64_t size = store.rowBytes();
  uint64_t missing = wanted - store.memoryRows() - store.fileRows();
  std::string text;
  auto add = [&](uint64_t rows, const std::string &where) {
    if (rows)
      text += (text.empty() ? "" : ", ") + where;
  };
  add(store.memoryRows(),
      describeBytes(store.memoryRows() * size) + " in memory");
  add(store.fileRows(), describeBytes(store.fileRows() * size) + " on disk");
  add(missing, fmt::format("{} of {} rows {}", missing, wanted, otherwise));
  return text;
}

class Estimate {
public:
  Estimate(const PictureRows &rows, const Options &options)
      : rows(rows), model(rows.model), info(model.info()), options(options),
        threads(options.threads ? options.threads : tl_available_threads()) {}

  void print() const;

private:
  void printPictures() const;
  void printFeatures() const;
  void printMemory() const;
  void printTime() const;

  std::string phasesOf(uint32_t frontier) const;
  uint32_t epochsOf(uint32_t phase) const {
    return options.epochs.value_or(tl_model_phase(model.get(), phase)->epochs);
  }
  // Index of the program that does most of its kind; of a phase where named.
  std::optional<uint32_t> entry(tl_entry_kind kind,
                                const std::string &name = {}) const;
  double multiplyAdds(std::optional<uint32_t> index) const {
    return index ? double(tl_model_entry(model.get(), *index)->multiply_adds)
                 : 0;
  }
  std::optional<uint32_t> step(uint32_t phase) const;

  // What one picture costs, all threads at work: in multiply-adds, or seconds.
  struct Costs {
    double decode = 0;
    double pixels = 0; // from the resized picture: the view, normalised
    double extract = 0;
    double evaluate = 0;
    std::vector<double> steps; // by phase
  };
  struct Parts {
    double reading = 0, extraction = 0;
    std::vector<double> phases;
    double total() const {
      return std::accumulate(phases.begin(), phases.end(),
                             reading + extraction);
    }
  };
  Parts partsOf(const Costs &costs) const;
  Costs countCosts() const;
  Costs measureCosts() const;
  void measureReading(Costs &costs) const;
  double measure(std::optional<uint32_t> entry, uint32_t batch) const;

  // How often pictures go through the frozen part: before the first epoch, and
  // in a phase's epochs, where their features are not kept.
  double rowsToExtract() const;
  double rowsToRepeat(uint32_t phase) const;

  const PictureRows &rows;
  const Model &model;
  const tl_model_info &info;
  const Options &options;
  uint32_t threads;
};

void Estimate::print() const {
  printPictures();
  printFeatures();
  printMemory();
  printTime();
  std::fflush(stdout);
}

void Estimate::printPictures() const {
  const Views &views = rows.views();
  std::string of;
  if (views.unlimited())
    of = ", a new view of each in every epoch";
  else if (views.changePictures())
    of = fmt::format(", {} views of each", views.perPicture());
  fmt::print("pictures: {} to train on{}, {} to validate with\n",
             rows.trainings(), of, rows.validations());
}

std::string Estimate::phasesOf(uint32_t frontier) const {
  std::string names;
  for (uint32_t i = 0; i < info.phase_count; ++i) {
    const tl_phase_info &phase = *tl_model_phase(model.get(), i);
    if (phase.frontier == frontier)
      names += (names.empty() ? "" : ", ") + std::string(phase.name);
  }
  return names;
}

void Estimate::printFeatures() const {
  for (uint32_t f = 0; f < rows.frontiers.size(); ++f) {
    const PictureRows::Frontier &frontier = rows.frontiers[f];
    std::string where = "computed at each step";
    if (frontier.context.pixels)
      where = "the pixels, nothing is frozen";
    else if (frontier.wanted)
      where = fmt::format(
          "{} floats x {} rows = {}: {}{}", frontier.floats, frontier.wanted,
          describeBytes(frontier.floats * sizeof(float) * frontier.wanted),
          describePlaces(frontier.rows, frontier.wanted,
                         "computed at each step"),
          frontier.turns.empty() ? "; those to train on computed at each step"
                                 : "");
    fmt::print("features of {}: {}\n", phasesOf(f), where);
  }
  if (rows.preparedWanted)
    fmt::print("resized pictures: {} x {} = {}: {}\n",
               describeBytes(rows.prepared.rowBytes()), rows.preparedWanted,
               describeBytes(rows.prepared.rowBytes() * rows.preparedWanted),
               describePlaces(rows.prepared, rows.preparedWanted,
                              "decoded at each step"));
}

// The programs share one arena. The state is there three times: at work, as the
// epoch began, and as the best epoch left it.
void Estimate::printMemory() const {
  uint64_t programs = 0, scratch = 0;
  bool keepsBest = false;
  uint32_t extractBatch = tl_model_default_batch(model.get(), options.threads);
  for (uint32_t i = 0; i < info.entry_count; ++i) {
    const tl_entry_info &at = *tl_model_entry(model.get(), i);
    uint32_t batch = at.kind == TL_ENTRY_EXTRACT      ? extractBatch
                     : at.kind == TL_ENTRY_TRAIN_STEP ? info.batch
                     : at.kind == TL_ENTRY_EVALUATE   ? kEvaluateBatch
                                                      : 0;
    if (!batch)
      continue;
    programs = std::max(programs, at.fixed_bytes + batch * at.picture_bytes);
    scratch = std::max(scratch, at.scratch_bytes * threads);
  }
  for (uint32_t i = 0; i < info.phase_count; ++i)
    keepsBest |= tl_model_phase(model.get(), i)->keep_best != 0;
  uint64_t state = info.parameter_bytes + info.slot_bytes;
  uint64_t copies = state * (keepsBest ? 2 : 1);
  uint64_t cache = rows.prepared.rowBytes() * rows.prepared.memoryRows();
  for (const PictureRows::Frontier &frontier : rows.frontiers)
    cache += frontier.rows.rowBytes() * frontier.rows.memoryRows();
  fmt::print("memory: {}: parameters {}, optimizer {}, copies of both {}, "
             "programs {}, cache {}\n",
             describeBytes(state + copies + programs + scratch + cache),
             describeBytes(info.parameter_bytes),
             describeBytes(info.slot_bytes), describeBytes(copies),
             describeBytes(programs + scratch), describeBytes(cache));
}

std::optional<uint32_t> Estimate::entry(tl_entry_kind kind,
                                        const std::string &name) const {
  std::optional<uint32_t> found;
  for (uint32_t i = 0; i < info.entry_count; ++i) {
    const tl_entry_info &at = *tl_model_entry(model.get(), i);
    if (at.kind == kind && (name.empty() || at.name == name) &&
        (!found || double(at.multiply_adds) > multiplyAdds(found)))
      found = i;
  }
  return found;
}

std::optional<uint32_t> Estimate::step(uint32_t phase) const {
  return entry(TL_ENTRY_TRAIN_STEP,
               std::string("train_step.") +
                   tl_model_phase(model.get(), phase)->name);
}

double Estimate::rowsToExtract() const {
  uint64_t most = 0; // One pass serves all frontiers.
  for (const PictureRows::Frontier &frontier : rows.frontiers) {
    uint64_t held = frontier.rows.memoryRows() + frontier.rows.fileRows();
    uint64_t known = frontier.disk ? frontier.disk->rowCount() : 0;
    most = std::max(most, held - std::min(held, known));
  }
  return double(most);
}

double Estimate::rowsToRepeat(uint32_t phase) const {
  const tl_phase_info &at = *tl_model_phase(model.get(), phase);
  const PictureRows::Frontier &frontier = rows.frontiers[at.frontier];
  double shown = double(rows.pictures.size()) * epochsOf(phase);
  if (!frontier.wanted)
    return shown;
  uint64_t held = frontier.rows.memoryRows() + frontier.rows.fileRows();
  // Views that are shown once are not among the wanted rows.
  double kept = frontier.turns.empty()
                    ? double(rows.validations()) * epochsOf(phase) / shown
                    : 1;
  return shown * (1 - kept * double(held) / double(frontier.wanted));
}

Estimate::Parts Estimate::partsOf(const Costs &costs) const {
  Parts parts;
  double extracted = rowsToExtract();
  parts.reading =
      double(rows.pictures.size()) * costs.decode + extracted * costs.pixels;
  parts.extraction = extracted * costs.extract;
  // Of the pictures that are asked for again, those that are decoded again.
  double decoded =
      rows.preparedWanted
          ? 1 - double(rows.prepared.memoryRows() + rows.prepared.fileRows()) /
                    double(rows.preparedWanted)
          : 0;
  for (uint32_t p = 0; p < info.phase_count; ++p) {
    uint32_t frontier = tl_model_phase(model.get(), p)->frontier;
    bool extracts = !rows.frontiers[frontier].context.pixels;
    double again =
        decoded * costs.decode + costs.pixels + (extracts ? costs.extract : 0);
    parts.phases.push_back(rowsToRepeat(p) * again +
                           epochsOf(p) *
                               (double(rows.trainings()) * costs.steps[p] +
                                double(rows.validations()) * costs.evaluate));
  }
  return parts;
}

Estimate::Costs Estimate::countCosts() const {
  Costs costs;
  costs.decode = costs.pixels = kPictureWork;
  costs.extract = multiplyAdds(entry(TL_ENTRY_EXTRACT));
  costs.evaluate = multiplyAdds(entry(TL_ENTRY_EVALUATE));
  for (uint32_t p = 0; p < info.phase_count; ++p)
    costs.steps.push_back(multiplyAdds(step(p)));
  return costs;
}

void Estimate::measureReading(Costs &costs) const {
  using Clock = std::chrono::steady_clock;
  using Seconds = std::chrono::duration<double>;
  std::vector<float> pixels(info.pixel_count);
  size_t count = std::min<size_t>(kProbePictures, rows.trainings());
  double share = 1.0 / double(count) / threads;
  for (size_t i = 0; i < count; ++i) {
    size_t place = rows.validations() + i * rows.trainings() / count;
    Clock::time_point began = Clock::now();
    data::LoadedPicture picture =
        data::loadPicture(rows.pictures[place].path, model.preprocess());
    Clock::time_point decoded = Clock::now();
    if (picture.error.empty())
      rows.makePixels(picture.pixels, place, 0, pixels.data());
    costs.decode += Seconds(decoded - began).count() * share;
    costs.pixels += Seconds(Clock::now() - decoded).count() * share;
  }
}

double Estimate::measure(std::optional<uint32_t> index, uint32_t batch) const {
  if (!index)
    return 0;
  SessionPtr session = model.makeSession(options.threads, batch);
  double seconds = 0;
  call([&](tl_error *e) {
    return tl_session_bench(session.get(), *index, batch, 1, &seconds, e);
  });
  return seconds / batch;
}

Estimate::Costs Estimate::measureCosts() const {
  Costs costs;
  measureReading(costs);
  costs.extract = measure(entry(TL_ENTRY_EXTRACT), kProbePictures);
  costs.evaluate = measure(entry(TL_ENTRY_EVALUATE), info.batch);
  for (uint32_t p = 0; p < info.phase_count; ++p)
    costs.steps.push_back(measure(step(p), info.batch));
  return costs;
}

void Estimate::printTime() const {
  // Files of older compilers do not count their multiply-adds.
  bool counted = multiplyAdds(step(0)) > 0;
  double work = partsOf(countCosts()).total();
  if (counted && work < kShortWork * kSlowCore * threads) {
    fmt::print("time: seconds\n");
    return;
  }
  Parts parts = partsOf(measureCosts());
  std::string text =
      fmt::format("reading {}, extraction {}", describeSeconds(parts.reading),
                  describeSeconds(parts.extraction));
  for (uint32_t p = 0; p < info.phase_count; ++p)
    text += fmt::format(", {} {}", tl_model_phase(model.get(), p)->name,
                        describeSeconds(parts.phases[p]));
  fmt::print("time: about {}: {}\n", describeSeconds(parts.total()), text);
}

} // namespace

std::string describeBytes(uint64_t bytes) {
  if (bytes < 1000)
    return fmt::format("{} B", bytes);
  double value = double(bytes) / 1000;
  const char *unit = "kB";
  for (const char *next : {"MB", "GB"}) {
    if (value < 999.95) // prints as 999.9
      break;
    value /= 1000;
    unit = next;
  }
  return fmt::format("{:.1f} {}", value, unit);
}

void printEstimate(const PictureRows &rows, const Options &options) {
  Estimate(rows, options).print();
}

} // namespace tl::tools
