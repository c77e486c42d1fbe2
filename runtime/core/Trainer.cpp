// Steps and evaluations.
#include "runtime/core/Trainer.h"

#include "runtime/core/Failure.h"
#include "runtime/core/Initialize.h"
#include "runtime/core/Program.h"
#include "runtime/core/Scores.h"

#include <algorithm>
#include <cmath>
#include <cstring>

using namespace tl;

// Pictures evaluated at once; results do not depend on it.
static constexpr uint32_t kEvaluateBatch = 64;

static uint64_t chosenSeed(const tl_model &model,
                           const tl_trainer_options &options) {
  return options.use_seed ? options.seed : model.tables.info.seed;
}

tl_trainer::tl_trainer(const tl_model &model, const tl_trainer_options &options)
    : model(model), seed(chosenSeed(model, options)),
      extractBatch(options.extract_batch ? options.extract_batch : 32),
      machine(model, options.threads), parameters(model, seed),
      programs(model.root.entries()->size()) {
  for (const char *label : model.tables.labels)
    labels.push_back(label);
  if (model.tables.phases.empty())
    fail(TL_STATUS_UNSUPPORTED,
         "model \"%s\" has no training phases: its recipe has no \"train\"",
         model.tables.info.name);
}

void tl_trainer::initialize(uint64_t newSeed) {
  seed = newSeed;
  parameters.draw(seed);
  parameters.zeroState();
  history.clear();
  phase = -1;
  stepNumber = 0;
}

Program &tl_trainer::program(uint32_t index, uint32_t n) {
  if (!programs[index]) {
    parameters.resolve(*model.root.entries()->Get(index));
    programs[index] = std::make_unique<Program>(model, index);
  }
  programs[index]->bind(machine, n, parameters.table(), &stepBlock);
  return *programs[index];
}

const Frontier &tl_trainer::frontierOf(uint32_t index) const {
  if (index >= model.tables.phases.size())
    fail(TL_STATUS_NOT_FOUND, "phase %u: the model has %zu", index,
         model.tables.phases.size());
  return model.frontiers.of(index);
}

const Frontier &tl_trainer::present() const {
  return model.frontiers.of(phase < 0 ? 0 : uint32_t(phase));
}

Program *tl_trainer::runExtraction(int32_t entry, const float *pixels,
                                   uint32_t n) {
  if (entry < 0)
    return nullptr;
  Program &extraction = program(uint32_t(entry), n);
  extraction.write(*findPort(extraction.entry.inputs(), "pixels"), pixels,
                   model.tables.info.pixel_count);
  extraction.run(machine);
  return &extraction;
}

void tl_trainer::extract(uint32_t index, const float *pixels, size_t n,
                         float *features) {
  const Frontier &frontier = frontierOf(index);
  for (size_t at = 0; at < n; at += extractBatch) {
    uint32_t count = uint32_t(std::min<size_t>(extractBatch, n - at));
    const float *chunk = pixels + at * model.tables.info.pixel_count;
    readFeatures(model, frontier,
                 runExtraction(frontier.extractEntry, chunk, count), chunk,
                 count, features + at * frontier.count);
  }
}

void tl_trainer::extractAll(const float *pixels, size_t n,
                            float *const *features) {
  for (size_t at = 0; at < n; at += extractBatch) {
    uint32_t count = uint32_t(std::min<size_t>(extractBatch, n - at));
    const float *chunk = pixels + at * model.tables.info.pixel_count;
    int32_t whole = model.frontiers.extractAllEntry;
    const Program *extraction = runExtraction(whole, chunk, count);
    for (size_t f = 0; f < model.frontiers.all.size(); ++f) {
      const Frontier &frontier = model.frontiers.all[f];
      if (whole < 0)
        extraction = runExtraction(frontier.extractEntry, chunk, count);
      readFeatures(model, frontier, extraction, chunk, count,
                   features[f] + at * frontier.count);
    }
  }
}

