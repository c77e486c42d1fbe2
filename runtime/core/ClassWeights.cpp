// See the header.
#include "runtime/core/ClassWeights.h"

namespace tl {

std::vector<float> classWeights(const tl_model_info &info,
                                const int32_t *labels, uint32_t count) {
  if (info.class_weights == TL_CLASS_WEIGHTS_NONE)
    return {};
  if (info.class_weights == TL_CLASS_WEIGHTS_GIVEN)
    return {info.weights, info.weights + info.classes};
  std::vector<uint32_t> pictures(info.classes);
  for (uint32_t i = 0; i < count; ++i)
    if (labels[i] >= 0 && uint32_t(labels[i]) < info.classes)
      ++pictures[uint32_t(labels[i])];
  std::vector<float> weights(info.classes, 1);
  for (uint32_t c = 0; c < info.classes; ++c)
    if (pictures[c])
      weights[c] = float(double(count) / (double(info.classes) * pictures[c]));
  return weights;
}

void weighBatch(const tl_model_info &info, const std::vector<float> &weights,
                const int32_t *labels, const int32_t *mixLabels,
                const float *mix, uint32_t n, float *to) {
  double sum = 0;
  for (uint32_t i = 0; i < n; ++i) {
    to[i] = weights[uint32_t(labels[i])];
    if (mix)
      to[i] = mix[i] * to[i] + (1 - mix[i]) * weights[uint32_t(mixLabels[i])];
    sum += to[i];
  }
  if (info.convention == TL_CONVENTION_TORCH && sum > 0)
    for (uint32_t i = 0; i < n; ++i)
      to[i] = float(to[i] * (n / sum));
}

} // namespace tl
