// Small pictures for the report.
#pragma once

#include "runtime/data/Image.h"

#include <string>

namespace tl::tools {

// The picture as a baseline JPEG, shrunk until its long side is `side`; never
// enlarged. Empty where libjpeg fails.
struct Thumbnail {
  std::string jpeg;
  uint32_t width = 0;
  uint32_t height = 0;
};
Thumbnail makeThumbnail(const data::Image &picture, uint32_t side);

} // namespace tl::tools
