// Resampled grids against the functions of the frameworks: timm 1.0.31's
// resample_abs_pos_embed and torchvision's interpolate_embeddings, on one token
// without a place and a grid of two channels, values (37 i mod 19) / 8.
#include "frontends/weights/Resample.h"

#include <gtest/gtest.h>

using namespace tl::weights;

namespace {

struct Case {
  Bicubic how;
  int64_t tokens;
  Grid from, to;
  std::vector<float> expected;
};

const Case kCases[] = {
    {Bicubic::Antialias,
     10,
     {3, 3},
     {4, 5},
     {0.0f,        2.25f,       2.183047f,  2.058047f,  2.087687f,
      1.962687f,   1.914179f,   1.789179f,  1.740672f,  1.615672f,
      1.645311f,   1.520311f,   1.726422f,  1.601422f,  1.631061f,
      1.506061f,   1.457554f,   1.332554f,  1.284046f,  1.159046f,
      1.188686f,   1.063686f,   1.061314f,  0.9363142f, 0.9659537f,
      0.8409538f,  0.7924462f,  0.6674462f, 0.6189387f, 0.4939387f,
      0.5235783f,  0.3985783f,  0.6046888f, 0.4796888f, 0.5093284f,
      0.3843283f,  0.3358209f,  0.2108209f, 0.1623134f, 0.03731342f,
      0.06695297f, -0.05804702f}},
    {Bicubic::Antialias,
     17,
     {4, 4},
     {2, 3},
     {0.0f, 2.25f, 1.472751f, 1.347752f, 1.369522f, 1.244523f, 1.031987f,
      0.906987f, 1.022877f, 0.8978774f, 1.553842f, 1.428843f, 1.187979f,
      1.062979f}},
    {Bicubic::AlignCorners,
     10,
     {3, 3},
     {4, 4},
     {0.0f,       2.25f,      2.125f,    2.0f,       1.981482f,  1.856482f,
      1.768518f,  1.643518f,  1.625f,    1.5f,       1.694445f,  1.569445f,
      1.550927f,  1.425927f,  1.337963f, 1.212963f,  1.194445f,  1.069445f,
      1.055555f,  0.9305552f, 0.912037f, 0.7870369f, 0.6990737f, 0.5740737f,
      0.5555554f, 0.4305555f, 0.625f,    0.5f,       0.4814816f, 0.3564816f,
      0.2685184f, 0.1435185f, 0.125f,    0.0f}},
    {Bicubic::AlignCorners,
     17,
     {4, 4},
     {2, 2},
     {0.0f, 2.25f, 2.125f, 2.0f, 1.375f, 1.25f, 1.5f, 1.375f, 0.75f, 0.625f}},
};

// Values up to 2.25; torch computes in float, and prints seven digits.
TEST(Resample, AsTheFrameworks) {
  for (const Case &c : kCases) {
    SCOPED_TRACE(c.tokens);
    std::vector<float> stored;
    for (int64_t i = 0; i < 2 * c.tokens; ++i)
      stored.push_back(float(i * 37 % 19) / 8);
    std::vector<float> found = resample(stored, 1, c.from, c.to, 2, c.how);
    ASSERT_EQ(found.size(), c.expected.size());
    for (size_t i = 0; i < found.size(); ++i)
      EXPECT_NEAR(found[i], c.expected[i], 2e-6) << i;
  }
}

} // namespace
