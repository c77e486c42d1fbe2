// Logarithm, exponential and cosine (schema/Circle.h has the whole circle) from
// + - * / and sqrt, which IEEE 754 fixes to the bit: what is drawn or scheduled
// with them goes into the trained file, whose bytes must not depend on which
// libm a machine has. Exact to a few units of 1e-16.
#pragma once

#include <cstdint>

namespace tl {

// ln(value 2^scale); value positive and finite.
double logarithm(double value, int scale = 0);

// e^value; 0 below -700, no more than e^700.
double exponential(double value);

// cos(pi value), 0 <= value <= 1.
double cosineOfPi(double value);

struct Pair {
  double first, second;
};

// Two independent standard normal draws of two random words (Box-Muller).
Pair normalPair(uint32_t a, uint32_t b);

} // namespace tl