void tl_trainer::beginPhase(uint32_t index) {
  frontierOf(index); // refuses a phase that is not there
  phase = index;
  stepNumber = 0;
  parameters.zeroState();
}

void tl_trainer::checkLabels(const int32_t *given, size_t n) const {
  int64_t classes = model.root.classes();
  for (size_t i = 0; i < n; ++i)
    if (given[i] < 0 || given[i] >= classes)
      fail(TL_STATUS_INVALID_ARGUMENT,
           "label %d of picture %zu of the batch: expected 0 to %lld", given[i],
           i, static_cast<long long>(classes - 1));
}

// 1 - beta^(step + 1) in double, by squaring: no libm decides it.
static float biasCorrection(float beta, uint32_t step) {
  double power = 1, factor = beta;
  for (uint64_t exponent = uint64_t(step) + 1; exponent; exponent >>= 1) {
    if (exponent & 1)
      power *= factor;
    factor *= factor;
  }
  return float(1 - power);
}

void tl_trainer::fillStep(uint32_t epoch) {
  const schema::Phase &recipe =
      *model.root.train()->phases()->Get(uint32_t(phase));
  stepBlock.seedLow = uint32_t(seed);
  stepBlock.seedHigh = uint32_t(seed >> 32);
  stepBlock.phase = uint32_t(phase);
  stepBlock.epoch = epoch;
  stepBlock.step = stepNumber;
  const tl_phase_info &info = model.tables.phases[size_t(phase)];
  stepBlock.learningRate = info.learning_rate;
  stepBlock.backboneRate = info.backbone_rate;
  stepBlock.emaMomentum = stepNumber ? info.ema : 0;
  stepBlock.biasCorrection1 = biasCorrection(recipe.beta1(), stepNumber);
  stepBlock.biasCorrection2 = biasCorrection(recipe.beta2(), stepNumber);
}

// Nothing has written a parameter yet (VerifyProgram), so the calls up to the
// loss can run once more, looking for the first value that is not finite.
void tl_trainer::checkLosses(Program &training, uint32_t epoch,
                             int64_t lossCall, const float *features,
                             const int32_t *ids, uint32_t n) {
  if (allFinite(lossRow.data(), n))
    return;
  std::string place;
  uint64_t width = present().count;
  for (uint32_t i = 0; i < n && place.empty(); ++i)
    if (!allFinite(features + i * width, width))
      place =
          "the features of picture " + std::to_string(ids ? ids[i] : int(i));
  if (place.empty()) {
    writeFeatures(present(), training, features);
    place = training.findNotFinite(machine, lossCall + 1, parameters.table());
  }
  if (place.empty())
    place = "the loss itself";
  fail(TL_STATUS_NOT_FINITE,
       "phase \"%s\", epoch %u, step %u: the loss is not finite; first seen in "
       "%s",
       model.tables.phases[size_t(phase)].name, epoch, stepNumber,
       place.c_str());
}

void tl_trainer::step(uint32_t epoch, const float *features,
                      const int32_t *given, const int32_t *ids, uint32_t n,
                      float *losses, float *scores) {
  if (phase < 0)
    fail(TL_STATUS_INVALID_ARGUMENT,
         "no phase has begun: tl_trainer_begin_phase");
  if (n == 0)
    fail(TL_STATUS_INVALID_ARGUMENT, "a batch of 0 pictures");
  checkLabels(given, n);
  uint32_t index =
      model.root.train()->phases()->Get(uint32_t(phase))->train_entry();
  Program &training = program(index, n);
  const schema::Entry &entry = training.entry;
  const schema::Port &loss = *findPort(entry.outputs(), "loss");
  auto fill = [&] {
    writeFeatures(present(), training, features);
    training.write(*findPort(entry.inputs(), "labels"), given, 1);
    if (const schema::Port *port = findPort(entry.inputs(), "ids"))
      training.write(*port, ids, 1);
  };
  fillStep(epoch);
  fill();
  int64_t lossCall = lastWriter(model.root, entry, loss.buffer());
  training.run(machine, 0, lossCall + 1);
  if (lossRow.size() < n)
    lossRow.resize(n);
  training.read(loss, lossRow.data(), 1);
  if (!allFinite(lossRow.data(), n)) {
    fill(); // the inputs' buffers may have been used again
    checkLosses(training, epoch, lossCall, features, ids, n);
  }
  training.run(machine, lossCall + 1, training.callCount());
  ++stepNumber;
  if (losses)
    memcpy(losses, lossRow.data(), n * sizeof(float));
  if (scores)
    readScores(model, training, n, scores);
}

