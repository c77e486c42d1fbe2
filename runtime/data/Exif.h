// The one thing of EXIF that changes pixels: how the camera was held. A
// parser of 60 lines instead of a library, because only IFD 0 is read and one
// tag is wanted. Anything malformed reads as "upright": a picture with broken
// metadata is still a picture.
#pragma once

#include "runtime/data/Image.h"

#include <span>

namespace tl::data {

// `tiff`: the bytes after "Exif\0\0" of a JPEG's APP1, or a PNG's eXIf chunk.
// Returns the orientation, 1 to 8; 1 when there is none.
int readExifOrientation(std::span<const uint8_t> tiff);

// Turns and flips so that the picture stands as it was seen (EXIF 2.3, 4.6.4).
Image makeUpright(Image image, int orientation);

} // namespace tl::data
