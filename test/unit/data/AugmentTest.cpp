// Views: each change against torchvision and Pillow, and what makes views
// cacheable: the same draw gives the same bytes, another one gives others.
#include "runtime/data/Augment.h"

#include "test/unit/data/SyntheticPicture.h"

#include <cmath>
#include <gtest/gtest.h>
#include <set>

namespace tl::data {
namespace {

struct ColourGolden {
  float ViewChange::*field;
  float factor;
  const char *bytes; // hexadecimal
};
struct GeometryGolden {
  bool flipX, flipY;
  double degrees;
  float shiftX, shiftY, zoom, cropSide, cropX, cropY;
  const char *bytes;
};
#include "test/unit/data/AugmentGoldens.inc"

constexpr uint32_t kWidth = 20, kHeight = 14;

std::vector<uint8_t> fromHex(std::string_view text) {
  std::vector<uint8_t> bytes;
  for (size_t i = 0; i < text.size(); i += 2)
    bytes.push_back(
        uint8_t(std::stoi(std::string(text.substr(i, 2)), nullptr, 16)));
  return bytes;
}

int largestDifference(const Image &image, const char *golden) {
  std::vector<uint8_t> expected = fromHex(golden);
  EXPECT_EQ(image.values.size(), expected.size());
  int largest = 0;
  for (size_t i = 0; i < expected.size(); ++i)
    largest =
        std::max(largest, std::abs(int(image.values[i]) - int(expected[i])));
  return largest;
}

// Within one of torchvision's bytes: the same formulas, but a contraction or
// another order of a sum may fall on the other side of the truncation.
TEST(Augment, ColoursEqualTorchvision) {
  Image picture = makeSyntheticPicture(kWidth, kHeight, 3);
  for (const ColourGolden &golden : kColours) {
    ViewChange change;
    change.*golden.field = golden.factor;
    Image out = applyChange(picture, change);
    EXPECT_LE(largestDifference(out, golden.bytes), 1) << golden.factor;
    EXPECT_NE(out.values, picture.values) << golden.factor;
  }
}

/// The first channel alone.
Image greyOf(const Image &picture) {
  Image grey(picture.width, picture.height, 1);
  for (size_t i = 0; i < grey.values.size(); ++i)
    grey.values[i] = picture.values[i * picture.channels];
  return grey;
}

// As above, of one channel: contrast is around the mean of the bytes as they
// are, where that of three channels rounds each to a luma first.
TEST(Augment, GreyEqualsTorchvision) {
  Image grey = greyOf(makeSyntheticPicture(kWidth, kHeight, 3));
  for (const ColourGolden &golden : kGreyColours) {
    ViewChange change;
    change.*golden.field = golden.factor;
    Image out = applyChange(grey, change);
    EXPECT_LE(largestDifference(out, golden.bytes), 1) << golden.factor;
    EXPECT_NE(out.values, grey.values) << golden.factor;
  }
}

// A grey picture has no saturation and no hue, and moves as each channel of a
// coloured one does.
TEST(Augment, GreyMovesAsAChannel) {
  Image picture = makeSyntheticPicture(kWidth, kHeight, 3);
  Image grey = greyOf(picture);
  ViewChange colour;
  colour.saturation = 0.2f;
  colour.hue = 0.3f;
  EXPECT_EQ(applyChange(grey, colour).values, grey.values);
  ViewChange turn;
  turn.turn = 1u << 29;
  turn.zoom = 0.8f;
  EXPECT_EQ(applyChange(grey, turn).values,
            greyOf(applyChange(picture, turn)).values);
}

// Within two of Pillow's bytes on a picture of noise, beyond the edges too:
// Pillow walks its source in steps and so rounds places differently.
TEST(Augment, GeometryEqualsPillow) {
  Image picture = makeSyntheticPicture(kWidth, kHeight, 3);
  for (const GeometryGolden &golden : kGeometry) {
    ViewChange change;
    change.flipHorizontal = golden.flipX;
    change.flipVertical = golden.flipY;
    change.turn = uint32_t(std::llround(golden.degrees / 360 * 4294967296.0));
    change.shiftX = golden.shiftX;
    change.shiftY = golden.shiftY;
    change.zoom = golden.zoom;
    change.cropSide = golden.cropSide;
    change.cropX = golden.cropX;
    change.cropY = golden.cropY;
    EXPECT_LE(largestDifference(applyChange(picture, change), golden.bytes), 2)
        << golden.degrees << " " << golden.zoom << " " << golden.cropSide;
  }
}

// No change is no change, and a flip moves bytes without touching them: done
// twice it is undone, on odd and even sizes.
TEST(Augment, FlipIsExact) {
  for (uint32_t width : {1u, 7u, 20u}) {
    Image picture = makeSyntheticPicture(width, 13, 3);
    EXPECT_EQ(applyChange(picture, {}).values, picture.values);
    ViewChange horizontal, vertical;
    horizontal.flipHorizontal = true;
    vertical.flipVertical = true;
    for (const ViewChange &flip : {horizontal, vertical}) {
      Image once = applyChange(picture, flip);
      EXPECT_EQ(applyChange(once, flip).values, picture.values);
    }
    Image mirrored = applyChange(picture, horizontal);
    for (uint32_t x = 0; x < width; ++x)
      EXPECT_EQ(mirrored.row(5)[x * 3 + 1],
                picture.row(5)[(width - 1 - x) * 3 + 1]);
  }
}

AugmentOptions everything() {
  AugmentOptions options;
  options.flipHorizontal = options.flipVertical = 0.5f;
  options.rotate = 40;
  options.shift = options.zoom = 0.2f;
  options.cropLeast = 0.6f;
  options.brightness = options.contrast = options.saturation = 0.3f;
  options.hue = 0.1f;
  return options;
}

// A view depends on seed, picture and number, on nothing else: drawn again in
// another order it has the same bytes, and any other coordinate gives another.
TEST(Augment, ViewsArePureFunctions) {
  Image picture = makeSyntheticPicture(kWidth, kHeight, 3);
  auto view = [&](uint64_t seed, uint64_t hash, uint32_t number) {
    return applyChange(picture, drawView(everything(), seed, {hash, 0}, number))
        .values;
  };
  std::set<std::vector<uint8_t>> different;
  for (uint64_t seed : {1ull, 2ull, 1ull << 40})
    for (uint64_t hash : {5ull, 6ull})
      for (uint32_t number : {0u, 1u, 2u})
        different.insert(view(seed, hash, number));
  EXPECT_EQ(different.size(), 18u);
  EXPECT_EQ(view(1, 5, 0), view(1, 5, 0));
  EXPECT_TRUE(different.contains(view(1ull << 40, 6, 2)));
}

// The bytes of one view, so that no change of the code, the compiler or the
// machine moves them unnoticed: features of views are kept on disks.
TEST(Augment, BytesStayTheSame) {
  Image picture = makeSyntheticPicture(kWidth, kHeight, 3);
  Image view = applyChange(picture, drawView(everything(), 7, {11, 13}, 3));
  EXPECT_EQ(hash64(view.values), 11570172187128791522u)
      << "grow kAugmentVersion";
}

// Nothing asked for, nothing drawn.
TEST(Augment, OptionsAtRest) {
  ViewChange change = drawView({}, 1, {2, 3}, 4);
  Image picture = makeSyntheticPicture(kWidth, kHeight, 3);
  EXPECT_EQ(applyChange(picture, change).values, picture.values);
  EXPECT_FALSE(AugmentOptions().changesPictures());
  EXPECT_TRUE(everything().changesPictures());
}

// One option changes nothing of what another one draws.
TEST(Augment, OptionsDrawForThemselves) {
  AugmentOptions few = everything();
  few.rotate = few.hue = 0;
  ViewChange all = drawView(everything(), 1, {2, 3}, 4);
  ViewChange some = drawView(few, 1, {2, 3}, 4);
  EXPECT_NE(all.turn, some.turn);
  EXPECT_EQ(all.zoom, some.zoom);
  EXPECT_EQ(all.saturation, some.saturation);
}

// What is drawn is uniform over its range: means within five standard errors,
// and the ends of the range reached within a hundredth of it.
TEST(Augment, DrawsFillTheirRanges) {
  constexpr int kCount = 4000;
  struct Field {
    const char *name;
    double least, most;
    double (*read)(const ViewChange &);
  };
  const Field fields[] = {
      {"rotate", -40, 40,
       [](const ViewChange &c) {
         return double(int32_t(c.turn)) * 360 / 4294967296.0;
       }},
      {"shift x", -0.2, 0.2,
       [](const ViewChange &c) -> double { return c.shiftX; }},
      {"shift y", -0.2, 0.2,
       [](const ViewChange &c) -> double { return c.shiftY; }},
      {"zoom", 0.8, 1.2, [](const ViewChange &c) -> double { return c.zoom; }},
      {"crop area", 0.6, 1,
       [](const ViewChange &c) { return double(c.cropSide) * c.cropSide; }},
      {"crop x", 0, 1, [](const ViewChange &c) -> double { return c.cropX; }},
      {"crop y", 0, 1, [](const ViewChange &c) -> double { return c.cropY; }},
      {"brightness", 0.7, 1.3,
       [](const ViewChange &c) -> double { return c.brightness; }},
      {"contrast", 0.7, 1.3,
       [](const ViewChange &c) -> double { return c.contrast; }},
      {"saturation", 0.7, 1.3,
       [](const ViewChange &c) -> double { return c.saturation; }},
      {"hue", -0.1, 0.1, [](const ViewChange &c) -> double { return c.hue; }}};
  std::vector<ViewChange> changes;
  int flips = 0, both = 0;
  for (int i = 0; i < kCount; ++i) {
    Hash128 picture{uint64_t(i / 4) * 0x9E3779B97F4A7C15u, 0};
    changes.push_back(drawView(everything(), 3, picture, uint32_t(i % 4)));
    flips += changes.back().flipHorizontal;
    both += changes.back().flipHorizontal && changes.back().flipVertical;
  }
  EXPECT_NEAR(flips, kCount / 2, 5 * std::sqrt(kCount * 0.25));
  EXPECT_NEAR(both, kCount / 4, 5 * std::sqrt(kCount * 0.25 * 0.75));
  for (const Field &field : fields) {
    double sum = 0, range = field.most - field.least;
    double lowest = field.most, highest = field.least;
    for (const ViewChange &change : changes) {
      double value = field.read(change);
      sum += value;
      lowest = std::min(lowest, value);
      highest = std::max(highest, value);
    }
    // A uniform draw has a standard deviation of range / sqrt(12).
    EXPECT_NEAR(sum / kCount, (field.least + field.most) / 2,
                5 * range / std::sqrt(12.0 * kCount))
        << field.name;
    EXPECT_NEAR(lowest, field.least, range / 100) << field.name;
    EXPECT_NEAR(highest, field.most, range / 100) << field.name;
    EXPECT_GE(lowest, field.least - 1e-6) << field.name; // Rounding of floats.
    EXPECT_LE(highest, field.most + 1e-6) << field.name;
  }
}

} // namespace
} // namespace tl::data
