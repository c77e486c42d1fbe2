// tl_trainer_fit: phases, epochs, steps; what is measured, and which parameters
// a phase ends with.
#include "runtime/core/Fit.h"

#include "runtime/core/ClassWeights.h"
#include "runtime/core/Mixup.h"

#include <algorithm>
#include <limits>
#include <numeric>

namespace tl {

namespace {

// The averages in the parameters' place, for as long as it lives.
class Averages {
public:
  explicit Averages(tl_trainer *trainer) : trainer(trainer) {
    need([&](tl_error *e) { return tl_trainer_swap_averages(trainer, e); });
  }
  ~Averages() { tl_trainer_swap_averages(trainer, nullptr); }
  Averages(const Averages &) = delete;

private:
  tl_trainer *trainer;
};

} // namespace

static uint32_t chooseBatch(const tl_fit_options &options,
                            const tl_model_info &info) {
  return options.batch ? options.batch : info.batch;
}

Fit::Fit(tl_trainer *trainer, const tl_pictures *trainingPictures,
         const tl_pictures *validationPictures, const tl_fit_options *given)
    : trainer(trainer), model(tl_trainer_model(trainer)),
      info(*tl_model_get_info(model)), options(readOptions(given)),
      batch(chooseBatch(options, info)),
      training(trainer, trainingPictures, "training", batch),
      validation(trainer, validationPictures, "validation", batch),
      rewind(trainer), best(trainer) {
  if (training.count() == 0)
    fail(TL_STATUS_INVALID_ARGUMENT, "no training pictures");
  if (info.mixup > 0 && !training.canMix())
    fail(TL_STATUS_INVALID_ARGUMENT,
         "mixup mixes pixels: the training pictures need read_pixels, without "
         "keep_features");
  uint32_t most = std::max(training.count(), validation.count());
  batch = std::min(batch, most);
  weights = classWeights(info, training.pictures.labels, training.count());
  natural.resize(most);
  std::iota(natural.begin(), natural.end(), 0u);
  order.resize(training.count());
  losses.resize(batch);
  batchWeights.resize(batch);
  partners.resize(batch);
  mix.resize(batch);
  mixLabels.resize(batch);
  scores.resize(size_t(batch) * info.classes);
  at.identity = identify();
}

bool Fit::report(tl_stage stage, uint32_t done, uint32_t total,
                 const Tally &tally, const tl_epoch_record *record) {
  if (!options.progress)
    return true;
  tl_progress now{};
  now.stage = stage;
  now.phase = record ? record->phase : at.phase;
  now.epoch = record ? record->epoch : at.epoch;
  now.epochs = epochs;
  now.done = done;
  now.total = total;
  now.loss = tally.meanLoss();
  now.accuracy = tally.accuracy();
  now.record = record;
  if (stage == TL_STAGE_TRAIN) {
    now.step = at.epoch * uint32_t(schedule.stepsPerEpoch) +
               (done + batch - 1) / batch - 1;
    now.step_loss = stepLoss;
    now.learning_rate = learningRate;
  }
  return options.progress(options.user, &now) == 0;
}

// Saves the state first, so that the run can go on from here.
void Fit::cancel() {
  if (at.begun)
    checkpoint();
  fail(TL_STATUS_CANCELLED, "cancelled in phase %u, epoch %u", at.phase,
       at.epoch);
}

void Fit::keepFeatures() {
  uint32_t total = 0, done = 0;
  for (PictureSource *side : {&training, &validation})
    total += side->keeps() ? side->count() : 0;
  for (PictureSource *side : {&training, &validation})
    side->keepFeatures([&](uint32_t n) {
      done += n;
      if (!report(TL_STAGE_EXTRACT, done, total, Tally()))
        cancel();
    });
}

// Fills the batch's features, labels, mixture; gives the picture's own share.
float Fit::gatherBatch(uint32_t done, uint32_t n, tl_batch &to) {
  tl_visit visit{at.phase, at.epoch};
  const uint32_t *indices = &order[done];
  float share = 1;
  if (info.mixup > 0) {
    MixupPlace place{tl_trainer_seed(trainer), at.phase, at.epoch,
                     done / batch};
    share = drawMixupShare(place, info.mixup);
    drawMixupPartners(place, n, partners.data());
    training.gatherMixed(visit, indices, n, [&](std::vector<float> &pixels) {
      mixRows(share, partners.data(), n, info.pixel_count, pixels, room);
    });
    for (uint32_t i = 0; i < n; ++i) {
      mix[i] = share;
      mixLabels[i] = training.labels[partners[i]];
    }
    to.mix = mix.data();
    to.mix_labels = mixLabels.data();
  } else {
    training.gather(visit, indices, n);
  }
  to.n = n;
  to.features = training.rows.data();
  to.labels = training.labels.data();
  to.ids = training.ids.data();
  return share;
}

void Fit::trainBatch(uint32_t done, Tally &tally) {
  uint32_t n = std::min(batch, training.count() - done);
  tl_batch now{};
  now.size = sizeof now;
  float share = gatherBatch(done, n, now);
  if (!weights.empty()) {
    weighBatch(info, weights, now.labels, now.mix_labels, now.mix, n,
               batchWeights.data());
    now.weights = batchWeights.data();
  }
  uint64_t step =
      uint64_t(at.epoch) * uint64_t(schedule.stepsPerEpoch) + done / batch;
  learningRate = schedule.rateAt(step, recipe->learning_rate);
  now.learning_rate = learningRate;
  now.backbone_rate = schedule.rateAt(step, recipe->backbone_rate);
  need([&](tl_error *e) {
    return tl_trainer_step(trainer, at.epoch, &now, losses.data(),
                           scores.data(), e);
  });
  double before = tally.loss;
  tally.add(info, losses.data(), scores.data(),
            share < 0.5f ? now.mix_labels : now.labels, n);
  stepLoss = (tally.loss - before) / n;
}

// An update may leave a parameter that is not finite, which shows only in the
// next step's loss, or at the epoch's end. Copying the parameters before every
// step would cost as much as a small step; the epoch is run again instead,
// which gives the same bits, up to the step that did it.
void Fit::goBack() {
  tl_error error;
  if (tl_trainer_check(trainer, &error) == TL_STATUS_OK)
    return;
  rewind.restore();
  Snapshot previous(trainer);
  Tally unused;
  for (uint32_t done = rewindDone; done < training.count(); done += batch) {
    previous.take();
    trainBatch(done, unused);
    if (tl_trainer_check(trainer, &error) != TL_STATUS_OK) {
      previous.restore();
      return;
    }
  }
}

void Fit::trainEpoch() {
  uint32_t count = training.count();
  if (options.no_shuffle)
    std::copy_n(natural.begin(), count, order.begin());
  else
    need([&](tl_error *e) {
      return tl_trainer_order(trainer, at.epoch, count, order.data(), e);
    });
  rewind.take();
  rewindDone = at.done;
  try {
    while (at.done < count) {
      trainBatch(at.done, at.tally);
      at.done = std::min(count, at.done + batch);
      bool goesOn = report(TL_STAGE_TRAIN, at.done, count, at.tally);
      if (!goesOn)
        cancel();
      if (isCheckpointDue())
        checkpoint();
    }
    need([&](tl_error *e) { return tl_trainer_check(trainer, e); });
  } catch (const Failure &failure) {
    if (failure.status == TL_STATUS_NOT_FINITE)
      goBack();
    throw;
  }
}

bool Fit::validate(tl_epoch_record &record) {
  Tally tally;
  std::vector<float> positive;
  std::vector<int32_t> labels;
  uint32_t count = validation.count();
  for (uint32_t done = 0; done < count; done += batch) {
    uint32_t n = std::min(batch, count - done);
    validation.gather({at.phase, at.epoch}, &natural[done], n);
    need([&](tl_error *e) {
      return tl_trainer_evaluate(trainer, validation.rows.data(),
                                 validation.labels.data(), n, losses.data(),
                                 scores.data(), e);
    });
    tally.add(info, losses.data(), scores.data(), validation.labels.data(), n);
    for (uint32_t i = 0; info.auc && i < n; ++i) {
      positive.push_back(scores[size_t(i) * info.classes + 1]);
      labels.push_back(validation.labels[i]);
    }
    if (!report(TL_STAGE_VALIDATE, tally.count, count, tally))
      return false;
  }
  record.val_loss = float(tally.meanLoss());
  record.val_accuracy = float(tally.accuracy());
  if (info.top_k)
    record.val_top_k = float(tally.topShare());
  if (info.auc)
    record.val_auc = float(areaUnderCurve(positive, labels));
  return true;
}

void Fit::finishEpoch() {
  constexpr float nothing = std::numeric_limits<float>::quiet_NaN();
  tl_epoch_record record{at.phase,
                         at.epoch,
                         float(at.tally.meanLoss()),
                         float(at.tally.accuracy()),
                         nothing,
                         nothing,
                         nothing,
                         nothing};
  bool finished = true;
  {
    Averages averages(trainer);
    if (validation.count())
      finished = validate(record);
    if (finished && at.selection.offer(record, validation.count() != 0) &&
        recipe->keep_best)
      best.take();
  }
  if (!finished)
    cancel();
  need([&](tl_error *e) { return tl_trainer_record(trainer, &record, e); });
  Tally tally = at.tally;
  ++at.epoch;
  at.done = 0;
  at.tally = {};
  bool goesOn =
      report(TL_STAGE_EPOCH, tally.count, tally.count, tally, &record);
  if (!goesOn)
    cancel();
  if (options.checkpoint_every)
    checkpoint();
}

void Fit::beginPhase() {
  uint32_t phase = at.phase;
  need([&](tl_error *e) { return tl_trainer_begin_phase(trainer, phase, e); });
  at = FitPlace{};
  at.identity = identify();
  at.phase = phase;
  at.begun = 1;
}

void Fit::endPhase() {
  if (recipe->keep_best)
    best.restore();
  else
    need([&](tl_error *e) { return tl_trainer_swap_averages(trainer, e); });
  at.begun = 0;
}

void Fit::runPhase() {
  recipe = tl_model_phase(model, at.phase);
  epochs = options.epochs ? options.epochs : recipe->epochs;
  schedule = Schedule(*recipe, epochs, (training.count() + batch - 1) / batch);
  if (!at.begun)
    beginPhase();
  while (at.epoch < epochs && !at.selection.stops(recipe->early_stop)) {
    trainEpoch();
    finishEpoch();
  }
  if (epochs)
    endPhase();
}

void Fit::run() {
  keepFeatures();
  if (options.resume)
    resume();
  for (; at.phase < info.phase_count; ++at.phase)
    runPhase();
}

} // namespace tl

extern "C" tl_status tl_trainer_fit(tl_trainer *trainer,
                                    const tl_pictures *training,
                                    const tl_pictures *validation,
                                    const tl_fit_options *options,
                                    tl_error *error) {
  return tl::guarded(error, [&] {
    tl::requireArgument(trainer, "trainer");
    tl::requireArgument(training, "training");
    tl::Fit(trainer, training, validation, options).run();
  });
}
