// Resizing, to the bit as the reference frameworks do it: a network was
// trained on what Pillow or TensorFlow made of its pictures.
//
//   nearest, bilinear, bicubic   Pillow's Image.resize. Bilinear and bicubic
//       widen their filter when shrinking (antialiasing). Bytes: coefficients
//       in fixed point of 22 bits, rows first, rounded to bytes in between.
//       Floats: sums in double, rounded to float in between (mode "F").
//   tfBilinear                   tf.image.resize(method="bilinear",
//       antialias=False): two by two neighbours, half-pixel centres, in float;
//       its result stays float for bytes too, as Keras's loaders keep it.
#pragma once

#include "runtime/data/Image.h"

namespace tl::data {

enum class Filter : uint8_t { nearest, bilinear, bicubic };

// Sizes must not be zero. May throw std::bad_alloc. The size it has already
// gives the same picture.
Image resize(const Image &image, uint32_t width, uint32_t height,
             Filter filter);
FloatImage resize(const FloatImage &image, uint32_t width, uint32_t height,
                  Filter filter);

FloatImage resizeTfBilinear(const Image &image, uint32_t width,
                            uint32_t height);
FloatImage resizeTfBilinear(const FloatImage &image, uint32_t width,
                            uint32_t height);

} // namespace tl::data
