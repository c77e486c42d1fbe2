// What a recipe can ask of the loop besides plain epochs: schedules, averages,
// early stopping, class weights, mixup, metrics; values from outside; the
// search for a learning rate.
#include "FitHarness.h"

#include "runtime/core/Mixup.h"
#include "runtime/core/Schedule.h"

#include <cmath>

using namespace tl;
using namespace tl::test;

namespace {

// A model whose phases `change` has made.
std::vector<uint8_t> phasesWith(TestModelOptions options,
                                std::function<void(schema::TrainT &)> change) {
  options.change = [change](schema::ModelT &model) { change(*model.train); };
  return buildTestModel(options);
}

struct Job {
  explicit Job(const std::vector<uint8_t> &bytes, uint32_t count = 23)
      : open(bytes),
        trainer(newTrainer(open.model)), training{makePictures(count, 3)},
        validation{makePictures(11, 3, 1)}, features(count * 8) {
    tl_trainer_extract(trainer.get(), 0, training.pictures.pixels.data(), count,
                       features.data(), nullptr);
    for (uint32_t i = 0; i < count; ++i)
      ids.push_back(int32_t(i));
  }
  tl_batch batch(uint32_t n = 23) const {
    return makeBatch(features.data(), training.pictures.labels.data(),
                     ids.data(), n);
  }
  std::vector<float> losses() {
    std::vector<float> out(23);
    EXPECT_EQ(tl_trainer_evaluate(trainer.get(), features.data(),
                                  training.pictures.labels.data(), 23,
                                  out.data(), nullptr, nullptr),
              TL_STATUS_OK);
    return out;
  }
  tl_status fit(const tl_fit_options *options, bool keep = true,
                bool validate = true) {
    tl_pictures t = training.source(keep), v = validation.source(keep);
    return tl_trainer_fit(trainer.get(), &t, validate ? &v : nullptr, options,
                          &error);
  }

