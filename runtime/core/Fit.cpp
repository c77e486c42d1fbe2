// tl_trainer_fit: the training loop, written on the public calls alone. Who
// wants another loop writes it the same way.
#include "runtime/core/Failure.h"

#include <tl/runtime.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <vector>

using namespace tl;

namespace {

// A public call that failed becomes a Failure again.
template <typename Call> void need(Call call) {
  tl_error error;
  if (call(&error) != TL_STATUS_OK)
    throw Failure{error.status, error.message};
}

struct SnapshotDeleter {
  void operator()(tl_snapshot *snapshot) const {
    tl_snapshot_destroy(snapshot);
  }
};

class Snapshot {
public:
  explicit Snapshot(tl_trainer *trainer) : trainer(trainer) {}
  void take() {
    tl_snapshot *raw = held.release();
    tl_error error;
    tl_status status = tl_trainer_snapshot(trainer, &raw, &error);
    held.reset(raw);
    if (status != TL_STATUS_OK)
      throw Failure{error.status, error.message};
  }
  void restore() {
    need([&](tl_error *e) {
      return tl_trainer_restore(trainer, held.get(), e);
    });
  }

private:
  tl_trainer *trainer;
  std::unique_ptr<tl_snapshot, SnapshotDeleter> held;
};

// Sums in double, in the order of the pictures.
struct Tally {
  double loss = 0;
  uint32_t right = 0, count = 0;
  double meanLoss() const { return count ? loss / count : 0; }
  double accuracy() const { return count ? double(right) / count : 0; }
};

class Fit {
public:
  Fit(tl_trainer *trainer, const tl_pictures *training,
      const tl_pictures *validation, const tl_fit_options *options);
  void run();

private:
  // One side of the data, with room for a batch.
  struct Side {
    tl_pictures pictures{};
    // All features by frontier, where keep_features asks.
    std::vector<std::vector<float>> kept;
    std::vector<float> rows, pixels;
    std::vector<int32_t> labels, ids;
  };

  void open(Side &side, const tl_pictures *given, const char *name);
  void keepFeatures(Side &side, uint32_t total, uint32_t &done);
  // Fills rows, labels and ids of pictures indices[0, n); gives the features
  // that the phase trains on.
  const float *gather(Side &side, uint32_t epoch, const uint32_t *indices,
                      uint32_t n);
  // All rows of the phase's features, or null where they are read each time.
  const float *allRows(const Side &side) const;
  void call(const Side &side, int failed, const uint32_t *indices,
            uint32_t n) const;

  void runPhase(uint32_t phase);
  Tally trainEpoch(uint32_t epoch);
  void trainBatch(uint32_t epoch, uint32_t at, Tally &tally);
  Tally validate(uint32_t epoch);
  void add(Tally &tally, const int32_t *labels, uint32_t n) const;
  void goBack(uint32_t epoch);
  void progress(tl_stage stage, uint32_t epoch, uint32_t done, uint32_t total,
                const Tally &tally, const tl_epoch_record *record = nullptr);
  bool better(const tl_epoch_record &a, const tl_epoch_record &b) const;

