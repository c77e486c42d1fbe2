// tl_trainer_find_rate: the curve of the loss over a rising learning rate.
// Written on the calls of runtime.h, as tl_trainer_fit.
#include "runtime/core/ClassWeights.h"
#include "runtime/core/Elementary.h"
#include "runtime/core/PictureSource.h"
#include "runtime/core/PublicCalls.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace tl {

namespace {

constexpr double kLowest = 1e-7, kHighest = 10;
constexpr double kMemory = 0.9; // of the smoothed loss
constexpr double kDiverged = 4; // times the lowest
// The first points are means of few losses, and nothing is learnt at such
// rates: their slopes are noise.
constexpr uint32_t kSettled = 10;

class RateFinder {
public:
  RateFinder(tl_trainer *trainer, uint32_t phase, const tl_pictures *training,
             const tl_fit_options *given)
      : trainer(trainer), model(tl_trainer_model(trainer)),
        info(*tl_model_get_info(model)), options(readOptions(given)),
        phase(phase), batch(options.batch ? options.batch : info.batch),
        source(trainer, training, "training", batch) {
    if (source.count() == 0)
      fail(TL_STATUS_INVALID_ARGUMENT, "no training pictures");
    batch = std::min(batch, source.count());
    weights = classWeights(info, source.pictures.labels, source.count());
    losses.resize(batch);
    batchWeights.resize(batch);
    order.resize(source.count());
  }

  void run(tl_rate_point *points, uint32_t *count);

private:
  double step(uint32_t index, float rate);

  tl_trainer *trainer;
  const tl_model *model;
  const tl_model_info &info;
  tl_fit_options options;
  uint32_t phase, batch;
  PictureSource source;
  std::vector<float> weights, losses, batchWeights;
  std::vector<uint32_t> order; // of the epoch at hand
};

// The mean loss of the pictures before the step, or a nan.
double RateFinder::step(uint32_t index, float rate) {
  uint32_t batches = (source.count() + batch - 1) / batch;
  uint32_t epoch = index / batches, done = index % batches * batch;
  uint32_t n = std::min(batch, source.count() - done);
  if (done == 0)
    need([&](tl_error *e) {
      return tl_trainer_order(trainer, epoch, source.count(), order.data(), e);
    });
  source.gather({phase, epoch}, order.data() + done, n);
  tl_batch now{};
  now.size = sizeof now;
  now.n = n;
  now.features = source.rows.data();
  now.labels = source.labels.data();
  now.ids = source.ids.data();
  if (!weights.empty()) {
    weighBatch(info, weights, now.labels, nullptr, nullptr, n,
               batchWeights.data());
    now.weights = batchWeights.data();
  }
  const tl_phase_info &recipe = *tl_model_phase(model, phase);
  now.learning_rate = rate;
  now.backbone_rate = rate * (recipe.backbone_rate / recipe.learning_rate);
  tl_error error;
  tl_status status =
      tl_trainer_step(trainer, epoch, &now, losses.data(), nullptr, &error);
  if (status == TL_STATUS_NOT_FINITE)
    return std::numeric_limits<double>::quiet_NaN();
  if (status != TL_STATUS_OK)
    throw Failure{error.status, error.message};
  double sum = 0;
  for (uint32_t i = 0; i < n; ++i)
    sum += losses[i];
  return sum / n;
}

void RateFinder::run(tl_rate_point *points, uint32_t *count) {
  need([&](tl_error *e) { return tl_trainer_begin_phase(trainer, phase, e); });
  source.keepFeatures([](uint32_t) {});
  double rise = logarithm(kHighest / kLowest) / (TL_RATE_POINTS - 1);
  double sum = 0, memory = 1, lowest = std::numeric_limits<double>::infinity();
  *count = 0;
  for (uint32_t i = 0; i < TL_RATE_POINTS; ++i) {
    float rate = float(kLowest * exponential(i * rise));
    double loss = step(i, rate);
    sum = kMemory * sum + (1 - kMemory) * loss;
    memory *= kMemory;
    double smooth = sum / (1 - memory);
    if (!std::isfinite(smooth) || smooth > kDiverged * lowest)
      return;
    lowest = std::min(lowest, smooth);
    points[(*count)++] = {rate, float(smooth)};
    tl_progress progress{};
    progress.stage = TL_STAGE_TRAIN;
    progress.phase = phase;
    progress.done = i + 1;
    progress.total = TL_RATE_POINTS;
    progress.step = i;
    progress.loss = smooth;
    progress.step_loss = loss;
    progress.learning_rate = rate;
    if (options.progress && options.progress(options.user, &progress) != 0)
      fail(TL_STATUS_CANCELLED, "cancelled at learning rate %g", double(rate));
  }
}

// Rates rise in equal ratios, so that differences of neighbours are slopes over
// the logarithm.
float suggest(const tl_rate_point *points, uint32_t count) {
  float steepest = 0, rate = 0;
  for (uint32_t i = kSettled; i + 1 < count; ++i) {
    float slope = points[i + 1].loss - points[i - 1].loss;
    if (slope < steepest) {
      steepest = slope;
      rate = points[i].learning_rate;
    }
  }
  return rate;
}

void findRate(tl_trainer *trainer, uint32_t phase, const tl_pictures *training,
              const tl_fit_options *options, tl_rate_point *points,
              uint32_t *count, float *suggestion) {
  if (!tl_model_phase(tl_trainer_model(trainer), phase))
    fail(TL_STATUS_NOT_FOUND, "phase %u: the model has %u", phase,
         tl_model_get_info(tl_trainer_model(trainer))->phase_count);
  RateFinder finder(trainer, phase, training, options);
  Snapshot before(trainer);
  before.take();
  try {
    finder.run(points, count);
  } catch (...) {
    before.restore();
    throw;
  }
  before.restore();
  *suggestion = suggest(points, *count);
}

} // namespace

} // namespace tl

extern "C" tl_status tl_trainer_find_rate(tl_trainer *trainer, uint32_t phase,
                                          const tl_pictures *training,
                                          const tl_fit_options *options,
                                          tl_rate_point *points,
                                          uint32_t *count, float *suggestion,
                                          tl_error *error) {
  return tl::guarded(error, [&] {
    tl::requireArgument(trainer, "trainer");
    tl::requireArgument(training, "training");
    tl::requireArgument(points, "points");
    tl::requireArgument(count, "count");
    tl::requireArgument(suggestion, "suggestion");
    tl::findRate(trainer, phase, training, options, points, count, suggestion);
  });
}
