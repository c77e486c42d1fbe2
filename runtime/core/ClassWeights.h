// How much a picture counts for its class.
#pragma once

#include <tl/runtime.h>

#include <cstdint>
#include <vector>

namespace tl {

// One weight a class, or none where the recipe has no class weights. Balanced
// ones are pictures / (classes * pictures of the class), as scikit-learn's and
// Keras's users compute them; 1 for a class without a picture.
std::vector<float> classWeights(const tl_model_info &info,
                                const int32_t *labels, uint32_t count);

// Weights [n] of a batch's pictures: their classes', or with mixup the mixture
// of both. keras: as they are (the loss is the mean over n of weight times
// loss). torch: divided by their mean (its loss divides by their sum).
void weighBatch(const tl_model_info &info, const std::vector<float> &weights,
                const int32_t *labels, const int32_t *mixLabels,
                const float *mix, uint32_t n, float *to);

} // namespace tl
