// From an upright picture to what the network reads. The geometry (resize,
// crop) yields bytes, or floats where the rule or the source has floats; bytes
// are then normalised by the runtime (tl_model_preprocess), floats by
// normalise() below, with the same formula. The fields mirror tl_preprocess of
// runtime.h, which this library does not depend on.
#pragma once

#include "runtime/data/Image.h"
#include "runtime/data/Result.h"

#include <variant>

namespace tl::data {

enum class ResizeRule : uint8_t { nearest, bilinear, bicubic, tfBilinear };

struct Preprocess {
  uint32_t width = 0;
  uint32_t height = 0;
  uint32_t channels = 3; // 1: grey, converted before resizing
  ResizeRule resize = ResizeRule::bilinear;
  uint32_t resizeTo = 0; // short side first, as torchvision's Resize(int)
  bool crop = false;     // then torchvision's CenterCrop, else resize again
  bool bgr = false;
  float scale = 1;
  std::vector<float> mean; // [channels], in network order
  std::vector<float> std;  // [channels]
};

// Bytes of three channels (grey networks: three equal ones), or floats of
// `channels`; both of the network's width and height.
using Prepared = std::variant<Image, FloatImage>;

Result<Prepared> prepare(const Image &picture, const Preprocess &preprocess);
Result<FloatImage> prepare(const FloatImage &picture,
                           const Preprocess &preprocess);

// out[height][width][channels]: (value * scale - mean[c]) / std[c] in float32,
// c in network order.
void normalise(const FloatImage &prepared, const Preprocess &preprocess,
               float *out);

} // namespace tl::data
