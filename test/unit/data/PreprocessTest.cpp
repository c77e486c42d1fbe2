// The geometry of preprocessing: torchvision's rules, grey, and the formula.
#include "runtime/data/Preprocess.h"

#include "runtime/data/Resize.h"
#include "test/unit/data/SyntheticPicture.h"

#include <gtest/gtest.h>

namespace tl::data {
namespace {

Preprocess makePreprocess(uint32_t width, uint32_t height) {
  Preprocess preprocess;
  preprocess.width = width;
  preprocess.height = height;
  preprocess.mean = {0, 0, 0};
  preprocess.std = {1, 1, 1};
  return preprocess;
}

Image bytesOf(Result<Prepared> prepared) {
  EXPECT_TRUE(prepared);
  return std::get<Image>(*prepared);
}

// Resize(256) and CenterCrop(224) of a 500 x 375 picture: 341 x 256 (the
// fraction dropped), cut from column 58 (58.5 rounded to even) and row 16.
TEST(Preprocess, ResizesShortSideThenCrops) {
  Preprocess preprocess = makePreprocess(224, 224);
  preprocess.resizeTo = 256;
  preprocess.crop = true;
  Image picture = makeSyntheticPicture(500, 375, 3);
  Image cropped = bytesOf(prepare(picture, preprocess));
  ASSERT_EQ(cropped.width, 224u);
  ASSERT_EQ(cropped.height, 224u);
  Image resized = resize(picture, 341, 256, Filter::bilinear);
  for (uint32_t y = 0; y < 224; ++y)
    ASSERT_TRUE(std::equal(cropped.row(y), cropped.row(y) + 224 * 3,
                           resized.row(y + 16) + 58 * 3))
        << y;
}

// A crop larger than the picture is framed with zeros, as torchvision does.
TEST(Preprocess, PadsWhatIsTooSmallToCrop) {
  Preprocess preprocess = makePreprocess(5, 4);
  preprocess.resizeTo = 2;
  preprocess.crop = true;
  Image picture(2, 2, 3);
  std::fill(picture.values.begin(), picture.values.end(), 9);
  Image cropped = bytesOf(prepare(picture, preprocess));
  for (uint32_t y = 0; y < 4; ++y)
    for (uint32_t x = 0; x < 5; ++x)
      EXPECT_EQ(cropped.row(y)[x * 3],
                (y == 1 || y == 2) && (x == 1 || x == 2) ? 9 : 0)
          << x << " " << y;
}

// One pixel wide and very long: an error, not an allocation of gigabytes.
TEST(Preprocess, RefusesAbsurdShapes) {
  Preprocess preprocess = makePreprocess(224, 224);
  preprocess.resizeTo = 4096;
  preprocess.crop = true;
  Result<Prepared> prepared = prepare(Image(1, 60000, 3), preprocess);
  ASSERT_FALSE(prepared);
  EXPECT_EQ(prepared.message(), "the picture is too narrow to resize its short "
                                "side to 4096: 1 x 60000");
}

// Grey networks get Pillow's luma: white stays white, green weighs most.
TEST(Preprocess, ConvertsToGrey) {
  Preprocess preprocess = makePreprocess(3, 1);
  preprocess.channels = 1;
  Image picture(3, 1, 3);
  picture.values = {255, 255, 255, 0, 255, 0, 10, 20, 30};
  Image grey = bytesOf(prepare(picture, preprocess));
  EXPECT_EQ(grey.values,
            (std::vector<uint8_t>{255, 255, 255, 150, 150, 150, 18, 18, 18}));
}

// tf_bilinear keeps fractions also for bytes.
TEST(Preprocess, TfBilinearStaysFloat) {
  Preprocess preprocess = makePreprocess(2, 1);
  preprocess.resize = ResizeRule::tfBilinear;
  Image picture(3, 1, 3);
  picture.values = {0, 0, 0, 1, 1, 1, 2, 2, 2};
  Result<Prepared> prepared = prepare(picture, preprocess);
  ASSERT_TRUE(prepared);
  EXPECT_EQ(std::get<FloatImage>(*prepared).values,
            (std::vector<float>{0.25f, 0.25f, 0.25f, 1.75f, 1.75f, 1.75f}));
}

// (pixel * scale - mean[c]) / std[c], with c and the pixel in network order.
TEST(Preprocess, Normalises) {
  Preprocess preprocess = makePreprocess(1, 1);
  preprocess.bgr = true;
  preprocess.scale = 0.5f;
  preprocess.mean = {1, 2, 3};
  preprocess.std = {2, 4, 8};
  FloatImage picture(1, 1, 3);
  picture.values = {10, 20, 30};
  float out[3];
  normalise(picture, preprocess, out);
  EXPECT_EQ(out[0], (30 * 0.5f - 1) / 2);
  EXPECT_EQ(out[1], (20 * 0.5f - 2) / 4);
  EXPECT_EQ(out[2], (10 * 0.5f - 3) / 8);
}

} // namespace
} // namespace tl::data
