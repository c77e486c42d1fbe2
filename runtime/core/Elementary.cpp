// Series, after the argument is brought near the point they are made for.
#include "runtime/core/Elementary.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace tl {

// value = m 2^e with m in [sqrt(1/2), sqrt(2)), ln m as the series of
// 2 artanh((m - 1) / (m + 1)), whose argument is below 0.172.
double logarithm(double value, int scale) {
  int exponent;
  double m = std::frexp(value, &exponent); // exact, in [1/2, 1)
  exponent += scale;
  if (m < 0.70710678118654752) {
    m *= 2;
    --exponent;
  }
  double t = (m - 1) / (m + 1), square = t * t, sum = 0;
  for (int k = 23; k >= 1; k -= 2)
    sum = sum * square + 1.0 / k;
  return 2 * t * sum + exponent * 0.69314718055994531;
}

// value = k ln 2 + r with r up to ln 2 / 2; ln 2 in two parts, so that r keeps
// its digits (Cody and Waite, "Software manual for the elementary functions").
double exponential(double value) {
  if (value < -700)
    return 0;
  value = std::min(value, 700.0);
  double k = std::floor(value * 1.4426950408889634 + 0.5);
  double r = value - k * 0.693359375;
  r = r + k * 2.1219444005469058277e-4;
  double sum = 1;
  for (int i = 16; i >= 1; --i)
    sum = 1 + sum * r / i;
  return std::ldexp(sum, int(k)); // exact
}

// Taylor series, for angles up to pi / 4.
static Pair smallAngle(double x) {
  double square = x * x, cosine = 1, sine = 1;
  for (int k = 20; k >= 2; k -= 2) {
    cosine = 1 - cosine * square / ((k - 1) * k);
    sine = 1 - sine * square / (k * (k + 1));
  }
  return {cosine, x * sine};
}

double cosineOfPi(double value) {
  constexpr double pi = 3.14159265358979323846;
  if (value > 0.5)
    return -cosineOfPi(1 - value);
  return value > 0.25 ? smallAngle(pi * (0.5 - value)).second
                      : smallAngle(pi * value).first;
}

// The top three bits name the octant, the rest an angle up to pi / 4.
Pair unitCircle(uint32_t word) {
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

Pair normalPair(uint32_t a, uint32_t b) {
  double radius = std::sqrt(-2 * logarithm(double(a) + 1, -32));
  Pair circle = unitCircle(b);
  return {radius * circle.first, radius * circle.second};
}

} // namespace tl
