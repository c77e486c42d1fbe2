// Resizing against what Pillow and TensorFlow made of the same pictures.
#include "runtime/data/Resize.h"

#include "test/unit/data/Sha256.h"
#include "test/unit/data/SyntheticPicture.h"

#include <gtest/gtest.h>

namespace tl::data {
namespace {

struct ResizeGolden {
  uint32_t width, height, channels, toWidth, toHeight;
  Filter filter;
  const char *digest; // the first 16 digits of the SHA-256
};
struct TfGolden {
  uint32_t width, height, toWidth, toHeight;
  const char *digest;
};
#include "test/unit/data/ResizeGoldens.inc"

std::string describe(const auto &golden) {
  return std::to_string(golden.width) + "x" + std::to_string(golden.height) +
         " to " + std::to_string(golden.toWidth) + "x" +
         std::to_string(golden.toHeight);
}

// Every bit of Pillow's 8-bit results, colour and grey.
TEST(Resize, BytesEqualPillow) {
  for (const ResizeGolden &golden : kPillowBytes) {
    Image out = resize(
        makeSyntheticPicture(golden.width, golden.height, golden.channels),
        golden.toWidth, golden.toHeight, golden.filter);
    EXPECT_EQ(sha256Of(out.values).substr(0, 16), golden.digest)
        << describe(golden) << " filter " << int(golden.filter) << " channels "
        << golden.channels;
  }
}

// Every bit of Pillow's results in mode F.
TEST(Resize, FloatsEqualPillow) {
  for (const ResizeGolden &golden : kPillowFloats) {
    Image bytes = makeSyntheticPicture(golden.width, golden.height, 3);
    FloatImage source(golden.width, golden.height, 3);
    for (size_t i = 0; i < bytes.values.size(); ++i)
      source.values[i] = float(bytes.values[i]) * 0.37f;
    FloatImage out =
        resize(source, golden.toWidth, golden.toHeight, golden.filter);
    EXPECT_EQ(sha256Of(out.values).substr(0, 16), golden.digest)
        << describe(golden) << " filter " << int(golden.filter);
  }
}

// Every bit of tf.image.resize without antialiasing.
TEST(Resize, TfBilinearEqualsTensorFlow) {
  for (const TfGolden &golden : kTensorFlow) {
    FloatImage out =
        resizeTfBilinear(makeSyntheticPicture(golden.width, golden.height, 3),
                         golden.toWidth, golden.toHeight);
    EXPECT_EQ(sha256Of(out.values).substr(0, 16), golden.digest)
        << describe(golden);
  }
}

} // namespace
} // namespace tl::data
