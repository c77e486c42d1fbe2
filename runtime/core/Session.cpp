// tl_session: prediction and reading of values, in chunks of a fixed size.
#include "runtime/core/Executor.h"
#include "runtime/core/Failure.h"
#include "runtime/core/Parameters.h"
#include "runtime/core/Program.h"
#include "runtime/core/Scores.h"
#include "runtime/schema/KernelAbi.h"
#include "runtime/schema/Random.h"

#include <algorithm>
#include <chrono>
#include <string>

using namespace tl;

struct tl_session {
  tl_session(const tl_model &model, const tl_session_options &options)
      : model(model),
        batch(options.batch ? options.batch
                            : chooseBatch(model.root, options.threads)),
        machine(model, options.threads),
        tensors(model.root.tensors()->size(), nullptr),
        programs(model.root.entries()->size()) {}

  Program &program(uint32_t entry, uint32_t n);
  void extract(const float *pixels, uint32_t n);
  void predictChunk(const float *pixels, uint32_t n, float *logits,
                    float *scores);
  void predict(const float *pixels, size_t n, float *logits, float *scores);
  void predictRgb(const uint8_t *rgb, size_t n, float *logits, float *scores);
  void read(const char *name, const float *pixels, size_t n, float *values);
  uint32_t findValue(const char *name) const;

  const tl_model &model;
  const uint32_t batch;
  Machine machine;
  std::vector<void *> tensors;
  std::vector<std::unique_ptr<Program>> programs; // by entry, when first used
  std::vector<float> features, pixelChunk;
};

Program &tl_session::program(uint32_t index, uint32_t n) {
  std::unique_ptr<Program> &program = programs[index];
  if (!program) {
    const schema::Entry &entry = *model.root.entries()->Get(index);
    for (uint32_t c = 0; entry.calls() && c < entry.calls()->size(); ++c)
      for (const schema::ArgRef *ref : *entry.calls()->Get(c)->args())
        if (ref->kind() == schema::ArgKind::tensor)
          tensors[ref->index()] =
              const_cast<float *>(model.value(ref->index()));
    program = std::make_unique<Program>(model, index);
  }
  program->bind(machine, n, tensors.data(), nullptr);
  return *program;
}

// Leaves the rows that prediction starts from in `features`.
void tl_session::extract(const float *pixels, uint32_t n) {
  const Frontier &frontier = model.frontiers.last();
  if (features.size() < n * frontier.count) // rows that nobody reads cost time
    features.resize(n * frontier.count);
  Program *extraction = nullptr;
  if (frontier.extractEntry >= 0) {
    extraction = &program(uint32_t(frontier.extractEntry), n);
    extraction->write(*findPort(extraction->entry.inputs(), "pixels"), pixels,
                      model.tables.info.pixel_count);
    extraction->run(machine);
  }
  readFeatures(model, frontier, extraction, pixels, n, features.data());
}

void tl_session::predictChunk(const float *pixels, uint32_t n, float *logits,
                              float *scores) {
  extract(pixels, n);
  Program &head = program(uint32_t(model.predictEntry), n);
  writeFeatures(model.frontiers.last(), head, features.data());
  head.run(machine);
  if (logits)
    head.read(*findPort(head.entry.outputs(), "logits"), logits,
              model.tables.info.outputs);
  if (scores)
    readScores(model, head, n, scores);
}

static void requirePrediction(const tl_model &model) {
  if (model.predictEntry < 0)
    fail(TL_STATUS_UNSUPPORTED,
         "model \"%s\" has no classes to predict: read a value such as \"%s\"",
         model.tables.info.name,
         model.tables.values.empty() ? "frontier"
                                     : model.tables.values[0].name);
}

void tl_session::predict(const float *pixels, size_t n, float *logits,
                         float *scores) {
  requirePrediction(model);
  const tl_model_info &info = model.tables.info;
  for (size_t at = 0; at < n; at += batch)
    predictChunk(pixels + at * info.pixel_count,
                 uint32_t(std::min<size_t>(batch, n - at)),
                 logits ? logits + at * info.outputs : nullptr,
                 scores ? scores + at * info.classes : nullptr);
}

void tl_session::predictRgb(const uint8_t *rgb, size_t n, float *logits,
                            float *scores) {
  requirePrediction(model);
  const tl_model_info &info = model.tables.info;
  size_t bytes = size_t(info.preprocess.height) * info.preprocess.width * 3;
  pixelChunk.resize(std::min<size_t>(batch, n) * info.pixel_count);
  for (size_t at = 0; at < n; at += batch) {
    size_t count = std::min<size_t>(batch, n - at);
    tl_model_preprocess(&model, rgb + at * bytes, count, pixelChunk.data());
    predictChunk(pixelChunk.data(), uint32_t(count),
                 logits ? logits + at * info.outputs : nullptr,
                 scores ? scores + at * info.classes : nullptr);
  }
}

uint32_t tl_session::findValue(const char *name) const {
  std::string known;
  for (uint32_t i = 0; i < model.tables.values.size(); ++i) {
    if (std::string(model.tables.values[i].name) == name)
      return i;
    known += std::string(i ? ", " : "") + model.tables.values[i].name;
  }
  fail(TL_STATUS_NOT_FOUND,
       "no value \"%s\" is kept in the file; there are: %s (compile with "
       "--keep %s to keep it)",
       name, known.c_str(), name);
}

