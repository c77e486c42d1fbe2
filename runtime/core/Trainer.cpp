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
      extractBatch(options.extract_batch
                       ? options.extract_batch
                       : chooseBatch(model.root, options.threads)),
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
  averaged = false;
  parameters.zeroState();
  dropExtraction();
}

// Most phases read features that were extracted before: what extraction alone
// needs, above all derived values, its arena and the file's constants, makes
// room. It is made or read again if need be.
void tl_trainer::dropExtraction() {
  for (std::unique_ptr<Program> &program : programs)
    if (program && program->entry.kind() == schema::EntryKind::extract)
      program.reset();
  machine.arena.discard();
  machine.scratch.discard();
  model.container.release();
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
  const tl_phase_info &info = model.tables.phases[size_t(phase)];
  stepBlock.learningRate =
      batch.learning_rate != 0 ? batch.learning_rate : info.learning_rate;
  stepBlock.backboneRate = batch.backbone_rate != 0 ? batch.backbone_rate
                           : recipe.backbone_rate() != 0
                               ? recipe.backbone_rate()
                               : stepBlock.learningRate;
  // Keras: the first step's values start the average.
  stepBlock.emaMomentum = stepNumber ? info.ema : 0;
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
  uint64_t width = present().count;
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
  writeFeatures(present(), program, batch.features);
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
  const schema::Phase &recipe =
      *model.root.train()->phases()->Get(uint32_t(phase));
  uint32_t n = batch.n, index = recipe.train_entry();
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
    batch.features = features + at * present().count;
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
