// See Resample.h. One dimension after the other, columns first, in float as
// torch's kernels do (ATen/native/cpu/UpSampleKernel.cpp).
#include "frontends/weights/Resample.h"

#include <algorithm>
#include <cmath>

namespace tl::weights {

namespace {

// R. Keys, "Cubic Convolution Interpolation for Digital Image Processing",
// 1981.
double cubic(double x, double a) {
  x = std::abs(x);
  if (x < 1)
    return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2)
    return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}

// One output: the inputs that it reads, and their weights.
struct Taps {
  std::vector<std::pair<int64_t, double>> weights;
};

// Beyond the edge the nearest element is repeated.
Taps alignedTaps(int64_t out, int64_t from, int64_t to) {
  double centre = to > 1 ? double(out) * double(from - 1) / double(to - 1) : 0;
  auto first = int64_t(std::floor(centre));
  Taps taps;
  for (int64_t i = first - 1; i <= first + 2; ++i)
    taps.weights.push_back({std::clamp<int64_t>(i, 0, from - 1),
                            cubic(centre - double(i), -0.75)});
  return taps;
}

// Beyond the edge there is nothing: the other weights grow.
Taps antialiasTaps(int64_t out, int64_t from, int64_t to) {
  double scale = double(from) / double(to), wide = std::max(scale, 1.0);
  double centre = scale * (double(out) + 0.5), support = 2 * wide;
  auto first = std::max<int64_t>(int64_t(centre - support + 0.5), 0);
  auto last = std::min<int64_t>(int64_t(centre + support + 0.5), from);
  Taps taps;
  double sum = 0;
  for (int64_t i = first; i < last; ++i) {
    double weight = cubic((double(i) - centre + 0.5) / wide, -0.5);
    taps.weights.push_back({i, weight});
    sum += weight;
  }
  for (auto &[i, weight] : taps.weights)
    weight /= sum;
  return taps;
}

// [outer, from, inner] to [outer, to, inner].
std::vector<float> resampleAxis(std::span<const float> values, int64_t outer,
                                int64_t from, int64_t to, int64_t inner,
                                Bicubic how) {
  std::vector<float> result(size_t(outer * to * inner));
  for (int64_t out = 0; out < to; ++out) {
    Taps taps = how == Bicubic::Antialias ? antialiasTaps(out, from, to)
                                          : alignedTaps(out, from, to);
    for (int64_t o = 0; o < outer; ++o)
      for (int64_t i = 0; i < inner; ++i) {
        double sum = 0;
        for (auto [at, weight] : taps.weights)
          sum += weight * values[size_t((o * from + at) * inner + i)];
        result[size_t((o * to + out) * inner + i)] = float(sum);
      }
  }
  return result;
}

} // namespace

std::vector<float> resample(std::span<const float> stored, int64_t prefix,
                            Grid from, Grid to, int64_t channels, Bicubic how) {
  auto tokens = size_t(prefix * channels);
  std::vector<float> result(stored.begin(), stored.begin() + tokens);
  std::vector<float> columns = resampleAxis(stored.subspan(tokens), from[0],
                                            from[1], to[1], channels, how);
  std::vector<float> both =
      resampleAxis(columns, 1, from[0], to[0], to[1] * channels, how);
  result.insert(result.end(), both.begin(), both.end());
  return result;
}

} // namespace tl::weights
