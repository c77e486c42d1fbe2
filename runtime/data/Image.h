// Pictures in memory: rows from the top, pixels from the left, channels
// interleaved (HWC), no padding between rows. Bytes as they come out of a
// decoder, floats where a resize rule produces floats; both hold 0..255.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace tl::data {

template <typename T> struct Raster {
  uint32_t width = 0;
  uint32_t height = 0;
  uint32_t channels = 3; // 3: red, green, blue; 1: grey
  std::vector<T> values; // [height][width][channels]

  Raster() = default;
  Raster(uint32_t width, uint32_t height, uint32_t channels)
      : width(width), height(height), channels(channels),
        values(size_t(width) * height * channels) {}

  size_t rowValues() const { return size_t(width) * channels; }
  T *row(size_t y) { return values.data() + y * rowValues(); }
  const T *row(size_t y) const { return values.data() + y * rowValues(); }
};

using Image = Raster<uint8_t>;
using FloatImage = Raster<float>;

} // namespace tl::data
