// Loops of independent multiply-adds; see the header.
#include "bench/kernels/FmaPeak.h"

#include <algorithm>
#include <immintrin.h>
#include <time.h>

namespace {
constexpr int kAccumulators = 12;
constexpr int64_t kRounds = 200'000;

// The empty asm keeps each accumulator in a register and the work undeleted.
__attribute__((target("avx512f"))) void fma512() {
  __m512 a[kAccumulators] = {}, x = _mm512_set1_ps(0.5f);
  for (int64_t i = 0; i < kRounds; ++i)
#pragma clang loop unroll(full)
    for (auto &s : a) {
      s = _mm512_fmadd_ps(x, x, s);
      asm volatile("" : "+v"(s));
    }
}
__attribute__((target("avx2,fma"))) void fma256() {
  __m256 a[kAccumulators] = {}, x = _mm256_set1_ps(0.5f);
  for (int64_t i = 0; i < kRounds; ++i)
#pragma clang loop unroll(full)
    for (auto &s : a) {
      s = _mm256_fmadd_ps(x, x, s);
      asm volatile("" : "+x"(s));
    }
}
void mulAdd128() {
  __m128 a[kAccumulators] = {}, x = _mm_set1_ps(0.5f);
  for (int64_t i = 0; i < kRounds; ++i)
#pragma clang loop unroll(full)
    for (auto &s : a) {
      __m128 product = _mm_mul_ps(x, x);
      asm volatile("" : "+x"(product));
      s = _mm_add_ps(s, product);
      asm volatile("" : "+x"(s));
    }
}

double threadSeconds() {
  timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return double(t.tv_sec) + 1e-9 * double(t.tv_nsec);
}
} // namespace

double measurePeak(const tl::cpu::Isa &isa) {
  auto run = isa.lanes == 16 ? fma512 : isa.lanes == 8 ? fma256 : mulAdd128;
  double best = 0;
  for (int i = 0; i < 8; ++i) {
    double start = threadSeconds();
    run();
    double seconds = threadSeconds() - start;
    best = std::max(best, 2.0 * kRounds * kAccumulators * isa.lanes / seconds);
  }
  return best / 1e9;
}
