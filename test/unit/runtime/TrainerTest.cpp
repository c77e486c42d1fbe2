// Steps and evaluations against a plain trainer in double precision.
#include "TestModel.h"

#include "runtime/core/Initialize.h"
#include "runtime/schema/Random.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

using namespace tl;
using namespace tl::test;

namespace {

// The head of Kernels.c in double: mock dropout, dense, softmax, momentum.
struct Reference {
  double kernel[8][3], bias[3] = {}, kernelSpeed[8][3] = {}, biasSpeed[3] = {};

  explicit Reference(uint64_t seed) {
    flatbuffers::FlatBufferBuilder builder;
    builder.Finish(
        schema::CreateInit(builder, schema::InitKind::uniform, 0.3f, 1));
    float drawn[24];
    drawCanonical(
        *flatbuffers::GetRoot<schema::Init>(builder.GetBufferPointer()), seed,
        24, drawn);
    for (int i = 0; i < 24; ++i)
      kernel[i / 3][i % 3] = drawn[i];
  }

  // The loss of one picture; `scores` are filled.
  double forward(const double *in, int label, double *scores) const {
    double sum = 0, logits[3];
    for (int k = 0; k < 3; ++k) {
      logits[k] = bias[k];
      for (int f = 0; f < 8; ++f)
        logits[k] += in[f] * kernel[f][k];
      sum += std::exp(logits[k]);
    }
    for (int k = 0; k < 3; ++k)
      scores[k] = std::exp(logits[k]) / sum;
    return -std::log(scores[label]);
  }