void tl_trainer::evaluate(const float *features, const int32_t *given, size_t n,
                          float *losses, float *scores) {
  checkLabels(given, n);
  uint32_t index = model.root.train()
                       ->phases()
                       ->Get(phase < 0 ? 0 : uint32_t(phase))
                       ->evaluate_entry();
  const tl_model_info &info = model.tables.info;
  for (size_t at = 0; at < n; at += kEvaluateBatch) {
    uint32_t count = uint32_t(std::min<size_t>(kEvaluateBatch, n - at));
    Program &evaluation = program(index, count);
    const schema::Entry &entry = evaluation.entry;
    writeFeatures(present(), evaluation, features + at * present().count);
    evaluation.write(*findPort(entry.inputs(), "labels"), given + at, 1);
    if (const schema::Port *port = findPort(entry.inputs(), "ids"))
      evaluation.write(*port, given + at, 1); // no dropout: any number will do
    evaluation.run(machine);
    if (losses)
      evaluation.read(*findPort(entry.outputs(), "loss"), losses + at, 1);
    if (scores)
      readScores(model, evaluation, count, scores + at * info.classes);
  }
}

void tl_trainer::setLabels(const char *const *names, uint32_t count) {
  if (count != model.root.classes())
    fail(TL_STATUS_INVALID_ARGUMENT, "%u labels for %u classes", count,
         model.root.classes());
  for (uint32_t i = 0; i < count; ++i) {
    requireArgument(names[i], "a label");
    for (uint32_t k = 0; k < i; ++k)
      if (strcmp(names[i], names[k]) == 0)
        fail(TL_STATUS_INVALID_ARGUMENT, "label \"%s\" is given twice",
             names[i]);
    if (i < model.tables.labels.size() &&
        strcmp(names[i], model.tables.labels[i]) != 0)
      fail(TL_STATUS_INVALID_ARGUMENT,
           "label %u is \"%s\", the model has \"%s\" there", i, names[i],
           model.tables.labels[i]);
  }
  labels.assign(names, names + count);
}

