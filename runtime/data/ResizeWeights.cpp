// See ResizeWeights.h.
#include "runtime/data/ResizeWeights.h"

#include <algorithm>
#include <cmath>

namespace tl::data {
namespace {

double bilinearFilter(double x) {
  x = std::fabs(x);
  return x < 1.0 ? 1.0 - x : 0.0;
}

// Keys's cubic with a = -0.5, in the operation order of Pillow.
double bicubicFilter(double x) {
  constexpr double a = -0.5;
  x = std::fabs(x);
  if (x < 1.0)
    return ((a + 2.0) * x - (a + 3.0)) * x * x + 1;
  if (x < 2.0)
    return (((x - 5) * x + 8) * x - 4) * a;
  return 0.0;
}

} // namespace

AxisWeights computeAxisWeights(uint32_t from, uint32_t to, Filter filter) {
  auto kernel = filter == Filter::bicubic ? bicubicFilter : bilinearFilter;
  double scale = double(float(from)) / to;
  double filterScale = std::max(scale, 1.0);
  double support = (filter == Filter::bicubic ? 2.0 : 1.0) * filterScale;
  double inverse = 1.0 / filterScale;

  AxisWeights axis;
  axis.stride = uint32_t(std::ceil(support)) * 2 + 1;
  axis.spans.resize(to);
  axis.weights.assign(size_t(to) * axis.stride, 0.0);
  for (uint32_t out = 0; out < to; ++out) {
    double center = (out + 0.5) * scale;
    // Truncation towards zero, then clamping, as Pillow's casts do.
    int64_t first = std::max<int64_t>(int64_t(center - support + 0.5), 0);
    int64_t last = std::min<int64_t>(int64_t(center + support + 0.5), from);
    double *weights = &axis.weights[size_t(out) * axis.stride];
    double sum = 0.0;
    for (int64_t i = 0; i < last - first; ++i) {
      weights[i] = kernel((double(i + first) - center + 0.5) * inverse);
      sum += weights[i];
    }
    if (sum != 0.0)
      for (int64_t i = 0; i < last - first; ++i)
        weights[i] /= sum;
    axis.spans[out] = {uint32_t(first), uint32_t(last - first)};
  }
  return axis;
}

std::vector<uint32_t> computeNearest(uint32_t from, uint32_t to) {
  std::vector<uint32_t> positions(to);
  double step = double(float(from)) / to;
  double position = step * 0.5;
  for (uint32_t out = 0; out < to; ++out, position += step)
    positions[out] = std::min(uint32_t(position), from - 1);
  return positions;
}

} // namespace tl::data
