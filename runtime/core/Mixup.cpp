// Draws of the Beta distribution and the mixing itself.
#include "runtime/core/Mixup.h"

#include "runtime/core/Elementary.h"
#include "runtime/core/Initialize.h"

#include <cmath>
#include <utility>

namespace tl {

namespace {

schema::PhiloxBlock words(const MixupPlace &place, uint32_t element,
                          uint32_t attempt) {
  return schema::philox4x32({element, place.batch,
                             (place.phase << 20) ^ place.epoch,
                             schema::kRandomMixup | attempt << 8},
                            uint32_t(place.seed), uint32_t(place.seed >> 32));
}

// The logarithm of a Gamma(alpha, 1) draw (G. Marsaglia and W. W. Tsang, "A
// simple method for generating gamma variables", 2000): of shape alpha + 1,
// times u^(1 / alpha). As a logarithm, since for a small alpha it underflows.
double logGamma(const MixupPlace &place, double alpha, uint32_t &attempt) {
  double d = alpha + 1 - 1.0 / 3, c = 1 / std::sqrt(9 * d);
  for (;; ++attempt) {
    schema::PhiloxBlock w = words(place, 0, attempt);
    double x = normalPair(w[0], w[1]).first, root = 1 + c * x;
    if (root <= 0)
      continue;
    double v = root * root * root;
    double accept = 0.5 * x * x + d - d * v + d * logarithm(v);
    if (logarithm(double(w[2]) + 1, -32) < accept) {
      ++attempt;
      return logarithm(d * v) + logarithm(double(w[3]) + 1, -32) / alpha;
    }
  }
}

} // namespace

// X / (X + Y) of two Gamma draws.
float drawMixupShare(const MixupPlace &place, float alpha) {
  uint32_t attempt = 0;
  double x = logGamma(place, alpha, attempt);
  double y = logGamma(place, alpha, attempt);
  return float(1 / (1 + exponential(y - x)));
}

void drawMixupPartners(const MixupPlace &place, uint32_t n,
                       uint32_t *partners) {
  for (uint32_t i = 0; i < n; ++i)
    partners[i] = i;
  for (uint32_t i = n; i-- > 1;) {
    uint32_t chosen = drawBelow(
        i + 1, [&](uint32_t attempt) { return words(place, 1 + i, attempt); });
    std::swap(partners[i], partners[chosen]);
  }
}

void mixRows(float share, const uint32_t *partners, uint32_t n, uint64_t width,
             std::vector<float> &rows, std::vector<float> &room) {
  room.assign(rows.begin(), rows.begin() + long(n * width));
  for (uint32_t i = 0; i < n; ++i) {
    const float *own = room.data() + i * width;
    const float *other = room.data() + partners[i] * width;
    float *to = rows.data() + i * width;
    for (uint64_t k = 0; k < width; ++k)
      to[k] = share * own[k] + (1 - share) * other[k];
  }
}

} // namespace tl