  OpenModel open;
  Trainer trainer;
  Pixels training, validation;
  std::vector<float> features;
  std::vector<int32_t> ids;
  tl_error error{};
};

// Steps taken by hand at the rates of the schedule give the bytes of the fit.
TEST(Loop, TakesEachStepAtTheScheduledRate) {
  auto bytes = phasesWith({}, [](schema::TrainT &train) {
    for (auto &phase : train.phases) {
      phase->schedule = schema::Schedule::cosine;
      phase->warmup = 0.5f;
    }
  });
  Job fitted(bytes), stepped(bytes);
  Progress progress;
  tl_fit_options options = progress.options();
  options.no_shuffle = 1;
  ASSERT_EQ(fitted.fit(&options), TL_STATUS_OK) << fitted.error.message;
  for (uint32_t phase = 0; phase < 2; ++phase) {
    const tl_phase_info &recipe = *tl_model_phase(stepped.open.model, phase);
    Schedule schedule(recipe, 3, 5);
    tl_trainer_begin_phase(stepped.trainer.get(), phase, nullptr);
    for (uint32_t step = 0; step < 15; ++step) {
      uint32_t at = step % 5 * 5, n = std::min(5u, 23 - at);
      tl_batch batch =
          makeBatch(&stepped.features[at * 8],
                    &stepped.training.pictures.labels[at], &stepped.ids[at], n);
      batch.learning_rate = schedule.rateAt(step, recipe.learning_rate);
      ASSERT_EQ(tl_trainer_step(stepped.trainer.get(), step / 5, &batch,
                                nullptr, nullptr, nullptr),
                TL_STATUS_OK);
    }
  }
  EXPECT_EQ(stepped.losses(), fitted.losses());
}

// Each step is reported with its place, its own loss and its rate.
TEST(Loop, ReportsEachStep) {
  Job run(phasesWith({}, [](schema::TrainT &train) {
    train.phases[0]->schedule = schema::Schedule::step;
    train.phases[0]->schedule_factor = 0.5f;
  }));
  std::vector<tl_progress> steps;
  tl_fit_options options{};
  options.size = sizeof options;
  options.user = &steps;
  options.progress = [](void *user, const tl_progress *now) {
    if (now->stage == TL_STAGE_TRAIN)
      static_cast<std::vector<tl_progress> *>(user)->push_back(*now);
    return 0;
  };
  ASSERT_EQ(run.fit(&options), TL_STATUS_OK) << run.error.message;
  ASSERT_EQ(steps.size(), 30u);
  double sum = 0;
  for (uint32_t i = 0; i < 15; ++i) {
    EXPECT_EQ(steps[i].step, i);
    EXPECT_EQ(steps[i].learning_rate, 0.1f * float(std::pow(0.5, i / 5)));
    sum = (i % 5 ? sum : 0) + steps[i].step_loss * (i % 5 == 4 ? 3 : 5);
    EXPECT_NEAR(steps[i].loss, sum / steps[i].done, 1e-12);
  }
  EXPECT_EQ(steps[15].step, 0u);
}

// The average of three steps by hand, with Keras's first step; evaluation and
// saving see it while it is in the parameters' place, and no step may be taken.
TEST(Loop, AveragesAreThoseOfTheParameters) {
  Job run(buildTestModel({.mixed = false, .ema = 0.75f}));
  tl_trainer *t = run.trainer.get();
  tl_trainer_begin_phase(t, 0, nullptr);
  tl_batch batch = run.batch();
  auto scores = [&] {
    std::vector<float> out(23 * 3);
    tl_trainer_evaluate(t, run.features.data(),
                        run.training.pictures.labels.data(), 23, nullptr,
                        out.data(), nullptr);
    return out;
  };
  auto logitRatio = [](const std::vector<float> &s) {
    return std::log(double(s[0]) / double(s[1])); // linear in the parameters
  };
  double expected = 0;
  for (int step = 0; step < 3; ++step) {
    ASSERT_EQ(tl_trainer_step(t, 0, &batch, nullptr, nullptr, nullptr),
              TL_STATUS_OK);
    double now = logitRatio(scores());
    expected = step ? 0.75 * expected + 0.25 * now : now;
  }
  std::vector<float> plain = scores();
  std::vector<uint8_t> before = saved(t);
  ASSERT_EQ(tl_trainer_swap_averages(t, nullptr), TL_STATUS_OK);
  // Float rounding of scores near 1/3 and of three updates.
  EXPECT_NEAR(logitRatio(scores()), expected, 1e-5);
  EXPECT_NE(scores(), plain);
  EXPECT_NE(saved(t), before);
  EXPECT_EQ(tl_trainer_step(t, 0, &batch, nullptr, nullptr, &run.error),
            TL_STATUS_INVALID_ARGUMENT);
  ASSERT_EQ(tl_trainer_swap_averages(t, nullptr), TL_STATUS_OK);
  EXPECT_EQ(saved(t), before);
}

// With ema, what a phase is judged by and what it ends with are the averages.
TEST(Loop, APhaseEndsWithItsAverages) {
  for (bool keepBest : {false, true}) {
    Job run(buildTestModel({.keepBest = keepBest, .ema = 0.9f}));
    Progress progress;
    tl_fit_options options = progress.options(4);
    ASSERT_EQ(run.fit(&options), TL_STATUS_OK) << run.error.message;
    float lowest = INFINITY, most = -1;
    for (const tl_epoch_record &r : progress.records)
      if (r.phase == 1 && (r.val_accuracy > most ||
                           (r.val_accuracy == most && r.val_loss < lowest))) {
        most = r.val_accuracy;
        lowest = r.val_loss;
      }
    float expected = keepBest ? lowest : progress.records.back().val_loss;
    OpenModel again(saved(run.trainer.get()));
    Trainer fresh = newTrainer(again.model);
    std::vector<float> features(11 * 8), losses(11);
    tl_trainer_extract(fresh.get(), 0, run.validation.pictures.pixels.data(),
                       11, features.data(), nullptr);
    tl_trainer_evaluate(fresh.get(), features.data(),
                        run.validation.pictures.labels.data(), 11,
                        losses.data(), nullptr, nullptr);
    double sum = 0;
    for (float loss : losses)
      sum += loss;
    EXPECT_EQ(float(sum / 11), expected) << keepBest;
  }
}

// Validation that only gets worse: the best is the first epoch, and the phase
// ends `patience` epochs after it; with keep best, with its parameters.
TEST(Loop, StopsEarly) {
  auto run = [](uint32_t patience, bool keepBest) {
    Job run(phasesWith({.keepBest = keepBest}, [&](schema::TrainT &train) {
      train.phases[0]->early_stop = patience;
      train.phases[1]->epochs = 1;
      train.phases[1]->learning_rate = 1e-30f; // changes nothing
    }));
    run.validation.pictures = makePictures(23, 3);
    for (int32_t &label : run.validation.pictures.labels)
      label = (label + 1) % 3;
    Progress progress;
    tl_fit_options options = progress.options();
    EXPECT_EQ(run.fit(&options), TL_STATUS_OK) << run.error.message;
    return progress.records;
  };
  // The phases have 3 epochs.
  std::vector<tl_epoch_record> all = run(0, false), early = run(1, false),
                               best = run(1, true);
  ASSERT_EQ(all.size(), 4u);
  ASSERT_GT(all[1].val_loss, all[0].val_loss);
  ASSERT_EQ(early.size(), 3u); // 2 epochs and the second phase's
  EXPECT_EQ(early[1].val_loss, all[1].val_loss);
  EXPECT_EQ(early[2].val_loss, all[1].val_loss);
  ASSERT_EQ(best.size(), 3u);
  EXPECT_EQ(best[2].val_loss, all[0].val_loss);
}

// A weight of 0 leaves a class out; the loss is the weighted one, over n. In
// torch's convention it is divided by the weights' sum.
TEST(Loop, ClassWeights) {
  auto train = [](bool torch, std::vector<float> weights) {
    Job run(phasesWith({.batch = 23, .mixed = true}, [&](schema::TrainT &t) {
      t.class_weights = weights.empty() ? schema::ClassWeights::none
                                        : schema::ClassWeights::given;
      t.weights = weights;
      t.convention =
          torch ? schema::Convention::torch : schema::Convention::keras;
    }));
    Progress progress;
    tl_fit_options options = progress.options(1);
    options.no_shuffle = 1;
    EXPECT_EQ(run.fit(&options), TL_STATUS_OK) << run.error.message;
    return std::pair(progress.records[0].loss, run.losses());
  };
  auto plain = train(false, {}), ones = train(false, {1, 1, 1});
  EXPECT_EQ(plain, ones);
  auto keras = train(false, {2, 2, 2}), torch = train(true, {2, 2, 2});
  EXPECT_NEAR(keras.first, 2 * plain.first, 1e-6 * keras.first);
  EXPECT_EQ(torch, plain); // n / sum = 1/2 exactly
  auto without = train(false, {0, 1, 1});
  EXPECT_LT(without.first, plain.first);
  EXPECT_NE(without.second, plain.second);
}

// What the recipe does not have cannot be given to a step.
TEST(Loop, WeightsNeedARecipeThatHasThem) {
  Job run(buildTestModel());
  tl_trainer_begin_phase(run.trainer.get(), 0, nullptr);
  tl_batch batch = run.batch();
  batch.weights = run.features.data();
  EXPECT_EQ(tl_trainer_step(run.trainer.get(), 0, &batch, nullptr, nullptr,
                            &run.error),
            TL_STATUS_INVALID_ARGUMENT);
  EXPECT_STREQ(run.error.message,
               "weights: the model's recipe has no class weights");
}

// A step with its targets half and half is the mean of the two losses.
TEST(Loop, MixedTargets) {
  Job run(buildTestModel({.mixed = true}));
  tl_trainer_begin_phase(run.trainer.get(), 0, nullptr);
  tl_snapshot *start = nullptr;
  tl_trainer_snapshot(run.trainer.get(), &start, nullptr);
  std::vector<int32_t> others(23, 1);
  std::vector<float> mix(23, 0.25f), own(23), other(23), mixed(23);
  auto step = [&](const int32_t *labels, bool mixing, float *losses) {
    tl_batch batch = run.batch();
    batch.labels = labels;
    batch.mix_labels = mixing ? others.data() : nullptr;
    batch.mix = mixing ? mix.data() : nullptr;
    ASSERT_EQ(
        tl_trainer_step(run.trainer.get(), 0, &batch, losses, nullptr, nullptr),
        TL_STATUS_OK);
    tl_trainer_restore(run.trainer.get(), start, nullptr);
  };
  const int32_t *labels = run.training.pictures.labels.data();
  step(labels, false, own.data());
  step(others.data(), false, other.data());
  step(labels, true, mixed.data());
  for (int i = 0; i < 23; ++i)
    EXPECT_NEAR(mixed[size_t(i)],
                0.25 * own[size_t(i)] + 0.75 * other[size_t(i)], 1e-6);
  tl_snapshot_destroy(start);
}

// Mixup reads pixels at each step: the first step is that on pixels mixed by
// hand. Kept features are refused.
TEST(Loop, MixupMixesPixels) {
  auto bytes = phasesWith({.mixed = true},
                          [](schema::TrainT &train) { train.mixup = 0.4f; });
  Job job(bytes);
  double loss = -1;
  tl_fit_options options{};
  options.size = sizeof options;
  options.no_shuffle = 1;
  options.user = &loss;
  options.progress = [](void *user, const tl_progress *now) {
    auto &first = *static_cast<double *>(user);
    if (now->stage == TL_STAGE_TRAIN && first < 0)
      first = now->step_loss;
    return 0;
  };
  ASSERT_EQ(job.fit(&options, false), TL_STATUS_OK) << job.error.message;
  EXPECT_EQ(job.training.reads, 6u * 23);

  Job hand(bytes);
  const MixupPlace place{7, 0, 0, 0};
  float share = drawMixupShare(place, 0.4f);
  uint32_t partners[5];
  drawMixupPartners(place, 5, partners);
  std::vector<float> pixels(5 * kPixels), losses(5), mix(5, share);
  std::vector<int32_t> others;
  const TestPictures &all = hand.training.pictures;
  for (uint32_t i = 0; i < 5; ++i) {
    for (uint32_t k = 0; k < kPixels; ++k)
      pixels[i * kPixels + k] =
          share * all.pixels[i * kPixels + k] +
          (1 - share) * all.pixels[partners[i] * kPixels + k];
    others.push_back(all.labels[partners[i]]);
  }
  tl_trainer_begin_phase(hand.trainer.get(), 0, nullptr);
  tl_trainer_extract(hand.trainer.get(), 0, pixels.data(), 5,
                     hand.features.data(), nullptr);
  tl_batch batch = hand.batch(5);
  batch.mix_labels = others.data();
  batch.mix = mix.data();
  tl_trainer_step(hand.trainer.get(), 0, &batch, losses.data(), nullptr,
                  nullptr);
  double sum = 0;
  for (float each : losses)
    sum += each;
  EXPECT_DOUBLE_EQ(loss, sum / 5);

  Job kept(bytes);
  EXPECT_EQ(kept.fit(nullptr, true), TL_STATUS_INVALID_ARGUMENT);
  EXPECT_STREQ(kept.error.message,
               "mixup mixes pixels: the training pictures need read_pixels, "
               "without keep_features");
}

// Metrics are there where the recipe asks for them, and in the saved history.
TEST(Loop, ReportsTopKAndAuc) {
  auto records = [](const TestModelOptions &options, uint32_t topK, bool auc) {
    Job run(phasesWith(options, [&](schema::TrainT &train) {
      train.top_k = topK;
      train.auc = auc;
    }));
    uint32_t classes = options.sigmoid ? 2 : 3;
    run.training.pictures = makePictures(23, classes);
    run.validation.pictures = makePictures(11, classes, 1);
    Progress progress;
    tl_fit_options fitOptions = progress.options(1);
    EXPECT_EQ(run.fit(&fitOptions), TL_STATUS_OK) << run.error.message;
    OpenModel again(saved(run.trainer.get()));
    EXPECT_EQ(memcmp(tl_model_history(again.model, 1), &progress.records[1],
                     sizeof(tl_epoch_record)),
              0);
    return progress.records;
  };
  for (const tl_epoch_record &r : records({}, 0, false)) {
    EXPECT_TRUE(std::isnan(r.val_top_k));
    EXPECT_TRUE(std::isnan(r.val_auc));
  }
  for (const tl_epoch_record &r : records({}, 2, false)) {
    EXPECT_GE(r.val_top_k, r.val_accuracy);
    EXPECT_LE(r.val_top_k, 1);
  }
  for (const tl_epoch_record &r : records({.sigmoid = true}, 0, true)) {
    EXPECT_GE(r.val_auc, 0);
    EXPECT_LE(r.val_auc, 1);
  }
}

// Canonical values from outside take the parameters' place; wrong names and
// shapes are named.
TEST(Loop, SetsParameters) {
  Job run(buildTestModel()), other(buildTestModel());
  tl_trainer_initialize(other.trainer.get(), 99, nullptr);
  ASSERT_NE(run.losses(), other.losses());
  std::vector<float> kernel(24), bias(3, 0.5f);
  for (size_t i = 0; i < 24; ++i)
    kernel[i] = 0.01f * float(i);
  const int64_t shape[] = {8, 3};
  for (Job *each : {&run, &other}) {
    tl_trainer *t = each->trainer.get();
    EXPECT_EQ(tl_trainer_set_parameter(t, "dense.kernel", shape, 2,
                                       kernel.data(), nullptr),
              TL_STATUS_OK);
    EXPECT_EQ(tl_trainer_set_parameter(t, "dense.bias", shape + 1, 1,
                                       bias.data(), nullptr),
              TL_STATUS_OK);
  }
  EXPECT_EQ(run.losses(), other.losses());
  EXPECT_EQ(tl_trainer_set_parameter(run.trainer.get(), "dense.kernel",
                                     shape + 1, 1, bias.data(), &run.error),
            TL_STATUS_INVALID_ARGUMENT);
  EXPECT_STREQ(run.error.message,
               "parameter \"dense.kernel\": expected the shape [8, 3], found "
               "[3]");
  EXPECT_EQ(tl_trainer_set_parameter(run.trainer.get(), "frozen.kernel", shape,
                                     2, kernel.data(), &run.error),
            TL_STATUS_NOT_FOUND);
  EXPECT_STREQ(run.error.message,
               "no parameter \"frozen.kernel\"; the trained ones are "
               "dense.kernel, dense.bias");
}

// The curve rises in equal ratios and ends where the loss diverges; the
// suggestion lies before; nothing of the trainer changes.
TEST(Loop, FindsALearningRate) {
  Job run(buildTestModel(), 60);
  std::vector<uint8_t> before = saved(run.trainer.get());
  tl_pictures t = run.training.source(true);
  tl_rate_point points[TL_RATE_POINTS];
  uint32_t count = 0;
  float suggestion = 0;
  ASSERT_EQ(tl_trainer_find_rate(run.trainer.get(), 1, &t, nullptr, points,
                                 &count, &suggestion, &run.error),
            TL_STATUS_OK)
      << run.error.message;
  EXPECT_EQ(saved(run.trainer.get()), before);
  EXPECT_EQ(tl_trainer_phase(run.trainer.get()), -1);
  ASSERT_GT(count, 20u);
  EXPECT_EQ(points[0].learning_rate, 1e-7f);
  double ratio = std::pow(1e8, 1.0 / 99);
  for (uint32_t i = 1; i < count; ++i)
    EXPECT_NEAR(points[i].learning_rate / points[i - 1].learning_rate, ratio,
                1e-6);
  // Too small to learn at 1e-7, and too large at the end.
  EXPECT_NEAR(points[1].loss, points[0].loss, 0.5f * points[0].loss);
  EXPECT_GT(suggestion, 1e-4f);
  EXPECT_LT(suggestion, points[count - 1].learning_rate);
}

TEST(Loop, ALabelOutOfRangeIsRefusedBeforeTheFirstStep) {
  Job run(buildTestModel());
  run.training.pictures.labels[21] = 3;
  EXPECT_EQ(run.fit(nullptr), TL_STATUS_INVALID_ARGUMENT);
  EXPECT_STREQ(run.error.message,
               "label 3 of training picture 21: expected 0 to 2");
}

} // namespace
