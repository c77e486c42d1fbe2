// What is measured of scores and losses over an epoch or a validation: sums in
// double, in the order of the pictures, so that the numbers do not depend on
// how the pictures are cut into batches.
#pragma once

#include <tl/runtime.h>

#include <cstdint>
#include <vector>

namespace tl {

// The label that scores[classes] say: the highest, the lower label when equal;
// with a sigmoid, label 1 from a half on.
int32_t predictedLabel(const tl_model_info &info, const float *scores);

// Whether fewer than k labels come before `label`: those with a higher score,
// and lower labels with an equal one.
bool isAmongTop(const float *scores, uint32_t classes, int32_t label,
                uint32_t k);

// The area under the ROC curve: the share of pairs of one picture of label 1
// and one of label 0 where the former has the higher score, equal scores
// counting half (Mann and Whitney's U by mean ranks). nan where a label has no
// picture or a score is no number. positive[n]: scores of label 1.
double areaUnderCurve(const std::vector<float> &positive,
                      const std::vector<int32_t> &labels);

struct Tally {
  double loss = 0;
  uint32_t right = 0, top = 0, count = 0;

  // losses[n], scores[n][classes], labels[n]
  void add(const tl_model_info &info, const float *losses, const float *scores,
           const int32_t *labels, uint32_t n);
  double meanLoss() const { return count ? loss / count : 0; }
  double accuracy() const { return count ? double(right) / count : 0; }
  double topShare() const { return count ? double(top) / count : 0; }
};

} // namespace tl
