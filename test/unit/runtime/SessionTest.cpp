// Prediction and reading of values, against plain loops.
#include "TestModel.h"

#include <gtest/gtest.h>

#include <cmath>

using namespace tl;
using namespace tl::test;

namespace {

std::vector<float> read(tl_session *session, const char *name,
                        const std::vector<float> &pixels, size_t width) {
  size_t n = pixels.size() / kPixels;
  std::vector<float> values(n * width);
  tl_error error;
  EXPECT_EQ(
      tl_session_read(session, name, pixels.data(), n, values.data(), &error),
      TL_STATUS_OK)
      << error.message;
  return values;
}

// The halo of the input port is zero and its values lie inside: the frozen
// layer's sums over 6 x 6 equal those over 4 x 4, computed in double.
TEST(Session, FeaturesEqualAPlainLoop) {
  OpenModel open(buildTestModel());
  Session session = newSession(open.model);
  TestPictures pictures = makePictures(7, 3);
  std::vector<float> features =
      read(session.get(), "features", pictures.pixels, kTestFeatures);
  for (int i = 0; i < 7; ++i)
    for (size_t f = 0; f < kTestFeatures; ++f) {
      double sum = 0;
      for (size_t k = 0; k < kPixels; ++k) {
        uint32_t word = uint32_t(k * 8 + f + 1) * 2654435761u;
        sum += double(pictures.pixels[i * kPixels + k]) *
               (float(word >> 8) * 0x1p-24f - 0.45f);
      }
      EXPECT_NEAR(features[i * kTestFeatures + f], std::max(sum, 0.0), 1e-4);
    }
}

// One picture's result is the same bytes in any batch, at any place, with any
// number of threads.
TEST(Session, ResultsDoNotDependOnBatchOrThreads) {
  OpenModel open(buildTestModel());
  TestPictures pictures = makePictures(33, 3);
  std::vector<float> expected(33 * 3);
  Session one = newSession(open.model, 1, 1);
  ASSERT_EQ(tl_session_predict(one.get(), pictures.pixels.data(), 33, nullptr,
                               expected.data(), nullptr),
            TL_STATUS_OK);
  for (uint32_t threads : {1u, 2u, 5u})
    for (uint32_t batch : {1u, 3u, 20u, 32u}) {
      Session session = newSession(open.model, threads, batch);
      std::vector<float> scores(33 * 3);
      ASSERT_EQ(tl_session_predict(session.get(), pictures.pixels.data(), 33,
                                   nullptr, scores.data(), nullptr),
                TL_STATUS_OK);
      EXPECT_EQ(scores, expected) << threads << " threads, batch " << batch;
    }
}

TEST(Session, ScoresOfASigmoidAreGivenForBothClasses) {
  OpenModel open(buildTestModel({.sigmoid = true}));
  ASSERT_EQ(open.status, TL_STATUS_OK) << open.error.message;
  Session session = newSession(open.model);
  TestPictures pictures = makePictures(4, 2);
  std::vector<float> logits(4), scores(8);
  ASSERT_EQ(tl_session_predict(session.get(), pictures.pixels.data(), 4,
                               logits.data(), scores.data(), nullptr),
            TL_STATUS_OK);
  for (int i = 0; i < 4; ++i) {
    EXPECT_NEAR(scores[2 * i + 1], 1 / (1 + std::exp(-logits[i])), 1e-6);
    EXPECT_EQ(scores[2 * i], 1 - scores[2 * i + 1]);
  }
}

// Bytes are normalised as the schema writes it, in the network's BGR order.
TEST(Session, BytesAreNormalised) {
  OpenModel open(buildTestModel());
  std::vector<uint8_t> rgb(kPixels, 0);
  rgb[0] = 10, rgb[1] = 20, rgb[2] = 255;
  std::vector<float> pixels(kPixels);
  tl_model_preprocess(open.model, rgb.data(), 1, pixels.data());
  float scale = 1.0f / 255;
  EXPECT_EQ(pixels[0], (255 * scale - 0.5f) / 0.5f);
  EXPECT_EQ(pixels[1], (20 * scale - 0.25f) / 1);
  EXPECT_EQ(pixels[2], (10 * scale - 0.125f) / 2);
  Session session = newSession(open.model);
  std::vector<float> fromBytes(3), fromPixels(3);
  tl_session_predict_rgb(session.get(), rgb.data(), 1, nullptr,
                         fromBytes.data(), nullptr);
  tl_session_predict(session.get(), pixels.data(), 1, nullptr,
                     fromPixels.data(), nullptr);
  EXPECT_EQ(fromBytes, fromPixels);
}

TEST(Session, AnUnknownValueListsTheKnownOnes) {
  OpenModel open(buildTestModel());
  Session session = newSession(open.model);
  TestPictures pictures = makePictures(1, 3);
  float value;
  tl_error error;
  EXPECT_EQ(tl_session_read(session.get(), "conv7", pictures.pixels.data(), 1,
                            &value, &error),
            TL_STATUS_NOT_FOUND);
  EXPECT_STREQ(error.message,
               "no value \"conv7\" is kept in the file; there are: features, "
               "frontier, logits, scores (compile with --keep conv7 to keep "
               "it)");
}

// Every entry can be timed, with fewer and with more pictures than run at once,
// and timing a training step changes nothing.
TEST(Session, BenchRunsEveryEntryAndChangesNothing) {
  OpenModel open(buildTestModel());
  Session session = newSession(open.model);
  TestPictures pictures = makePictures(5, 3);
  std::vector<float> before = read(session.get(), "logits", pictures.pixels, 3);
  for (uint32_t i = 0; tl_model_entry(open.model, i); ++i) {
    double seconds[3] = {-1, -1, -1};
    tl_error error;
    for (uint32_t n : {4, 70})
      ASSERT_EQ(tl_session_bench(session.get(), i, n, 3, seconds, &error),
                TL_STATUS_OK)
          << error.message;
    for (double s : seconds)
      EXPECT_GE(s, 0);
  }
  EXPECT_EQ(read(session.get(), "logits", pictures.pixels, 3), before);
}

TEST(Session, ABatchBeyondTheMemoryLimitIsRefused) {
  tl_model_options options{};
  options.size = sizeof options;
  options.memory_limit = 8192;
  OpenModel open(buildTestModel(), &options);
  ASSERT_EQ(open.status, TL_STATUS_OK) << open.error.message;
  Session session = newSession(open.model);
  TestPictures pictures = makePictures(32, 3);
  std::vector<float> scores(96);
  tl_error error;
  EXPECT_EQ(tl_session_predict(session.get(), pictures.pixels.data(), 32,
                               nullptr, scores.data(), &error),
            TL_STATUS_OUT_OF_MEMORY);
  EXPECT_NE(std::string(error.message).find("make the batch smaller"),
            std::string::npos);
}

// Large activations make the default batch small, threads make it larger, and
// it is never above 32.
TEST(Session, TheDefaultBatchBoundsTheArena) {
  TestModelOptions options;
  options.change = [](schema::ModelT &model) {
    for (auto &entry : model.entries)
      if (entry->kind == schema::EntryKind::extract)
        entry->arena_per_picture = 3 << 20; // 16 MiB hold 5
  };
  OpenModel small(buildTestModel()), large(buildTestModel(options));
  ASSERT_EQ(large.status, TL_STATUS_OK) << large.error.message;
  EXPECT_EQ(tl_model_default_batch(small.model, 1), 32u);
  EXPECT_EQ(tl_model_default_batch(large.model, 1), 5u);
  EXPECT_EQ(tl_model_default_batch(large.model, 8), 16u);
  EXPECT_EQ(tl_model_default_batch(large.model, 100), 32u);
}

} // namespace
