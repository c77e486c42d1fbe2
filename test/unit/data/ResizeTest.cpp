// Resizing against what Pillow and TensorFlow made of the same pictures.
#include "runtime/data/Resize.h"

#include "runtime/data/ResizePasses.h"

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

// The goldens check the passes of this machine; here the baseline's bytes equal
// theirs, from rows shorter than a vector on, and with weights below zero.
TEST(Resize, EveryInstructionSetGivesTheSameBytes) {
  if (bestInstructions() == Instructions::baseline)
    GTEST_SKIP() << "this machine has the baseline alone";
  for (uint32_t from : {1u, 2u, 5u, 64u, 333u, 500u})
    for (uint32_t to : {1u, 3u, 64u, 150u, 701u})
      for (Filter filter : {Filter::bilinear, Filter::bicubic}) {
        AxisWeights axis = computeAxisWeights(from, to, filter);
        Image rows = makeSyntheticPicture(from, 2, 3);
        Image columns = makeSyntheticPicture(301, from, 1);
        std::vector<uint8_t> made[2];
        for (Instructions set : {Instructions::baseline, Instructions::avx2}) {
          std::vector<uint8_t> &out = made[int(set)];
          out.resize(size_t(to) * 3 * 2 + size_t(to) * 301);
          HorizontalPass across(axis, from, 3, set);
          for (uint32_t y = 0; y < 2; ++y)
            across.run(rows.row(y), rows.values.size() - y * rows.rowValues(),
                       out.data() + size_t(y) * to * 3);
          VerticalPass down(axis, set);
          for (uint32_t y = 0; y < to; ++y)
            down.run(y, columns.row(axis.spans[y].first), 301, 301,
                     out.data() + size_t(to) * 6 + size_t(y) * 301);
        }
        EXPECT_EQ(made[0], made[1]) << from << " to " << to;
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
