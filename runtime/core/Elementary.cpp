// Series, after the argument is brought near the point they are made for.
#include "runtime/core/Elementary.h"

#include "runtime/schema/Circle.h"

#include <algorithm>
#include <cmath>

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

double cosineOfPi(double value) {
  constexpr double pi = 3.14159265358979323846;
  if (value > 0.5)
    return -cosineOfPi(1 - value);
  return value > 0.25 ? schema::smallAngle(pi * (0.5 - value)).sine
                      : schema::smallAngle(pi * value).cosine;
}

Pair normalPair(uint32_t a, uint32_t b) {
  double radius = std::sqrt(-2 * logarithm(double(a) + 1, -32));
  schema::CirclePoint circle = schema::unitCircle(b);
  return {radius * circle.cosine, radius * circle.sine};
}

} // namespace tl