  void step(const float *features, const int32_t *labels, const int32_t *ids,
            uint32_t n, uint64_t seed, uint32_t epoch, double rate,
            double *losses) {
    double slope[8][3] = {}, biasSlope[3] = {};
    for (uint32_t i = 0; i < n; ++i) {
      double in[8], scores[3];
      for (uint32_t f = 0; f < 8; ++f) {
        uint32_t hash = (uint32_t(ids[i]) * 2654435761u + f) ^ uint32_t(seed) ^
                        (epoch * 40503u);
        hash ^= hash >> 7;
        in[f] = features[i * 8 + f] * (hash & 1 ? 1 : 0.5);
      }
      losses[i] = forward(in, labels[i], scores);
      for (int k = 0; k < 3; ++k) {
        double delta = (scores[k] - (labels[i] == k)) / n;
        biasSlope[k] += delta;
        for (int f = 0; f < 8; ++f)
          slope[f][k] += delta * in[f];
      }
    }
    for (int k = 0; k < 3; ++k) {
      bias[k] += biasSpeed[k] = 0.9 * biasSpeed[k] - rate * biasSlope[k];
      for (int f = 0; f < 8; ++f)
        kernel[f][k] += kernelSpeed[f][k] =
            0.9 * kernelSpeed[f][k] - rate * slope[f][k];
    }
  }
};

struct Prepared {
  explicit Prepared(const TestModelOptions &options = {}, uint32_t count = 23)
      : open(buildTestModel(options)), trainer(newTrainer(open.model)),
        pictures(makePictures(count, options.sigmoid ? 2 : 3)),
        features(count * 8) {
    tl_trainer_extract(trainer.get(), 0, pictures.pixels.data(), count,
                       features.data(), nullptr);
    for (uint32_t i = 0; i < count; ++i)
      ids.push_back(int32_t(i));
  }
  OpenModel open;
  Trainer trainer;
  TestPictures pictures;
  std::vector<float> features;
  std::vector<int32_t> ids;
};

// 20 steps of changing batch sizes stay within float rounding of the
// reference; a second phase starts with zero momentum.
TEST(Trainer, StepsFollowTheReference) {
  Prepared p;
  Reference reference(7);
  for (uint32_t phase = 0; phase < 2; ++phase) {
    ASSERT_EQ(tl_trainer_begin_phase(p.trainer.get(), phase, nullptr),
              TL_STATUS_OK);
    std::fill(&reference.kernelSpeed[0][0], &reference.kernelSpeed[0][0] + 24,
              0);
    std::fill(reference.biasSpeed, reference.biasSpeed + 3, 0);
    for (uint32_t step = 0; step < 20; ++step) {
      uint32_t n = step % 3 ? 5 : 23, at = step % 3 ? step % 18 : 0;
      std::vector<float> losses(n), scores(n * 3);
      std::vector<double> expected(n);
      tl_error error;
      tl_batch batch =
          makeBatch(&p.features[at * 8], &p.pictures.labels[at], &p.ids[at], n);
      ASSERT_EQ(tl_trainer_step(p.trainer.get(), step / 4, &batch,
                                losses.data(), scores.data(), &error),
                TL_STATUS_OK)
          << error.message;
      reference.step(&p.features[at * 8], &p.pictures.labels[at], &p.ids[at], n,
                     7, step / 4, 0.1f, expected.data());
      for (uint32_t i = 0; i < n; ++i)
        ASSERT_NEAR(losses[i], expected[i], 1e-4 * std::max(1.0, expected[i]))
            << "phase " << phase << ", step " << step;
    }
  }
}

TEST(Trainer, EvaluationUsesNoDropoutAndAnyNumberOfPictures) {
  Prepared p({}, 150);
  Reference reference(7);
  std::vector<float> losses(150), scores(450);
  ASSERT_EQ(tl_trainer_evaluate(p.trainer.get(), p.features.data(),
                                p.pictures.labels.data(), 150, losses.data(),
                                scores.data(), nullptr),
            TL_STATUS_OK);
  for (int i = 0; i < 150; ++i) {
    double in[8], expected[3];
    std::copy(&p.features[i * 8], &p.features[i * 8 + 8], in);
    EXPECT_NEAR(losses[i],
                reference.forward(in, p.pictures.labels[i], expected), 1e-5);
    EXPECT_NEAR(scores[i * 3 + 1], expected[1], 1e-5);
  }
}

TEST(Trainer, ALabelOutOfRangeIsRefused) {
  Prepared p;
  tl_trainer_begin_phase(p.trainer.get(), 0, nullptr);
  p.pictures.labels[3] = 3;
  tl_error error;
  tl_batch batch =
      makeBatch(p.features.data(), p.pictures.labels.data(), p.ids.data(), 5);
  EXPECT_EQ(
      tl_trainer_step(p.trainer.get(), 0, &batch, nullptr, nullptr, &error),
      TL_STATUS_INVALID_ARGUMENT);
  EXPECT_STREQ(error.message,
               "label 3 of picture 3 of the batch: expected 0 to 2");
}

TEST(Trainer, AStepBeforeAPhaseIsRefused) {
  Prepared p;
  tl_error error;
  tl_batch batch =
      makeBatch(p.features.data(), p.pictures.labels.data(), p.ids.data(), 5);
  EXPECT_EQ(
      tl_trainer_step(p.trainer.get(), 0, &batch, nullptr, nullptr, &error),
      TL_STATUS_INVALID_ARGUMENT);
}

std::vector<float> scoresNow(Prepared &p) {
  std::vector<float> scores(p.pictures.labels.size() * 3);
  tl_trainer_evaluate(p.trainer.get(), p.features.data(),
                      p.pictures.labels.data(), p.pictures.labels.size(),
                      nullptr, scores.data(), nullptr);
  return scores;
}

// The picture whose features are not finite is named, and nothing changes.
TEST(Trainer, ANonFiniteFeatureIsNamedAndNothingChanges) {
  Prepared p;
  std::vector<float> before = scoresNow(p);
  tl_trainer_begin_phase(p.trainer.get(), 1, nullptr);
  std::vector<float> bad(p.features.begin(), p.features.begin() + 40);
  bad[17] = std::numeric_limits<float>::infinity();
  tl_error error;
  tl_batch batch =
      makeBatch(bad.data(), p.pictures.labels.data(), p.ids.data(), 5);
  EXPECT_EQ(
      tl_trainer_step(p.trainer.get(), 4, &batch, nullptr, nullptr, &error),
      TL_STATUS_NOT_FINITE);
  EXPECT_STREQ(error.message,
               "phase \"second\", epoch 4, step 0: the loss is not finite; "
               "first seen in the features of picture 2");
  EXPECT_EQ(scoresNow(p), before);
}

TEST(Trainer, SnapshotsHoldParametersStateAndStep) {
  Prepared p;
  tl_trainer *t = p.trainer.get();
  tl_trainer_begin_phase(t, 0, nullptr);
  auto step = [&] {
    tl_batch batch = makeBatch(p.features.data(), p.pictures.labels.data(),
                               p.ids.data(), 23);
    tl_trainer_step(t, 0, &batch, nullptr, nullptr, nullptr);
  };
  step();
  tl_snapshot *snapshot = nullptr;
  ASSERT_EQ(tl_trainer_snapshot(t, &snapshot, nullptr), TL_STATUS_OK);
  step();
  std::vector<float> expected = scoresNow(p);
  step();
  EXPECT_NE(scoresNow(p), expected);
  ASSERT_EQ(tl_trainer_restore(t, snapshot, nullptr), TL_STATUS_OK);
  step(); // the same momentum: the same result
  EXPECT_EQ(scoresNow(p), expected);
  tl_snapshot_destroy(snapshot);
}

TEST(Trainer, InitializeDrawsWithTheNewSeed) {
  Prepared p;
  std::vector<float> first = scoresNow(p);
  tl_trainer_initialize(p.trainer.get(), 8, nullptr);
  EXPECT_NE(scoresNow(p), first);
  tl_trainer_initialize(p.trainer.get(), 7, nullptr);
  EXPECT_EQ(scoresNow(p), first);
}

} // namespace
