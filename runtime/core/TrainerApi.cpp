// The functions of runtime.h about trainers.
#include "runtime/core/Failure.h"
#include "runtime/core/Initialize.h"
#include "runtime/core/Trainer.h"

#include <algorithm>

using namespace tl;

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
