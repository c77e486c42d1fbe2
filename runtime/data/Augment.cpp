// See Augment.h. Compiled with -ffp-contract=off, as all of this library.
#include "runtime/data/Augment.h"

#include "runtime/schema/Circle.h"
#include "runtime/schema/Random.h"

#include <algorithm>
#include <cmath>

namespace tl::data {

bool AugmentOptions::changesPictures() const {
  return flipHorizontal != 0 || flipVertical != 0 || rotate != 0 ||
         shift != 0 || zoom != 0 || cropLeast != 1 || cropMost != 1 ||
         brightness != 0 || contrast != 0 || saturation != 0 || hue != 0;
}

ViewChange drawView(const AugmentOptions &o, uint64_t seed,
                    const Hash128 &picture, uint32_t view) {
  auto uniform = [&](uint32_t draw) {
    schema::PhiloxBlock words = schema::philox4x32(
        {draw / 4, uint32_t(picture.low), view, schema::kRandomAugment},
        uint32_t(seed), uint32_t(seed >> 32));
    return schema::uniformFloat(words[draw % 4]);
  };
  // In [-most, most).
  auto eitherWay = [&](uint32_t draw, float most) {
    return most * (2 * uniform(draw) - 1);
  };
  ViewChange change;
  change.flipHorizontal = uniform(0) < o.flipHorizontal;
  change.flipVertical = uniform(1) < o.flipVertical;
  double turns = double(eitherWay(2, o.rotate)) / 360;
  change.turn = uint32_t(int64_t(turns * 4294967296.0));
  change.shiftX = eitherWay(3, o.shift);
  change.shiftY = eitherWay(4, o.shift);
  change.zoom = 1 + eitherWay(5, o.zoom);
  float area = o.cropLeast + uniform(6) * (o.cropMost - o.cropLeast);
  change.cropSide = std::sqrt(area); // IEEE 754 fixes its last bit, too.
  change.cropX = uniform(7);
  change.cropY = uniform(8);
  change.brightness = 1 + eitherWay(9, o.brightness);
  change.contrast = 1 + eitherWay(10, o.contrast);
  change.saturation = 1 + eitherWay(11, o.saturation);
  change.hue = eitherWay(12, o.hue);
  return change;
}

namespace {

// ---------------------------------------------------------------- geometry

// From a place in the view to the place in the picture that shows there, both
// from the middle, in pixels: x' = xx x + xy y + x0, and so on.
struct AffineMap {
  double xx, xy, x0, yx, yy, y0;
};

// The view comes about by cropping, zooming, shifting, turning, flipping; so
// the map undoes the flip first and the crop last.
AffineMap inverseMap(const ViewChange &change, double width, double height) {
  schema::CirclePoint point = schema::unitCircle(change.turn);
  double flipX = change.flipHorizontal ? -1 : 1;
  double flipY = change.flipVertical ? -1 : 1;
  double scale = double(change.zoom) * double(change.cropSide);
  double shiftX = double(change.shiftX) * width;
  double shiftY = double(change.shiftY) * height;
  double room = (1 - double(change.cropSide)) / 2;
  double cropX = (2 * double(change.cropX) - 1) * room * width;
  double cropY = (2 * double(change.cropY) - 1) * room * height;
  return {scale * point.cosine * flipX, scale * point.sine * flipY,
          cropX - scale * shiftX,       -(scale * point.sine * flipX),
          scale * point.cosine * flipY, cropY - scale * shiftY};
}

// Two neighbours on an axis of `count` pixels around a place that is measured
// between pixel centres, and the share of the second.
struct Neighbours {
  size_t first, second;
  float share;
};

Neighbours neighboursOf(double place, uint32_t count) {
  double last = double(count - 1);
  double inside = std::clamp(place, 0.0, last);
  auto first = size_t(inside);
  return {first, std::min(first + 1, size_t(count - 1)),
          float(inside - double(first))};
}

float mix(float a, float b, float share) { return a + (b - a) * share; }

Image resample(const Image &from, const AffineMap &map) {
  size_t channels = from.channels;
  Image out(from.width, from.height, from.channels);
  double middleX = from.width / 2.0, middleY = from.height / 2.0;
  uint8_t *to = out.values.data();
  for (uint32_t row = 0; row < from.height; ++row)
    for (uint32_t column = 0; column < from.width; ++column, to += channels) {
      double x = column + 0.5 - middleX, y = row + 0.5 - middleY;
      Neighbours across = neighboursOf(
          map.xx * x + map.xy * y + map.x0 + middleX - 0.5, from.width);
      Neighbours down = neighboursOf(
          map.yx * x + map.yy * y + map.y0 + middleY - 0.5, from.height);
      const uint8_t *upper = from.row(down.first);
      const uint8_t *lower = from.row(down.second);
      for (size_t c = 0; c < channels; ++c) {
        float above = mix(upper[across.first * channels + c],
                          upper[across.second * channels + c], across.share);
        float below = mix(lower[across.first * channels + c],
                          lower[across.second * channels + c], across.share);
        to[c] = uint8_t(mix(above, below, down.share) + 0.5f);
      }
    }
  return out;
}

bool moves(const ViewChange &c) {
  return c.flipHorizontal || c.flipVertical || c.turn != 0 || c.shiftX != 0 ||
         c.shiftY != 0 || c.zoom != 1 || c.cropSide != 1;
}

// ------------------------------------------------------------------ colour

// torchvision's _blend: towards `other` as the ratio falls; truncated.
uint8_t blend(float value, float other, float ratio) {
  float mixed = ratio * value + (1.0f - ratio) * other;
  return uint8_t(std::clamp(mixed, 0.0f, 255.0f));
}

// torchvision's rgb_to_grayscale, truncated to a byte as there.
uint8_t greyOf(const uint8_t *rgb) {
  return uint8_t(0.2989f * rgb[0] + 0.587f * rgb[1] + 0.114f * rgb[2]);
}

void adjustBrightness(Image &image, float factor) {
  for (uint8_t &value : image.values)
    value = blend(value, 0, factor);
}

void adjustContrast(Image &image, float factor) {
  uint64_t sum = 0, step = image.channels;
  for (size_t i = 0; i < image.values.size(); i += step)
    sum += step == 1 ? image.values[i] : greyOf(&image.values[i]);
  auto mean = float(double(sum) / double(image.values.size() / step));
  for (uint8_t &value : image.values)
    value = blend(value, mean, factor);
}

void adjustSaturation(Image &image, float factor) {
  for (size_t i = 0; i < image.values.size(); i += 3) {
    uint8_t grey = greyOf(&image.values[i]);
    for (size_t c = 0; c < 3; ++c)
      image.values[i + c] = blend(image.values[i + c], grey, factor);
  }
}

// The hue of colours in [0, 1], in [0, 1); torchvision's _rgb2hsv.
float hueOf(float r, float g, float b, float most, float range) {
  if (range == 0)
    return 0;
  float fromRed = (most - r) / range, fromGreen = (most - g) / range;
  float fromBlue = (most - b) / range;
  float sixths = most == r   ? fromBlue - fromGreen
                 : most == g ? 2.0f + fromRed - fromBlue
                             : 4.0f + fromGreen - fromRed;
  float turns = sixths / 6.0f + 1.0f;
  return turns >= 1 ? turns - 1 : turns;
}

// One pixel; torchvision's adjust_hue, its conversions to float and back
// included.
void turnHue(uint8_t *rgb, float turn) {
  float r = rgb[0] / 255.0f, g = rgb[1] / 255.0f, b = rgb[2] / 255.0f;
  float most = std::max({r, g, b}), range = most - std::min({r, g, b});
  float hue = hueOf(r, g, b, most, range) + turn;
  hue -= std::floor(hue);
  float saturation = range == 0 ? 0 : range / most;
  float sixth = std::floor(hue * 6.0f);
  float rest = hue * 6.0f - sixth;
  auto unit = [](float value) { return std::clamp(value, 0.0f, 1.0f); };
  float low = unit(most * (1.0f - saturation));
  float falling = unit(most * (1.0f - saturation * rest));
  float rising = unit(most * (1.0f - saturation * (1.0f - rest)));
  // Red, green and blue of each sixth of the circle.
  const float colours[6][3] = {{most, rising, low}, {falling, most, low},
                               {low, most, rising}, {low, falling, most},
                               {rising, low, most}, {most, low, falling}};
  const float *colour = colours[int(sixth) % 6];
  for (size_t c = 0; c < 3; ++c)
    rgb[c] = uint8_t(colour[c] * 255.999f);
}

} // namespace

Image applyChange(const Image &picture, const ViewChange &change) {
  Image out = picture;
  if (moves(change))
    out = resample(picture, inverseMap(change, picture.width, picture.height));
  if (change.brightness != 1)
    adjustBrightness(out, change.brightness);
  if (change.contrast != 1)
    adjustContrast(out, change.contrast);
  if (out.channels == 1)
    return out;
  if (change.saturation != 1)
    adjustSaturation(out, change.saturation);
  if (change.hue != 0)
    for (size_t i = 0; i < out.values.size(); i += 3)
      turnHue(&out.values[i], change.hue);
  return out;
}

} // namespace tl::data
