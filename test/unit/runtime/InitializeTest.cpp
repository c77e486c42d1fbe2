// Draws: determinism, distributions, and the order of pictures.
#include "runtime/core/Initialize.h"
#include "runtime/schema/Random.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

using namespace tl;

namespace {

std::vector<float> draw(schema::InitKind kind, float scale, int64_t count,
                        uint64_t seed = 3) {
  flatbuffers::FlatBufferBuilder builder;
  builder.Finish(schema::CreateInit(builder, kind, scale, 5));
  std::vector<float> values(static_cast<size_t>(count));
  drawCanonical(*flatbuffers::GetRoot<schema::Init>(builder.GetBufferPointer()),
                seed, count, values.data());
  return values;
}

struct Moments {
  double mean = 0, deviation = 0, largest = 0;
};
Moments moments(const std::vector<float> &values) {
  Moments m;
  for (float v : values) {
    m.mean += v;
    m.largest = std::max(m.largest, double(std::fabs(v)));
  }
  m.mean /= double(values.size());
  for (float v : values)
    m.deviation += (v - m.mean) * (v - m.mean);
  m.deviation = std::sqrt(m.deviation / double(values.size()));
  return m;
}

// Known answer of Philox4x32-10 from the paper's own test vectors.
TEST(Random, PhiloxGivesItsKnownAnswer) {
  schema::PhiloxBlock ones = schema::philox4x32({~0u, ~0u, ~0u, ~0u}, ~0u, ~0u);
  EXPECT_EQ(ones, (schema::PhiloxBlock{0x408f276d, 0x41c83b0e, 0xa20bc7c6,
                                       0x6d5451fd}));
}

// The libm here is the oracle for our logarithm, sine and cosine.
TEST(Initialize, NormalsAreBoxMullerOfTheWords) {
  std::vector<float> values = draw(schema::InitKind::normal, 2, 4000);
  for (uint32_t i = 0; i < 4000; i += 2) {
    auto words = schema::philox4x32({i / 4, 5, 0, schema::kRandomInit}, 3, 0);
    double radius =
        std::sqrt(-2 * std::log((words[i % 4] + 1.0) / 4294967296.0));
    double angle = 2 * M_PI * words[i % 4 + 1] / 4294967296.0;
    EXPECT_FLOAT_EQ(values[i], float(2 * radius * std::cos(angle)));
    EXPECT_NEAR(values[i + 1], 2 * radius * std::sin(angle), 1e-6);
  }
}

// 100,000 draws: three standard errors of mean and deviation.
TEST(Initialize, DistributionsHaveTheirMoments) {
  Moments uniform = moments(draw(schema::InitKind::uniform, 0.5f, 100000));
  EXPECT_NEAR(uniform.mean, 0, 0.003);
  EXPECT_NEAR(uniform.deviation, 0.5 / std::sqrt(3.0), 0.002);
  EXPECT_LE(uniform.largest, 0.5);
  Moments normal = moments(draw(schema::InitKind::normal, 1, 100000));
  EXPECT_NEAR(normal.mean, 0, 0.01);
  EXPECT_NEAR(normal.deviation, 1, 0.007);
  Moments cut = moments(draw(schema::InitKind::truncated_normal, 1, 100000));
  EXPECT_NEAR(cut.mean, 0, 0.01);
  EXPECT_NEAR(cut.deviation, 0.87962566, 0.006);
  EXPECT_LE(cut.largest, 2);
}

// The first n draws do not depend on how many follow, the seed changes them.
TEST(Initialize, DrawsAreFunctionsOfTheirPlace) {
  for (auto kind : {schema::InitKind::uniform, schema::InitKind::normal,
                    schema::InitKind::truncated_normal}) {
    std::vector<float> few = draw(kind, 1, 7), many = draw(kind, 1, 100);
    many.resize(7);
    EXPECT_EQ(few, many);
    EXPECT_NE(few, draw(kind, 1, 7, 4));
  }
}

TEST(Order, IsAPermutationThatEpochAndPhaseChange) {
  std::vector<uint32_t> a(1000), b(1000), c(1000);
  drawOrder(9, 0, 1, 1000, a.data());
  drawOrder(9, 0, 2, 1000, b.data());
  drawOrder(9, 1, 1, 1000, c.data());
  EXPECT_NE(a, b);
  EXPECT_NE(a, c);
  std::sort(a.begin(), a.end());
  for (uint32_t i = 0; i < 1000; ++i)
    ASSERT_EQ(a[i], i);
}

// Each of the six orders of three pictures comes up equally often: 6,000
// draws, five standard deviations of a count of 1,000.
TEST(Order, IsUnbiased) {
  std::map<std::vector<uint32_t>, int> counts;
  for (uint32_t epoch = 0; epoch < 6000; ++epoch) {
    std::vector<uint32_t> order(3);
    drawOrder(1, 0, epoch, 3, order.data());
    ++counts[order];
  }
  ASSERT_EQ(counts.size(), 6u);
  for (const auto &[order, count] : counts)
    EXPECT_NEAR(count, 1000, 150);
}

} // namespace
