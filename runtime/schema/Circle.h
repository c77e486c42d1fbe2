// Cosine and sine with arithmetic that IEEE 754 fixes (+, -, *, /), so that no
// machine's libm decides a weight or a pixel. Angles are words: 2^32 is a full
// turn.
#pragma once

#include <cstdint>
#include <utility>

namespace tl::schema {

struct CirclePoint {
  double cosine, sine;
};

// Of an angle up to pi / 4, where the Taylor series converge in ten terms.
inline CirclePoint smallAngle(double x) {
  double square = x * x, cosine = 1, sine = 1;
  for (int k = 20; k >= 2; k -= 2) {
    cosine = 1 - cosine * square / ((k - 1) * k);
    sine = 1 - sine * square / (k * (k + 1));
  }
  return {cosine, x * sine};
}

// Of 2 pi word 2^-32: the top three bits name the octant, the rest an angle up
// to pi / 4.
inline CirclePoint unitCircle(uint32_t word) {
  uint32_t octant = word >> 29;
  uint32_t rest = word & 0x1fffffff;
  if (octant & 1)
    rest = 0x20000000 - rest;
  auto [cosine, sine] =
      smallAngle(double(rest) * (6.283185307179586477 / 4294967296.0));
  if (((octant + 1) >> 1) & 1)
    std::swap(cosine, sine);
  if (octant >= 2 && octant < 6)
    cosine = -cosine;
  if (octant >= 4)
    sine = -sine;
  return {cosine, sine};
}

} // namespace tl::schema
