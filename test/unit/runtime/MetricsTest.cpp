// Metrics, class weights and mixup's draws against scikit-learn's numbers,
// cases worked by hand, and the closed forms of the Beta distribution.
#include "runtime/core/Metrics.h"
#include "LoopGoldens.inc"
#include "runtime/core/ClassWeights.h"
#include "runtime/core/Mixup.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

using namespace tl;

namespace {

// 60 scores with many ties; double arithmetic on whole ranks is exact.
TEST(Metrics, AreaUnderCurveIsScikitLearns) {
  std::vector<float> scores(kAucScores.begin(), kAucScores.end());
  EXPECT_NEAR(areaUnderCurve(scores, kAucLabels), kAuc, 1e-15);
}

// All equal is a half; one label alone, or a score that is no number, is
// nothing.
TEST(Metrics, AreaUnderCurveAtItsEdges) {
  EXPECT_EQ(areaUnderCurve({0.5f, 0.5f, 0.5f}, {0, 1, 0}), 0.5);
  EXPECT_EQ(areaUnderCurve({0.1f, 0.9f}, {0, 1}), 1);
  EXPECT_EQ(areaUnderCurve({0.1f, 0.9f}, {1, 0}), 0);
  EXPECT_TRUE(std::isnan(areaUnderCurve({0.1f, 0.9f}, {1, 1})));
  EXPECT_TRUE(std::isnan(areaUnderCurve({}, {})));
  float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_TRUE(std::isnan(areaUnderCurve({nan, 0.9f}, {0, 1})));
}

// Equal scores: the lower label comes first, as in the accuracy.
TEST(Metrics, TopK) {
  const float scores[] = {0.1f, 0.4f, 0.1f, 0.4f};
  for (uint32_t k = 1; k <= 4; ++k) {
    const int32_t order[] = {1, 3, 0, 2};
    for (uint32_t place = 0; place < 4; ++place)
      EXPECT_EQ(isAmongTop(scores, 4, order[place], k), place < k);
  }
}

// 5 of 8, 2, 1 pictures of three classes; and weights of torch's convention
// have mean 1 in each batch.
TEST(ClassWeights, BalancedAndTorch) {
  const int32_t labels[] = {0, 0, 1, 2, 0, 0, 1, 0};
  tl_model_info info{};
  info.classes = 3;
  EXPECT_TRUE(classWeights(info, labels, 8).empty());
  info.class_weights = TL_CLASS_WEIGHTS_BALANCED;
  std::vector<float> weights = classWeights(info, labels, 8);
  EXPECT_EQ(weights, (std::vector<float>{float(8 / 15.0), float(8 / 6.0),
                                         float(8 / 3.0)}));
  float batch[3];
  weighBatch(info, {1, 2, 6}, labels + 1, nullptr, nullptr, 3, batch);
  EXPECT_EQ(std::vector<float>(batch, batch + 3),
            (std::vector<float>{1, 2, 6}));
  info.convention = TL_CONVENTION_TORCH;
  weighBatch(info, {1, 2, 6}, labels + 1, nullptr, nullptr, 3, batch);
  EXPECT_EQ(std::vector<float>(batch, batch + 3),
            (std::vector<float>{float(1 / 3.0), float(2 / 3.0), 2}));
}

// A mixed picture counts for both of its classes.
TEST(ClassWeights, OfMixedPictures) {
  const int32_t labels[] = {0, 1}, others[] = {1, 1};
  const float mix[] = {0.25f, 0.25f};
  tl_model_info info{};
  info.classes = 2;
  float batch[2];
  weighBatch(info, {1, 3}, labels, others, mix, 2, batch);
  EXPECT_EQ(batch[0], 2.5f);
  EXPECT_EQ(batch[1], 3);
}

// Beta(a, a) has mean 1/2 and variance 1 / (4 (2 a + 1)). Of 4000 draws the
// mean is within 5 standard errors of it; the variance's standard error is at
// most that of the two-point distribution.
TEST(Mixup, SharesAreBeta) {
  for (float alpha : {0.2f, 1.0f, 4.0f}) {
    const int count = 4000;
    double sum = 0, squares = 0;
    for (int i = 0; i < count; ++i) {
      float share =
          drawMixupShare({9, 1, uint32_t(i / 100), uint32_t(i % 100)}, alpha);
      ASSERT_TRUE(share >= 0 && share <= 1) << share;
      sum += share;
      squares += (share - 0.5) * (share - 0.5);
    }
    double variance = 1 / (4 * (2 * double(alpha) + 1));
    EXPECT_NEAR(sum / count, 0.5, 5 * std::sqrt(variance / count)) << alpha;
    EXPECT_NEAR(squares / count, variance, 5 * 0.125 / std::sqrt(count))
        << alpha;
  }
}

// Extreme shapes give numbers, too: nearly 0 or 1, nearly a half.
TEST(Mixup, ExtremeShapes) {
  for (uint32_t i = 0; i < 50; ++i) {
    float rough = drawMixupShare({1, 0, 0, i}, 1e-3f);
    EXPECT_TRUE(rough >= 0 && rough <= 1) << rough;
    EXPECT_NEAR(drawMixupShare({1, 0, 0, i}, 1e6f), 0.5f, 0.005f);
  }
}

// Partners are a permutation, another one in each batch, and the same again
// from the same place.
TEST(Mixup, PartnersAreAPermutation) {
  std::vector<uint32_t> first(20), second(20), again(20);
  drawMixupPartners({3, 0, 0, 0}, 20, first.data());
  drawMixupPartners({3, 0, 0, 1}, 20, second.data());
  drawMixupPartners({3, 0, 0, 0}, 20, again.data());
  EXPECT_NE(first, second);
  EXPECT_EQ(first, again);
  std::sort(first.begin(), first.end());
  for (uint32_t i = 0; i < 20; ++i)
    EXPECT_EQ(first[i], i);
}

TEST(Mixup, MixesRows) {
  std::vector<float> rows = {1, 2, 10, 20}, room;
  const uint32_t partners[] = {1, 0};
  mixRows(0.75f, partners, 2, 2, rows, room);
  EXPECT_EQ(rows, (std::vector<float>{3.25f, 6.5f, 7.75f, 15.5f}));
}

} // namespace
