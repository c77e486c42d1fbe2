// The pictures that test/numerics/pillow_resize.py makes its goldens from.
#pragma once

#include "runtime/data/Image.h"

namespace tl::data {

inline Image makeSyntheticPicture(uint32_t width, uint32_t height,
                                  uint32_t channels) {
  Image image(width, height, channels);
  uint32_t state = width * 65537 + height * 257 + channels;
  for (size_t i = 0; i < image.values.size(); ++i) {
    state = state * 1664525u + 1013904223u;
    uint32_t kind = (i / 40) % 3;
    image.values[i] = kind == 0   ? uint8_t(state >> 24)
                      : kind == 1 ? (state >> 31 ? 255 : 0)
                                  : uint8_t(i);
  }
  return image;
}

} // namespace tl::data
