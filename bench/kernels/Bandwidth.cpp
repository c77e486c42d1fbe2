// The triad; see the header.
#include "bench/kernels/Bandwidth.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <numeric>
#include <vector>

namespace {
constexpr size_t kPart = size_t(1) << 18;              ///< 1 MB an array
constexpr size_t kParts = 96, kCount = kPart * kParts; ///< 96 MB an array
constexpr int kRounds = 5;

// Not inlined, so that the compiler cannot see the arrays' values.
__attribute__((noinline)) void triad(float *__restrict a,
                                     const float *__restrict b,
                                     const float *__restrict c, float s) {
  for (size_t i = 0; i < kPart; ++i)
    a[i] = b[i] + s * c[i];
  asm volatile("" : : "r"(a) : "memory");
}
} // namespace

double measureBandwidth() {
  static std::vector<float> a(kCount), b(kCount, 1.0f), c(kCount, 2.0f);
  std::vector<double> least(kParts, 1e9);
  for (int round = 0; round < kRounds; ++round)
    for (size_t part = 0; part < kParts; ++part) {
      size_t at = part * kPart;
      auto start = std::chrono::steady_clock::now();
      triad(&a[at], &b[at], &c[at], 0.5f);
      std::chrono::duration<double> seconds =
          std::chrono::steady_clock::now() - start;
      least[part] = std::min(least[part], seconds.count());
    }
  double seconds = std::accumulate(least.begin(), least.end(), 0.0);
  return 3.0 * sizeof(float) * kCount / seconds / 1e9;
}
