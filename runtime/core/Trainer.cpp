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
  averaged = false;
}

Program &tl_trainer::program(uint32_t index, uint32_t n) {
  if (!programs[index]) {
    parameters.resolve(*model.root.entries()->Get(index));
    programs[index] = std::make_unique<Program>(model, index);
  }
  programs[index]->bind(machine, n, parameters.table(), &stepBlock);
  return *programs[index];
}

void tl_trainer::extract(const float *pixels, size_t n, float *features) {
  const tl_model_info &info = model.tables.info;
  if (model.extractEntry < 0) {
    memcpy(features, pixels, n * info.pixel_count * sizeof(float));
    return;
  }
  for (size_t at = 0; at < n; at += extractBatch) {
    Program &extraction =
        program(uint32_t(model.extractEntry),
                uint32_t(std::min<size_t>(extractBatch, n - at)));
    extraction.write(*findPort(extraction.entry.inputs(), "pixels"),
                     pixels + at * info.pixel_count, info.pixel_count);
    extraction.run(machine);
    for (const FeaturePort &port : model.features)
      extraction.read(*findPort(extraction.entry.outputs(), port.name),
                      features + at * info.feature_count + port.offset,
                      info.feature_count);
  }
}

void tl_trainer::beginPhase(uint32_t index) {
  if (index >= model.tables.phases.size())
    fail(TL_STATUS_NOT_FOUND, "phase %u: the model has %zu", index,
         model.tables.phases.size());
  phase = index;
  stepNumber = 0;
  averaged = false;
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

void tl_trainer::fillStep(uint32_t epoch, const tl_batch &batch) {
  const schema::Phase &recipe =
      *model.root.train()->phases()->Get(uint32_t(phase));
  stepBlock.seedLow = uint32_t(seed);
  stepBlock.seedHigh = uint32_t(seed >> 32);
  stepBlock.phase = uint32_t(phase);
  stepBlock.epoch = epoch;
  stepBlock.step = stepNumber;
  stepBlock.learningRate =
      batch.learning_rate != 0 ? batch.learning_rate : recipe.learning_rate();
  stepBlock.backboneRate = batch.backbone_rate != 0 ? batch.backbone_rate
                           : recipe.backbone_rate() != 0
                               ? recipe.backbone_rate()
                               : stepBlock.learningRate;
  // Keras: the first step's values start the average.
  stepBlock.emaMomentum = stepNumber == 0 ? 0 : recipe.ema();
  stepBlock.biasCorrection1 = biasCorrection(recipe.beta1(), stepNumber);
  stepBlock.biasCorrection2 = biasCorrection(recipe.beta2(), stepNumber);
}

// Nothing has written a parameter yet (VerifyProgram), so the calls up to the
// loss can run once more, looking for the first value that is not finite.
void tl_trainer::checkLosses(Program &training, uint32_t epoch,
                             int64_t lossCall, const tl_batch &batch) {
  uint32_t n = batch.n;
  if (allFinite(lossRow.data(), n))
    return;
  std::string place;
  uint64_t width = model.tables.info.feature_count;
  for (uint32_t i = 0; i < n && place.empty(); ++i)
    if (!allFinite(batch.features + i * width, width))
      place = "the features of picture " + std::to_string(batch.ids[i]);
  if (place.empty()) {
    writeBatch(training, batch);
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

void tl_trainer::checkBatch(const tl_batch &batch,
                            const schema::Entry &entry) const {
  if (batch.n == 0)
    fail(TL_STATUS_INVALID_ARGUMENT, "a batch of 0 pictures");
  requireArgument(batch.features, "features");
  requireArgument(batch.labels, "labels");
  requireArgument(batch.ids, "ids");
  checkLabels(batch.labels, batch.n);
  if (!batch.mix_labels != !batch.mix)
    fail(TL_STATUS_INVALID_ARGUMENT, "mix_labels and mix go together");
  if (batch.mix_labels)
    checkLabels(batch.mix_labels, batch.n);
  if (batch.weights && !findPort(entry.inputs(), "weights"))
    fail(TL_STATUS_INVALID_ARGUMENT,
         "weights: the model's recipe has no class weights");
  if (batch.mix && !findPort(entry.inputs(), "mix"))
    fail(TL_STATUS_INVALID_ARGUMENT, "mix: the model's recipe has no mixup");
}

// What the program takes; what the batch leaves out changes nothing.
void tl_trainer::writeBatch(const Program &program, const tl_batch &batch) {
  auto write = [&](const char *name, const void *rows) {
    if (const schema::Port *port = findPort(program.entry.inputs(), name))
      program.write(*port, rows, 1);
  };
  if (ones.size() < batch.n)
    ones.resize(batch.n, 1);
  writeFeatures(model, program, batch.features);
  write("labels", batch.labels);
  write("ids", batch.ids);
  write("weights", batch.weights ? batch.weights : ones.data());
  write("mix_labels", batch.mix_labels ? batch.mix_labels : batch.labels);
  write("mix", batch.mix ? batch.mix : ones.data());
}

void tl_trainer::step(uint32_t epoch, const tl_batch &batch, float *losses,
                      float *scores) {
  if (phase < 0)
    fail(TL_STATUS_INVALID_ARGUMENT,
         "no phase has begun: tl_trainer_begin_phase");
  if (averaged)
    fail(TL_STATUS_INVALID_ARGUMENT,
         "the averages are in the parameters' place: "
         "tl_trainer_swap_averages");
  uint32_t
      n = batch.n,
      index = model.root.train()->phases()->Get(uint32_t(phase))->train_entry();
  checkBatch(batch, *model.root.entries()->Get(index));
  Program &training = program(index, n);
  const schema::Entry &entry = training.entry;
  const schema::Port &loss = *findPort(entry.outputs(), "loss");
  fillStep(epoch, batch);
  writeBatch(training, batch);
  int64_t lossCall = lastWriter(model.root, entry, loss.buffer());
  training.run(machine, 0, lossCall + 1);
  if (lossRow.size() < n)
    lossRow.resize(n);
  training.read(loss, lossRow.data(), 1);
  checkLosses(training, epoch, lossCall, batch);
  training.run(machine, lossCall + 1, training.callCount());
  ++stepNumber;
  if (losses)
    memcpy(losses, lossRow.data(), n * sizeof(float));
  if (scores)
    readScores(model, training, n, scores);
}

// Parameters that this phase trains: others have no average yet.
void tl_trainer::swapAverages() {
  if (phase < 0)
    fail(TL_STATUS_INVALID_ARGUMENT,
         "no phase has begun: tl_trainer_begin_phase");
  if (model.root.train()->phases()->Get(uint32_t(phase))->ema() == 0 ||
      stepNumber == 0)
    return;
  parameters.swapAverages(uint32_t(phase));
  averaged = !averaged;
}

void tl_trainer::takeSnapshot(tl_snapshot &snapshot) const {
  const uint8_t *block = parameters.block();
  snapshot.block.assign(block, block + parameters.blockBytes());
  snapshot.phase = phase;
  snapshot.step = stepNumber;
  snapshot.averaged = averaged;
  snapshot.owner = this;
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
    tl_batch batch{};
    batch.n = count;
    batch.features = features + at * info.feature_count;
    batch.labels = batch.ids = given + at; // no dropout: any id will do
    writeBatch(evaluation, batch);
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
    trainer->extract(pixels, n, features);
  });
}

tl_status tl_trainer_extract_all(tl_trainer *trainer, const float *pixels,
                                 size_t n, float *const *features,
                                 tl_error *error) {
  requireArgument(features, "features");
  return tl_trainer_extract(trainer, 0, pixels, n, features[0], error);
}

tl_status tl_trainer_begin_phase(tl_trainer *trainer, uint32_t phase,
                                 tl_error *error) {
  return guarded(error, [&] { trainer->beginPhase(phase); });
}

int64_t tl_trainer_phase(const tl_trainer *trainer) { return trainer->phase; }

uint64_t tl_trainer_seed(const tl_trainer *trainer) { return trainer->seed; }

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
                          const tl_batch *batch, float *losses, float *scores,
                          tl_error *error) {
  return guarded(error, [&] {
    requireArgument(batch, "batch");
    trainer->step(epoch, readOptions(batch), losses, scores);
  });
}

tl_status tl_trainer_swap_averages(tl_trainer *trainer, tl_error *error) {
  return guarded(error, [&] { trainer->swapAverages(); });
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
    trainer->takeSnapshot(**snapshot);
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
    trainer->averaged = snapshot->averaged;
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
