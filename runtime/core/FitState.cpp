// Where the loop stops and goes on: its place is saved with the trainer's
// state, between two steps, and only while every parameter is finite, so that a
// run that goes on does what the interrupted one would have done.
#include "runtime/core/Fit.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cstring>
#include <type_traits>

namespace tl {

static_assert(std::is_trivially_copyable_v<FitPlace>);

FitIdentity Fit::identify() const {
  FitIdentity id;
  id.pictures = options.pictures_hash;
  for (const PictureSource *side : {&training, &validation}) {
    const tl_pictures &p = side->pictures;
    if (p.count)
      id.labels = XXH64(p.labels, p.count * sizeof(int32_t), id.labels);
    if (p.count && p.ids)
      id.labels = XXH64(p.ids, p.count * sizeof(int32_t), id.labels + 1);
  }
  id.training = training.count();
  id.validation = validation.count();
  id.batch = batch;
  id.epochs = options.epochs;
  id.noShuffle = options.no_shuffle != 0;
  return id;
}

bool Fit::isCheckpointDue() const {
  uint64_t step = uint64_t(at.epoch) * uint64_t(schedule.stepsPerEpoch) +
                  (at.done + batch - 1) / batch;
  return options.checkpoint_every && step % options.checkpoint_every == 0;
}

void Fit::checkpoint() {
  if (!options.checkpoint_path)
    return;
  need([&](tl_error *e) { return tl_trainer_check(trainer, e); });
  need([&](tl_error *e) {
    return tl_trainer_save_state(
        trainer, options.checkpoint_path,
        recipe->keep_best && at.selection.epochs ? best.get() : nullptr, &at,
        sizeof at, e);
  });
}

namespace {

[[noreturn]] void refuse(const char *path, const char *what, uint64_t its,
                         uint64_t ours) {
  fail(TL_STATUS_INVALID_ARGUMENT,
       "cannot go on from \"%s\": it was made with %s %llu, this run has %llu",
       path, what, static_cast<unsigned long long>(its),
       static_cast<unsigned long long>(ours));
}

void compare(const char *path, const FitIdentity &its,
             const FitIdentity &ours) {
  if (its.training != ours.training)
    refuse(path, "training pictures:", its.training, ours.training);
  if (its.validation != ours.validation)
    refuse(path, "validation pictures:", its.validation, ours.validation);
  if (its.labels != ours.labels || its.pictures != ours.pictures)
    fail(TL_STATUS_INVALID_ARGUMENT,
         "cannot go on from \"%s\": it was made with other pictures or labels",
         path);
  if (its.batch != ours.batch)
    refuse(path, "a batch of", its.batch, ours.batch);
  if (its.epochs != ours.epochs)
    refuse(path, "epochs (0: the recipe's)", its.epochs, ours.epochs);
  if (its.noShuffle != ours.noShuffle)
    refuse(path, "no shuffling", its.noShuffle, ours.noShuffle);
}

} // namespace

// Whether the place can be one of this run; a crafted file may hold anything.
bool Fit::isPlausible(const FitPlace &place) const {
  const tl_phase_info *phase = tl_model_phase(model, place.phase);
  if (!phase)
    return false;
  uint32_t most = options.epochs ? options.epochs : phase->epochs;
  return place.begun == 1 && place.epoch <= most &&
         place.selection.epochs == place.epoch &&
         place.tally.count == place.done && place.done <= training.count() &&
         (place.done % batch == 0 || place.done == training.count());
}

void Fit::resume() {
  const char *path = options.checkpoint_path;
  if (!path)
    fail(TL_STATUS_INVALID_ARGUMENT, "resume needs a checkpoint_path");
  FitPlace saved;
  need([&](tl_error *e) {
    return tl_trainer_load_state(trainer, path, nullptr, &saved, sizeof saved,
                                 e);
  });
  compare(path, saved.identity, at.identity);
  bool plausible = isPlausible(saved);
  if (plausible) {
    best.renew([&](tl_snapshot **kept, tl_error *e) {
      return tl_trainer_load_state(trainer, path, kept, &saved, sizeof saved,
                                   e);
    });
    plausible = tl_trainer_phase(trainer) == int64_t(saved.phase) &&
                (!tl_model_phase(model, saved.phase)->keep_best ||
                 saved.epoch == 0 || best.get());
  }
  if (!plausible)
    fail(TL_STATUS_BAD_FILE, "\"%s\" is no undamaged state of a run", path);
  at = saved;
}

} // namespace tl
