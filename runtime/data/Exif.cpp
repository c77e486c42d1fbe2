// See Exif.h. The layout read here is TIFF 6.0, section 2: byte order mark,
// 42, offset of IFD 0, then 12-byte entries of tag, type, count and value.
#include "runtime/data/Exif.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace tl::data {
namespace {

constexpr uint32_t kOrientationTag = 0x0112;
constexpr uint32_t kShort = 3;
constexpr uint32_t kLong = 4;

// Reads integers of either byte order; reading past the end gives zeros.
struct TiffReader {
  std::span<const uint8_t> bytes;
  bool bigEndian;

  uint32_t read(size_t offset, size_t count) const {
    if (offset > bytes.size() || bytes.size() - offset < count)
      return 0;
    uint32_t value = 0;
    for (size_t i = 0; i < count; ++i) {
      size_t at = bigEndian ? i : count - 1 - i;
      value = value << 8 | bytes[offset + at];
    }
    return value;
  }
};

// Each orientation as: swap the axes?, then mirror in x?, then in y?, where the
// upright pixel (x, y) is fetched from the stored picture. In blocks, because
// with swapped axes each step to the right is a row down in the stored picture.
template <size_t C> Image turn(const Image &image, int orientation) {
  bool swap = orientation >= 5;
  bool mirrorX = orientation == 2 || orientation == 3 || orientation == 7 ||
                 orientation == 8;
  bool mirrorY = orientation == 3 || orientation == 4 || orientation == 6 ||
                 orientation == 7;
  Image upright(swap ? image.height : image.width,
                swap ? image.width : image.height, C);
  // The address of the stored pixel is linear in x and y.
  ptrdiff_t stepX = mirrorX ? -ptrdiff_t(C) : C;
  ptrdiff_t stepY = ptrdiff_t(image.rowValues()) * (mirrorY ? -1 : 1);
  const uint8_t *origin = image.row(mirrorY ? image.height - 1 : 0) +
                          (mirrorX ? image.width - 1 : 0) * C;
  if (swap)
    std::swap(stepX, stepY);
  constexpr uint32_t kBlock = 64;
  for (uint32_t top = 0; top < upright.height; top += kBlock)
    for (uint32_t left = 0; left < upright.width; left += kBlock) {
      uint32_t bottom = std::min(top + kBlock, upright.height);
      uint32_t right = std::min(left + kBlock, upright.width);
      for (uint32_t y = top; y < bottom; ++y) {
        uint8_t *out = upright.row(y) + left * C;
        const uint8_t *in = origin + ptrdiff_t(y) * stepY;
        for (uint32_t x = left; x < right; ++x, out += C)
          std::memcpy(out, in + ptrdiff_t(x) * stepX, C);
      }
    }
  return upright;
}

} // namespace

int readExifOrientation(std::span<const uint8_t> tiff) {
  if (tiff.size() < 8)
    return 1;
  bool bigEndian = tiff[0] == 'M' && tiff[1] == 'M';
  if (!bigEndian && !(tiff[0] == 'I' && tiff[1] == 'I'))
    return 1;
  TiffReader reader{tiff, bigEndian};
  if (reader.read(2, 2) != 42)
    return 1;
  size_t directory = reader.read(4, 4);
  uint32_t entries = reader.read(directory, 2);
  for (uint32_t i = 0; i < entries; ++i) {
    size_t entry = directory + 2 + size_t(i) * 12;
    if (entry + 12 > tiff.size())
      return 1;
    if (reader.read(entry, 2) != kOrientationTag)
      continue;
    uint32_t type = reader.read(entry + 2, 2);
    uint32_t value = type == kShort  ? reader.read(entry + 8, 2)
                     : type == kLong ? reader.read(entry + 8, 4)
                                     : 1;
    return value >= 1 && value <= 8 ? int(value) : 1;
  }
  return 1;
}

Image makeUpright(Image image, int orientation) {
  if (orientation <= 1 || orientation > 8)
    return image;
  return image.channels == 3 ? turn<3>(image, orientation)
                             : turn<1>(image, orientation);
}

} // namespace tl::data
