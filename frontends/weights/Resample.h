// Position embeddings of another grid: bicubic resampling as the framework does
// it that wrote the file, so that fine-tuning at another input size starts from
// the same numbers.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace tl::weights {

enum class Bicubic {
  // torch's interpolate(align_corners=True): corners stay corners, a = -0.75
  // (torchvision/models/vision_transformer.py, interpolate_embeddings).
  AlignCorners,
  // torch's interpolate(antialias=True): the filter widens where the grid
  // shrinks, a = -0.5, as Pillow's (timm/layers/pos_embed.py).
  Antialias,
};

// Rows and columns.
using Grid = std::array<int64_t, 2>;

// `stored` is [prefix + from, C], the result [prefix + to, C]; the first
// `prefix` rows, of tokens with no place, are copied.
std::vector<float> resample(std::span<const float> stored, int64_t prefix,
                            Grid from, Grid to, int64_t channels, Bicubic how);

} // namespace tl::weights
