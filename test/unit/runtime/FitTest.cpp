// The whole loop: equality with and without kept features, threads and
// batches; keep best; stopping.
#include "FitHarness.h"

#include <gtest/gtest.h>

#include <cmath>

using namespace tl;
using namespace tl::test;

namespace {

std::vector<uint8_t> train(bool keep, uint32_t threads, uint32_t extractBatch,
                           uint32_t batch,
                           SecondStart second = SecondStart::sameFrontier) {
  OpenModel open(buildTestModel({.second = second}));
  Trainer trainer = newTrainer(open.model, threads, extractBatch);
  Pixels training{makePictures(43, 3)}, validation{makePictures(11, 3, 1)};
  tl_pictures t = training.source(keep), v = validation.source(keep);
  Progress progress;
  tl_fit_options options = progress.options(0, batch);
  tl_error error;
  EXPECT_EQ(tl_trainer_fit(trainer.get(), &t, &v, &options, &error),
            TL_STATUS_OK)
      << error.message;
  EXPECT_EQ(progress.records.size(), 6u);
  if (keep) {
    EXPECT_EQ(training.reads, 43u);
  }
  return saved(trainer.get());
}

// The equality contract: the trained file has the same bytes.
TEST(Fit, TheSameBytesWithAnyCacheThreadsAndExtractionBatch) {
  for (uint32_t batch : {1u, 3u, 20u, 32u}) {
    std::vector<uint8_t> expected = train(true, 1, 32, batch);
    for (uint32_t threads : {1u, 2u, 5u})
      for (uint32_t extractBatch : {1u, 3u, 20u, 32u})
        EXPECT_EQ(train(threads == 2, threads, extractBatch, batch), expected)
            << threads << " threads, batches " << extractBatch << ", " << batch;
  }
}

// The equality contract with two frontiers: the features of both phases come
// from one pass, or each phase's from its own.
TEST(Fit, TheSameBytesWithTwoFrontiers) {
  for (SecondStart second : {SecondStart::ownFrontier, SecondStart::pixels}) {
    std::vector<uint8_t> expected = train(true, 1, 32, 5, second);
    for (uint32_t threads : {1u, 2u})
      for (bool keep : {false, true})
        EXPECT_EQ(train(keep, threads, 7, 5, second), expected)
            << threads << " threads, " << keep;
  }
}

struct Outcome {
  std::vector<float> scores, losses;
};

Outcome outcome(const std::vector<uint8_t> &file) {
  OpenModel open(file);
  TestPictures pictures = makePictures(20, 3, 2);
  Outcome result{std::vector<float>(60), {}};
  EXPECT_EQ(tl_session_predict(newSession(open.model).get(),
                               pictures.pixels.data(), 20, nullptr,
                               result.scores.data(), nullptr),
            TL_STATUS_OK);
  for (uint32_t i = 0; const auto *line = tl_model_history(open.model, i); ++i)
    result.losses.insert(result.losses.end(), {line->loss, line->val_loss});
  return result;
}

// Where a phase starts changes nothing of what is computed: a second phase from
// a frontier of its own, or from the pixels, trains and predicts as one that
// starts where the first did.
TEST(Fit, TheFrontierDoesNotChangeTheResult) {
  Outcome expected = outcome(train(true, 1, 32, 5));
  for (SecondStart second : {SecondStart::ownFrontier, SecondStart::pixels}) {
    Outcome found = outcome(train(true, 1, 32, 5, second));
    EXPECT_EQ(found.scores, expected.scores);
    EXPECT_EQ(found.losses, expected.losses);
  }
}

// One set of features cannot serve two frontiers.
TEST(Fit, RefusesOneSetOfFeaturesForTwoFrontiers) {
  OpenModel open(buildTestModel({.second = SecondStart::pixels}));
  Trainer trainer = newTrainer(open.model);
  std::vector<float> features(4 * kTestFeatures);
  TestPictures pictures = makePictures(4, 3);
  tl_pictures given{};
  given.size = sizeof given;
  given.count = 4;
  given.labels = pictures.labels.data();
  given.features = features.data();
  tl_error error;
  EXPECT_EQ(tl_trainer_fit(trainer.get(), &given, nullptr, nullptr, &error),
            TL_STATUS_INVALID_ARGUMENT);
  EXPECT_STREQ(error.message,
               "the training pictures come with one set of features, but the "
               "phases have 2 frontiers: use read_features or read_pixels");
}

TEST(Fit, LearnsAndRecords) {
  for (bool sigmoid : {false, true}) {
    OpenModel open(buildTestModel({.sigmoid = sigmoid}));
    Trainer trainer = newTrainer(open.model);
    Pixels training{makePictures(60, sigmoid ? 2 : 3)};
    Pixels validation{makePictures(30, sigmoid ? 2 : 3, 1)};
    tl_pictures t = training.source(true), v = validation.source(true);
    Progress progress;
    tl_fit_options options = progress.options(30);
    ASSERT_EQ(tl_trainer_fit(trainer.get(), &t, &v, &options, nullptr),
              TL_STATUS_OK);
    ASSERT_EQ(progress.records.size(), 60u);
    EXPECT_EQ(progress.records[30].phase, 1u);
    EXPECT_EQ(progress.records[30].epoch, 0u);
    EXPECT_LT(progress.records[59].loss, 0.5f * progress.records[0].loss);
    // Chance is a third or a half; the pictures are noisy.
    EXPECT_GT(progress.records[59].val_accuracy, 0.75f);
    // The saved file holds the same history.
    OpenModel again(saved(trainer.get()));
    EXPECT_EQ(tl_model_get_info(again.model)->history_count, 60u);
    EXPECT_EQ(tl_model_history(again.model, 59)->val_loss,
              progress.records[59].val_loss);
  }
}

// A learning rate far too high makes the parameters overflow: the run stops,
// says where, and what can be saved is finite.
TEST(Fit, StopsAtANonFiniteLossAndKeepsTheLastGoodParameters) {
  OpenModel open(buildTestModel({.learningRate = 3e38f}));
  Trainer trainer = newTrainer(open.model);
  Pixels training{makePictures(43, 3)};
  tl_pictures t = training.source(true);
  tl_error error;
  EXPECT_EQ(tl_trainer_fit(trainer.get(), &t, nullptr, nullptr, &error),
            TL_STATUS_NOT_FINITE);
  std::string message = error.message;
  EXPECT_EQ(message.find("phase \"first\", epoch 0, step "), 0u) << message;
  EXPECT_NE(message.find("first seen in"), std::string::npos) << message;
  EXPECT_NE(message.find("layer \"dense\""), std::string::npos) << message;
  EXPECT_EQ(tl_trainer_check(trainer.get(), &error), TL_STATUS_OK)
      << error.message;
}

TEST(Fit, ACallbackCancels) {
  OpenModel open(buildTestModel());
  Trainer trainer = newTrainer(open.model);
  Pixels training{makePictures(43, 3)};
  tl_pictures t = training.source(true);
  Progress progress;
  progress.stopAfter = 12; // 9 steps an epoch
  tl_fit_options options = progress.options();
  tl_error error;
  EXPECT_EQ(tl_trainer_fit(trainer.get(), &t, nullptr, &options, &error),
            TL_STATUS_CANCELLED);
  EXPECT_STREQ(error.message, "cancelled in phase 0, epoch 1");
  EXPECT_EQ(progress.steps, 12u);
}

TEST(Fit, AFailingSourceEndsTheRun) {
  OpenModel open(buildTestModel());
  Trainer trainer = newTrainer(open.model);
  Pixels training{makePictures(10, 3)};
  training.failAt = 7;
  tl_pictures t = training.source(true);
  tl_error error;
  EXPECT_EQ(tl_trainer_fit(trainer.get(), &t, nullptr, nullptr, &error),
            TL_STATUS_CALLBACK);
  EXPECT_STREQ(error.message,
               "read_pixels failed with 5 on 5 pictures from picture 5");
}

// Validation labels that contradict the training ones make validation worse
// with each epoch: the best is the first, and its parameters are kept.
TEST(Fit, KeepsTheBestEpoch) {
  Pixels training{makePictures(43, 3)}, wrong{makePictures(43, 3)};
  for (int32_t &label : wrong.pictures.labels)
    label = (label + 1) % 3;
  auto run = [&](bool keepBest, uint32_t epochs) {
    OpenModel open(buildTestModel({.keepBest = keepBest}));
    Trainer trainer = newTrainer(open.model);
    tl_pictures t = training.source(true), v = wrong.source(true);
    Progress progress;
    tl_fit_options options = progress.options(epochs);
    EXPECT_EQ(tl_trainer_fit(trainer.get(), &t, &v, &options, nullptr),
              TL_STATUS_OK);
    tl_pictures check = wrong.source(true);
    std::vector<float> features(43 * 8), losses(43);
    tl_trainer_extract(trainer.get(), 0, wrong.pictures.pixels.data(), 43,
                       features.data(), nullptr);
    tl_trainer_evaluate(trainer.get(), features.data(), check.labels, 43,
                        losses.data(), nullptr, nullptr);
    double sum = 0;
    for (float loss : losses)
      sum += loss;
    float best = INFINITY; // of the second phase
    float mostAccurate = -1;
    for (const tl_epoch_record &record : progress.records)
      if (record.phase == 1 &&
          (record.val_accuracy > mostAccurate ||
           (record.val_accuracy == mostAccurate && record.val_loss < best))) {
        mostAccurate = record.val_accuracy;
        best = record.val_loss;
      }
    return std::pair(float(sum / 43), best);
  };
  auto kept = run(true, 8), last = run(false, 8);
  EXPECT_EQ(kept.first, kept.second);
  EXPECT_GT(last.first, last.second);
}

} // namespace