extern "C" {

tl_status tl_trainer_create(const tl_model *model,
                            const tl_trainer_options *options,
                            tl_trainer **trainer, tl_error *error) {
  return guarded(error, [&] {
    requireArgument(model, "model");
    requireArgument(trainer, "trainer");
    *trainer = new tl_trainer(*model, readOptions(options));
  });
}

void tl_trainer_destroy(tl_trainer *trainer) { delete trainer; }

const tl_model *tl_trainer_model(const tl_trainer *trainer) {
  return &trainer->model;
}

tl_status tl_trainer_initialize(tl_trainer *trainer, uint64_t seed,
                                tl_error *error) {
  return guarded(error, [&] { trainer->initialize(seed); });
}

tl_status tl_trainer_extract(tl_trainer *trainer, uint32_t phase,
                             const float *pixels, size_t n, float *features,
                             tl_error *error) {
  return guarded(error, [&] {
    requireArgument(pixels, "pixels");
    requireArgument(features, "features");
    trainer->extract(phase, pixels, n, features);
  });
}

tl_status tl_trainer_extract_all(tl_trainer *trainer, const float *pixels,
                                 size_t n, float *const *features,
                                 tl_error *error) {
  return guarded(error, [&] {
    requireArgument(pixels, "pixels");
    requireArgument(features, "features");
    for (size_t f = 0; f < trainer->model.frontiers.all.size(); ++f)
      requireArgument(features[f], "a frontier's features");
    trainer->extractAll(pixels, n, features);
  });
}

tl_status tl_trainer_begin_phase(tl_trainer *trainer, uint32_t phase,
                                 tl_error *error) {
  return guarded(error, [&] { trainer->beginPhase(phase); });
}

tl_status tl_trainer_order(tl_trainer *trainer, uint32_t epoch, uint32_t count,
                           uint32_t *order, tl_error *error) {
  return guarded(error, [&] {
    requireArgument(order, "order");
    if (trainer->phase < 0)
      fail(TL_STATUS_INVALID_ARGUMENT,
           "no phase has begun: tl_trainer_begin_phase");
    drawOrder(trainer->seed, uint32_t(trainer->phase), epoch, count, order);
  });
}

tl_status tl_trainer_step(tl_trainer *trainer, uint32_t epoch,
                          const float *features, const int32_t *labels,
                          const int32_t *ids, uint32_t n, float *losses,
                          float *scores, tl_error *error) {
  return guarded(error, [&] {
    requireArgument(features, "features");
    requireArgument(labels, "labels");
    requireArgument(ids, "ids");
    trainer->step(epoch, features, labels, ids, n, losses, scores);
  });
}

tl_status tl_trainer_evaluate(tl_trainer *trainer, const float *features,
                              const int32_t *labels, size_t n, float *losses,
                              float *scores, tl_error *error) {
  return guarded(error, [&] {
    requireArgument(features, "features");
    requireArgument(labels, "labels");
    trainer->evaluate(features, labels, n, losses, scores);
  });
}

tl_status tl_trainer_check(const tl_trainer *trainer, tl_error *error) {
  return guarded(error, [&] {
    int64_t index = trainer->parameters.firstNotFinite();
    if (index >= 0)
      fail(
          TL_STATUS_NOT_FINITE,
          "after step %u: the parameter \"%s\" is not finite",
          trainer->stepNumber,
          trainer->model.root.tensors()->Get(uint32_t(index))->name()->c_str());
  });
}

tl_status tl_trainer_snapshot(tl_trainer *trainer, tl_snapshot **snapshot,
                              tl_error *error) {
  return guarded(error, [&] {
    requireArgument(snapshot, "snapshot");
    if (!*snapshot)
      *snapshot = new tl_snapshot;
    const uint8_t *block = trainer->parameters.block();
    (*snapshot)->block.resize(trainer->parameters.blockBytes());
    std::copy(block, block + (*snapshot)->block.size(),
              (*snapshot)->block.begin());
    (*snapshot)->phase = trainer->phase;
    (*snapshot)->step = trainer->stepNumber;
    (*snapshot)->owner = trainer;
  });
}

tl_status tl_trainer_restore(tl_trainer *trainer, const tl_snapshot *snapshot,
                             tl_error *error) {
  return guarded(error, [&] {
    requireArgument(snapshot, "snapshot");
    if (snapshot->owner != trainer)
      fail(TL_STATUS_INVALID_ARGUMENT, "a snapshot of another trainer");
    std::copy(snapshot->block.begin(), snapshot->block.end(),
              trainer->parameters.block());
    trainer->phase = snapshot->phase;
    trainer->stepNumber = snapshot->step;
  });
}

void tl_snapshot_destroy(tl_snapshot *snapshot) { delete snapshot; }

tl_status tl_trainer_set_labels(tl_trainer *trainer, const char *const *labels,
                                uint32_t count, tl_error *error) {
  return guarded(error, [&] {
    requireArgument(labels, "labels");
    trainer->setLabels(labels, count);
  });
}

tl_status tl_trainer_record(tl_trainer *trainer, const tl_epoch_record *record,
                            tl_error *error) {
  return guarded(error, [&] {
    requireArgument(record, "record");
    trainer->history.push_back(*record);
  });
}

tl_status tl_trainer_save(tl_trainer *trainer, const char *path,
                          tl_error *error) {
  return guarded(error, [&] {
    requireArgument(path, "path");
    saveTrainer(*trainer, path);
  });
}

} // extern "C"
