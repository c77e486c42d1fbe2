// See Preprocess.h. The whole is written once for bytes and floats.
#include "runtime/data/Preprocess.h"

#include "runtime/data/Resize.h"

#include <algorithm>
#include <cmath>
#include <new>
#include <optional>
#include <type_traits>

namespace tl::data {
namespace {

// A picture so narrow that its short side at the asked size makes the long one
// absurd: 1 x 60000 at 256 would be 15 million pixels wide.
constexpr uint64_t kMaxResizedPixels = uint64_t(1) << 27;

struct Size {
  uint32_t width, height;
};

// torchvision.transforms.functional._compute_resized_output_size.
Result<Size> shortSideTo(Size from, uint32_t target) {
  uint32_t shortSide = std::min(from.width, from.height);
  uint32_t longSide = std::max(from.width, from.height);
  double resized = double(uint64_t(target) * longSide) / shortSide;
  if (resized * target > double(kMaxResizedPixels))
    return Error{"the picture is too narrow to resize its short side to " +
                 std::to_string(target) + ": " + std::to_string(from.width) +
                 " x " + std::to_string(from.height)};
  uint32_t other = uint32_t(resized);
  return from.width <= from.height ? Size{target, other} : Size{other, target};
}

// torchvision's center_crop: zeros where the picture is too small; the offset
// rounds half to even, as Python's round does.
template <typename T>
Raster<T> centreCrop(const Raster<T> &image, uint32_t width, uint32_t height) {
  struct Axis {
    uint32_t from, to, count;
  };
  auto plan = [](uint32_t have, uint32_t want) -> Axis {
    if (have < want)
      return {0, (want - have) / 2, have};
    return {uint32_t(std::nearbyint((have - want) / 2.0)), 0, want};
  };
  Axis x = plan(image.width, width), y = plan(image.height, height);
  Raster<T> out(width, height, image.channels);
  for (uint32_t row = 0; row < y.count; ++row)
    std::copy_n(image.row(y.from + row) + size_t(x.from) * image.channels,
                size_t(x.count) * image.channels,
                out.row(y.to + row) + size_t(x.to) * image.channels);
  return out;
}

template <typename T>
Raster<T> resizeByPillow(const Raster<T> &image, Size size, ResizeRule rule) {
  Filter filter = rule == ResizeRule::nearest   ? Filter::nearest
                  : rule == ResizeRule::bicubic ? Filter::bicubic
                                                : Filter::bilinear;
  return resize(image, size.width, size.height, filter);
}

// Resize and crop where the rule keeps the type of the values.
template <typename T, typename ResizeFunction>
Result<Raster<T>> shape(const Raster<T> &image, const Preprocess &preprocess,
                        ResizeFunction resizeTo) {
  Size target{preprocess.width, preprocess.height};
  if (!preprocess.resizeTo)
    return resizeTo(image, target);
  Result<Size> size =
      shortSideTo({image.width, image.height}, preprocess.resizeTo);
  if (!size)
    return size.error();
  Raster<T> resized = resizeTo(image, *size);
  if (preprocess.crop)
    return centreCrop(resized, target.width, target.height);
  return resizeTo(resized, target);
}

FloatImage toFloat(const Image &image) {
  FloatImage out(image.width, image.height, image.channels);
  std::copy(image.values.begin(), image.values.end(), out.values.begin());
  return out;
}

// ITU-R 601 luma, rounded as Pillow's convert("L") does.
Image toGrey(const Image &image) {
  Image grey(image.width, image.height, 1);
  const uint8_t *rgb = image.values.data();
  for (uint8_t &value : grey.values) {
    value = uint8_t(
        (rgb[0] * 19595u + rgb[1] * 38470u + rgb[2] * 7471u + 0x8000u) >> 16);
    rgb += 3;
  }
  return grey;
}

Image toThreeChannels(const Image &grey) {
  Image rgb(grey.width, grey.height, 3);
  for (size_t i = 0; i < grey.values.size(); ++i)
    std::fill_n(rgb.values.data() + i * 3, 3, grey.values[i]);
  return rgb;
}

Result<FloatImage> shapeFloat(const FloatImage &picture,
                              const Preprocess &preprocess) {
  auto resizeFloat = [&](const FloatImage &image, Size size) {
    if (preprocess.resize == ResizeRule::tfBilinear)
      return resizeTfBilinear(image, size.width, size.height);
    return resizeByPillow(image, size, preprocess.resize);
  };
  return shape(picture, preprocess, resizeFloat);
}

} // namespace

Result<Prepared> prepare(const Image &picture, const Preprocess &preprocess) {
  try {
    std::optional<Image> grey;
    if (preprocess.channels == 1 && picture.channels == 3)
      grey = toGrey(picture);
    const Image &source = grey ? *grey : picture;
    if (preprocess.resize == ResizeRule::tfBilinear && !preprocess.resizeTo)
      return Prepared(
          resizeTfBilinear(source, preprocess.width, preprocess.height));
    if (preprocess.resize == ResizeRule::tfBilinear) {
      Result<FloatImage> shaped = shapeFloat(toFloat(source), preprocess);
      if (!shaped)
        return shaped.error();
      return Prepared(std::move(*shaped));
    }
    auto resizeBytes = [&](const Image &image, Size size) {
      return resizeByPillow(image, size, preprocess.resize);
    };
    Result<Image> shaped = shape(source, preprocess, resizeBytes);
    if (!shaped)
      return shaped.error();
    if (shaped->channels == 1)
      return Prepared(toThreeChannels(*shaped));
    return Prepared(std::move(*shaped));
  } catch (const std::bad_alloc &) {
    return Error{"not enough memory to resize the picture"};
  }
}

Result<FloatImage> prepare(const FloatImage &picture,
                           const Preprocess &preprocess) {
  if (picture.channels != preprocess.channels)
    return Error{"the picture has " + std::to_string(picture.channels) +
                 " channels, the network reads " +
                 std::to_string(preprocess.channels)};
  try {
    return shapeFloat(picture, preprocess);
  } catch (const std::bad_alloc &) {
    return Error{"not enough memory to resize the picture"};
  }
}

void normalise(const FloatImage &prepared, const Preprocess &preprocess,
               float *out) {
  uint32_t channels = prepared.channels;
  const float *in = prepared.values.data();
  for (size_t i = 0; i < prepared.values.size(); i += channels)
    for (uint32_t c = 0; c < channels; ++c) {
      float value = in[i + (preprocess.bgr ? channels - 1 - c : c)];
      out[i + c] =
          (value * preprocess.scale - preprocess.mean[c]) / preprocess.std[c];
    }
}

} // namespace tl::data
