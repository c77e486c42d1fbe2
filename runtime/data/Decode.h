// Picture files to upright 8-bit RGB. A file is recognised by its first bytes,
// never by its name. What is accepted follows Pillow, so that a set that trains
// under a Python framework trains here: warnings of the codecs are not errors,
// a file that ends early is one.
//
// JPEG: baseline, progressive, arithmetic-coded; grey, YCbCr, RGB, CMYK and
// YCCK (always taken as Adobe writes them, inverted); 8 bits a sample.
// PNG: every depth and colour type, interlaced or not; transparency is dropped,
// not blended; 16-bit colour keeps its high byte as Pillow does, 16-bit grey is
// divided by 257.
#pragma once

#include "runtime/data/Image.h"
#include "runtime/data/Result.h"

#include <span>
#include <string>

namespace tl::data {

// Grows whenever some file would decode to other pixels: part of the key of
// everything cached from pictures.
inline constexpr uint32_t kDecoderVersion = 1;

// 2^27 pixels are 400 MB of RGB, more than any camera's picture and little
// enough for a few decoding threads of a laptop. (Pillow warns from 2^26.4 and
// refuses from 2^27.4.)
inline constexpr uint64_t kMaxPixels = uint64_t(1) << 27;

// A picture file longer than this is refused unread.
inline constexpr uint64_t kMaxFileBytes = uint64_t(1) << 30;

// Never throws, whatever the bytes are. The message does not name the file.
Result<Image> decodeImage(std::span<const uint8_t> bytes,
                          uint64_t maxPixels = kMaxPixels);

// The same for a file; the message starts with its path.
Result<Image> decodeImageFile(const std::string &path,
                              uint64_t maxPixels = kMaxPixels);

} // namespace tl::data