  tl_trainer *trainer;
  const tl_model *model;
  const tl_model_info &info;
  tl_fit_options options;
  Side training, validation;
  uint32_t batch;
  uint32_t phase = 0, epochs = 0;
  std::vector<uint32_t> order, natural;
  std::vector<float> losses, scores;
  Snapshot epochStart, best;
};

Fit::Fit(tl_trainer *trainer, const tl_pictures *trainingPictures,
         const tl_pictures *validationPictures, const tl_fit_options *given)
    : trainer(trainer), model(tl_trainer_model(trainer)),
      info(*tl_model_get_info(model)), options(readOptions(given)),
      batch(options.batch ? options.batch : info.batch), epochStart(trainer),
      best(trainer) {
  open(training, trainingPictures, "training");
  if (validationPictures)
    open(validation, validationPictures, "validation");
  if (training.pictures.count == 0)
    fail(TL_STATUS_INVALID_ARGUMENT, "no training pictures");
  uint32_t most = std::max(training.pictures.count, validation.pictures.count);
  batch = std::min(batch, most);
  natural.resize(most);
  for (uint32_t i = 0; i < most; ++i)
    natural[i] = i;
  order.resize(training.pictures.count);
  losses.resize(batch);
  scores.resize(size_t(batch) * info.classes);
}

void Fit::open(Side &side, const tl_pictures *given, const char *name) {
  side.pictures = readOptions(given);
  const tl_pictures &p = side.pictures;
  int sources = (p.features != nullptr) + (p.read_features != nullptr) +
                (p.read_pixels != nullptr);
  if (p.count && (sources != 1 || !p.labels))
    fail(TL_STATUS_INVALID_ARGUMENT,
         "the %s pictures need labels and exactly one of features, "
         "read_features and read_pixels",
         name);
  if (p.features && info.frontier_count > 1)
    fail(TL_STATUS_INVALID_ARGUMENT,
         "the %s pictures come with one set of features, but the phases have "
         "%u frontiers: use read_features or read_pixels",
         name, info.frontier_count);
  side.labels.resize(batch);
  side.ids.resize(batch);
  uint64_t most = 0;
  for (uint32_t i = 0; i < info.phase_count; ++i)
    most = std::max(most, tl_model_phase(model, i)->feature_count);
  side.rows.resize(batch * most);
  if (p.read_pixels)
    side.pixels.resize(batch * info.pixel_count);
}

// What a callback said.
void Fit::call(const Side &side, int failed, const uint32_t *indices,
               uint32_t n) const {
  if (failed)
    fail(TL_STATUS_CALLBACK, "%s failed with %d on %u pictures from picture %u",
         side.pictures.read_features ? "read_features" : "read_pixels", failed,
         n, indices[0]);
}

// The features of all phases in one pass, before anything is trained.
void Fit::keepFeatures(Side &side, uint32_t total, uint32_t &done) {
  const tl_pictures &p = side.pictures;
  if (!p.read_pixels || !p.keep_features || p.count == 0)
    return;
  std::vector<uint64_t> widths(info.frontier_count);
  for (uint32_t i = 0; i < info.phase_count; ++i)
    widths[tl_model_phase(model, i)->frontier] =
        tl_model_phase(model, i)->feature_count;
  for (uint64_t width : widths)
    side.kept.emplace_back(p.count * width);
  const tl_visit first{0, 0};
  std::vector<float *> rows(widths.size());
  for (uint32_t at = 0; at < p.count; at += batch) {
    uint32_t n = std::min(batch, p.count - at);
    call(side,
         p.read_pixels(p.user, &first, &natural[at], n, side.pixels.data()),
         &natural[at], n);
    for (size_t f = 0; f < rows.size(); ++f)
      rows[f] = side.kept[f].data() + at * widths[f];
    need([&](tl_error *e) {
      return tl_trainer_extract_all(trainer, side.pixels.data(), n, rows.data(),
                                    e);
    });
    done += n;
    progress(TL_STAGE_EXTRACT, 0, done, total, Tally());
  }
}

const float *Fit::allRows(const Side &side) const {
  if (side.kept.empty())
    return side.pictures.features;
  return side.kept[tl_model_phase(model, phase)->frontier].data();
}

const float *Fit::gather(Side &side, uint32_t epoch, const uint32_t *indices,
                         uint32_t n) {
  const tl_pictures &p = side.pictures;
  const float *all = allRows(side);
  size_t width = tl_model_phase(model, phase)->feature_count;
  for (uint32_t i = 0; i < n; ++i) {
    uint32_t index = indices[i];
    side.labels[i] = p.labels[index];
    side.ids[i] = p.ids ? p.ids[index] : int32_t(index);
    if (all)
      memcpy(&side.rows[i * width], all + index * width, width * sizeof(float));
  }
  if (all)
    return side.rows.data();
  const tl_visit visit{phase, epoch};
  if (p.read_features) {
    call(side, p.read_features(p.user, &visit, indices, n, side.rows.data()),
         indices, n);
    return side.rows.data();
  }
  call(side, p.read_pixels(p.user, &visit, indices, n, side.pixels.data()),
       indices, n);
  need([&](tl_error *e) {
    return tl_trainer_extract(trainer, phase, side.pixels.data(), n,
                              side.rows.data(), e);
  });
  return side.rows.data();
}

void Fit::progress(tl_stage stage, uint32_t epoch, uint32_t done,
                   uint32_t total, const Tally &tally,
                   const tl_epoch_record *record) {
  tl_progress now{stage,
                  phase,
                  epoch,
                  epochs,
                  done,
                  total,
                  tally.meanLoss(),
                  tally.accuracy(),
                  record};
  if (options.progress && options.progress(options.user, &now) != 0)
    fail(TL_STATUS_CANCELLED, "cancelled in phase %u, epoch %u", phase, epoch);
}

void Fit::add(Tally &tally, const int32_t *labels, uint32_t n) const {
  for (uint32_t i = 0; i < n; ++i) {
    const float *row = &scores[size_t(i) * info.classes];
    int32_t predicted =
        info.sigmoid ? int32_t(row[1] >= 0.5f)
                     : int32_t(std::max_element(row, row + info.classes) - row);
    tally.right += predicted == labels[i];
    tally.loss += losses[i];
  }
  tally.count += n;
}

void Fit::trainBatch(uint32_t epoch, uint32_t at, Tally &tally) {
  uint32_t n = std::min(batch, training.pictures.count - at);
  const float *features = gather(training, epoch, &order[at], n);
  need([&](tl_error *e) {
    return tl_trainer_step(trainer, epoch, features, training.labels.data(),
                           training.ids.data(), n, losses.data(), scores.data(),
                           e);
  });
  add(tally, training.labels.data(), n);
}

// An update may leave a parameter that is not finite, which shows only in the
// next step's loss, or at the epoch's end. Copying the parameters before every
// step would cost as much as a small step; the epoch is run again instead,
// which gives the same bits, up to the step that did it.
void Fit::goBack(uint32_t epoch) {
  tl_error error;
  if (tl_trainer_check(trainer, &error) == TL_STATUS_OK)
    return;
  epochStart.restore();
  Snapshot previous(trainer);
  Tally unused;
  for (uint32_t at = 0; at < training.pictures.count; at += batch) {
    previous.take();
    trainBatch(epoch, at, unused);
    if (tl_trainer_check(trainer, &error) != TL_STATUS_OK) {
      previous.restore();
      return;
    }
  }
}

Tally Fit::trainEpoch(uint32_t epoch) {
  uint32_t count = training.pictures.count;
  need([&](tl_error *e) {
    return tl_trainer_order(trainer, epoch, count, order.data(), e);
  });
  epochStart.take();
  Tally tally;
  try {
    for (uint32_t at = 0; at < count; at += batch) {
      trainBatch(epoch, at, tally);
      progress(TL_STAGE_TRAIN, epoch, tally.count, count, tally);
    }
    need([&](tl_error *e) { return tl_trainer_check(trainer, e); });
  } catch (const Failure &failure) {
    if (failure.status == TL_STATUS_NOT_FINITE)
      goBack(epoch);
    throw;
  }
  return tally;
}

Tally Fit::validate(uint32_t epoch) {
  Tally tally;
  uint32_t count = validation.pictures.count;
  for (uint32_t at = 0; at < count; at += batch) {
    uint32_t n = std::min(batch, count - at);
    const float *features = gather(validation, epoch, &natural[at], n);
    need([&](tl_error *e) {
      return tl_trainer_evaluate(trainer, features, validation.labels.data(), n,
                                 losses.data(), scores.data(), e);
    });
    add(tally, validation.labels.data(), n);
    progress(TL_STAGE_VALIDATE, epoch, tally.count, count, tally);
  }
  return tally;
}

// A loss that is not a number counts as the worst.
bool Fit::better(const tl_epoch_record &a, const tl_epoch_record &b) const {
  auto lower = [](float x, float y) { return x < y || (y != y && x == x); };
  if (validation.pictures.count == 0)
    return lower(a.loss, b.loss);
  if (a.val_accuracy != b.val_accuracy)
    return a.val_accuracy > b.val_accuracy;
  return lower(a.val_loss, b.val_loss);
}

void Fit::runPhase(uint32_t index) {
  const tl_phase_info &recipe = *tl_model_phase(model, index);
  constexpr float nothing = std::numeric_limits<float>::quiet_NaN();
  phase = index;
  epochs = options.epochs ? options.epochs : recipe.epochs;
  need([&](tl_error *e) { return tl_trainer_begin_phase(trainer, index, e); });
  tl_epoch_record bestRecord{};
  for (uint32_t epoch = 0; epoch < epochs; ++epoch) {
    Tally train = trainEpoch(epoch), check;
    tl_epoch_record record{index,
                           epoch,
                           float(train.meanLoss()),
                           float(train.accuracy()),
                           nothing,
                           nothing,
                           nothing,
                           nothing};
    if (validation.pictures.count) {
      check = validate(epoch);
      record.val_loss = float(check.meanLoss());
      record.val_accuracy = float(check.accuracy());
    }
    need([&](tl_error *e) { return tl_trainer_record(trainer, &record, e); });
    if (recipe.keep_best && (epoch == 0 || better(record, bestRecord))) {
      bestRecord = record;
      best.take();
    }
    progress(TL_STAGE_EPOCH, epoch, train.count, train.count, train, &record);
  }
  if (recipe.keep_best && epochs)
    best.restore();
}

void Fit::run() {
  uint32_t total = 0, done = 0;
  for (const Side *side : {&training, &validation})
    if (side->pictures.read_pixels && side->pictures.keep_features)
      total += side->pictures.count;
  keepFeatures(training, total, done);
  keepFeatures(validation, total, done);
  for (uint32_t index = 0; index < info.phase_count; ++index)
    runPhase(index);
}

} // namespace

extern "C" tl_status tl_trainer_fit(tl_trainer *trainer,
                                    const tl_pictures *training,
                                    const tl_pictures *validation,
                                    const tl_fit_options *options,
                                    tl_error *error) {
  return guarded(error, [&] {
    requireArgument(trainer, "trainer");
    requireArgument(training, "training");
    Fit(trainer, training, validation, options).run();
  });
}
