// See the header.
#include "runtime/core/Metrics.h"

#include <algorithm>
#include <limits>
#include <numeric>

namespace tl {

int32_t predictedLabel(const tl_model_info &info, const float *scores) {
  if (info.sigmoid)
    return int32_t(scores[1] >= 0.5f);
  return int32_t(std::max_element(scores, scores + info.classes) - scores);
}

bool isAmongTop(const float *scores, uint32_t classes, int32_t label,
                uint32_t k) {
  uint32_t before = 0;
  for (uint32_t c = 0; c < classes; ++c)
    before += scores[c] > scores[label] ||
              (scores[c] == scores[label] && int32_t(c) < label);
  return before < k;
}

double areaUnderCurve(const std::vector<float> &positive,
                      const std::vector<int32_t> &labels) {
  constexpr double none = std::numeric_limits<double>::quiet_NaN();
  size_t n = positive.size();
  std::vector<uint32_t> order(n);
  std::iota(order.begin(), order.end(), 0u);
  if (std::any_of(positive.begin(), positive.end(),
                  [](float score) { return score != score; }))
    return none;
  std::sort(order.begin(), order.end(),
            [&](uint32_t a, uint32_t b) { return positive[a] < positive[b]; });
  double ranks = 0, ones = 0; // twice the ranks of label 1, which are whole
  for (size_t first = 0, last; first < n; first = last) {
    double ofOnes = 0;
    for (last = first;
         last < n && positive[order[last]] == positive[order[first]]; ++last)
      ofOnes += labels[order[last]] == 1;
    ranks += ofOnes * double(first + last + 1);
    ones += ofOnes;
  }
  double zeros = double(n) - ones;
  if (ones == 0 || zeros == 0)
    return none;
  return (ranks / 2 - ones * (ones + 1) / 2) / (ones * zeros);
}

void Tally::add(const tl_model_info &info, const float *losses,
                const float *scores, const int32_t *labels, uint32_t n) {
  for (uint32_t i = 0; i < n; ++i) {
    const float *row = scores + size_t(i) * info.classes;
    right += predictedLabel(info, row) == labels[i];
    if (info.top_k)
      top += isAmongTop(row, info.classes, labels[i], info.top_k);
    loss += losses[i];
  }
  count += n;
}

} // namespace tl
