// The two codecs behind Decode.h, one source file each. Private to this folder.
#pragma once

#include "runtime/data/Image.h"
#include "runtime/data/Result.h"

#include <span>

namespace tl::data {

// A picture as stored, and how to turn it upright.
struct StoredImage {
  Image image;
  int orientation = 1;
};

// May throw std::bad_alloc; nothing else escapes.
Result<StoredImage> decodeJpeg(std::span<const uint8_t> bytes,
                               uint64_t maxPixels);
Result<StoredImage> decodePng(std::span<const uint8_t> bytes,
                              uint64_t maxPixels);

// Checked before anything is allocated for the pixels.
Status checkPixelCount(uint64_t width, uint64_t height, uint64_t maxPixels);

} // namespace tl::data