void tl_session::read(const char *name, const float *pixels, size_t n,
                      float *values) {
  uint32_t index = findValue(name);
  ValueSource source = model.valueSources[index];
  uint64_t width = model.tables.values[index].count;
  bool head = int32_t(source.entry) == model.predictEntry;
  for (size_t at = 0; at < n; at += batch) {
    uint32_t count = uint32_t(std::min<size_t>(batch, n - at));
    const float *chunk = pixels + at * model.tables.info.pixel_count;
    if (head)
      extract(chunk, count);
    Program &from = program(source.entry, count);
    if (head)
      writeFeatures(model.frontiers.last(), from, features.data());
    else
      from.write(*findPort(from.entry.inputs(), "pixels"), chunk,
                 model.tables.info.pixel_count);
    from.run(machine);
    from.read(*from.entry.outputs()->Get(source.output), values + at * width,
              width);
  }
}

namespace {

// Values in [-1, 1) for every float input, labels and ids counted through.
void fillInputs(const tl_model &model, const Program &program, uint32_t n) {
  for (uint32_t i = 0;
       program.entry.inputs() && i < program.entry.inputs()->size(); ++i) {
    const schema::Port &port = *program.entry.inputs()->Get(i);
    uint64_t width = portCount(port);
    if (port.type() == schema::ElementType::i32) {
      bool label = port.name()->string_view() == "labels";
      std::vector<int32_t> values(n * width);
      for (uint64_t k = 0; k < values.size(); ++k)
        values[k] = int32_t(label ? k % model.root.classes() : k);
      program.write(port, values.data(), width);
      continue;
    }
    std::vector<float> values(n * width);
    for (uint64_t k = 0; k < values.size(); ++k)
      values[k] = 2 * schema::uniformFloat(uint32_t(k) * 2654435761u) - 1;
    program.write(port, values.data(), width);
  }
}

// `atOnce` of the n pictures at a time, the clock stopped while they are made.
double runTimed(const tl_model &model, Machine &machine, Program &program,
                void *const *tensors, void *step, uint32_t n, uint32_t atOnce) {
  std::chrono::duration<double> took{0};
  for (uint32_t done = 0; done < n; done += atOnce) {
    uint32_t count = std::min(atOnce, n - done);
    program.bind(machine, count, tensors, step);
    fillInputs(model, program, count); // the arena is reused: they may be gone
    auto begin = std::chrono::steady_clock::now();
    program.run(machine);
    took += std::chrono::steady_clock::now() - begin;
  }
  return took.count();
}

void bench(tl_session &session, uint32_t index, uint32_t n, uint32_t runs,
           double *seconds) {
  const tl_model &model = session.model;
  Parameters parameters(model, model.tables.info.seed);
  schema::StepBlock step{};
  Program program(model, index);
  parameters.resolve(program.entry);
  uint32_t atOnce = std::min(n, session.batch);
  if (program.entry.kind() == schema::EntryKind::train_step) {
    atOnce = n;
    step.learningRate = step.backboneRate = 1e-6f;
    step.biasCorrection1 = step.biasCorrection2 = 1;
  }
  for (uint32_t run = 0; run <= runs; ++run) {
    double took = runTimed(model, session.machine, program, parameters.table(),
                           &step, n, atOnce);
    if (run)
      seconds[run - 1] = took;
  }
}

} // namespace

extern "C" {

tl_status tl_session_create(const tl_model *model,
                            const tl_session_options *options,
                            tl_session **session, tl_error *error) {
  return guarded(error, [&] {
    requireArgument(model, "model");
    requireArgument(session, "session");
    *session = new tl_session(*model, readOptions(options));
  });
}

void tl_session_destroy(tl_session *session) { delete session; }

tl_status tl_session_predict(tl_session *session, const float *pixels, size_t n,
                             float *logits, float *scores, tl_error *error) {
  return guarded(error, [&] {
    requireArgument(session, "session");
    requireArgument(pixels, "pixels");
    session->predict(pixels, n, logits, scores);
  });
}

tl_status tl_session_predict_rgb(tl_session *session, const uint8_t *rgb,
                                 size_t n, float *logits, float *scores,
                                 tl_error *error) {
  return guarded(error, [&] {
    requireArgument(session, "session");
    requireArgument(rgb, "rgb");
    session->predictRgb(rgb, n, logits, scores);
  });
}

tl_status tl_session_read(tl_session *session, const char *name,
                          const float *pixels, size_t n, float *values,
                          tl_error *error) {
  return guarded(error, [&] {
    requireArgument(session, "session");
    requireArgument(name, "name");
    requireArgument(pixels, "pixels");
    requireArgument(values, "values");
    session->read(name, pixels, n, values);
  });
}

tl_status tl_session_bench(tl_session *session, uint32_t index, uint32_t n,
                           uint32_t runs, double *seconds, tl_error *error) {
  return guarded(error, [&] {
    requireArgument(session, "session");
    requireArgument(seconds, "seconds");
    if (index >= session->model.tables.entries.size() || n == 0)
      fail(TL_STATUS_INVALID_ARGUMENT, "entry %u of %zu with a batch of %u",
           index, session->model.tables.entries.size(), n);
    bench(*session, index, n, runs, seconds);
  });
}

} // extern "C"
