// See ResizePasses.h. The horizontal pass has few taps and so gains nothing
// from a plain loop that the compiler vectorises: it is written for AVX2's
// multiply of words with a sum of pairs, four pixels at once. The vertical one
// is such a loop, compiled once for AVX2 and once for the baseline.
#include "runtime/data/ResizePasses.h"

#include <algorithm>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace tl::data {
namespace {

// 8 bits for the result and two for filters that overshoot: Pillow's choice.
constexpr int kPrecisionBits = 32 - 8 - 2;
constexpr int32_t kHalf = 1 << (kPrecisionBits - 1);
constexpr int kLowBits = 11;   // both halves of a weight then fit 16 bits
constexpr size_t kBeyond = 32; // of a row's end, where loads may reach

std::vector<int32_t> toFixedPoint(const std::vector<double> &weights) {
  std::vector<int32_t> fixed(weights.size());
  for (size_t i = 0; i < weights.size(); ++i) {
    double scaled = weights[i] * (1 << kPrecisionBits);
    fixed[i] = int32_t(weights[i] < 0 ? -0.5 + scaled : 0.5 + scaled);
  }
  return fixed;
}

[[gnu::always_inline]] inline uint8_t clip(int32_t sum) {
  return uint8_t(std::clamp(sum >> kPrecisionBits, 0, 255));
}

template <uint32_t C>
void horizontalRow(const AxisWeights &axis, const int32_t *weights,
                   const uint8_t *row, uint8_t *out) {
  for (const AxisWeights::Span &span : axis.spans) {
    int32_t sums[C];
    std::fill_n(sums, C, kHalf);
    const uint8_t *in = row + size_t(span.first) * C;
    for (uint32_t i = 0; i < span.count; ++i, in += C)
      for (uint32_t c = 0; c < C; ++c)
        sums[c] += in[c] * weights[i];
    for (uint32_t c = 0; c < C; ++c)
      out[c] = clip(sums[c]);
    out += C;
    weights += axis.stride;
  }
}

[[gnu::always_inline]] inline void verticalRow(const int32_t *weights,
                                               uint32_t rows, const uint8_t *in,
                                               size_t stride, size_t count,
                                               uint8_t *out) {
  constexpr size_t kBlock = 256; // Sums of a block stay in the L1 cache.
  for (size_t start = 0; start < count; start += kBlock) {
    size_t width = std::min(kBlock, count - start);
    int32_t sums[kBlock];
    std::fill_n(sums, width, kHalf);
    const uint8_t *row = in + start;
    for (uint32_t r = 0; r < rows; ++r, row += stride)
      for (size_t x = 0; x < width; ++x)
        sums[x] += row[x] * weights[r];
    for (size_t x = 0; x < width; ++x)
      out[start + x] = clip(sums[x]);
  }
}

#if defined(__x86_64__)
[[gnu::target("avx2")]] void verticalAvx2(const int32_t *weights, uint32_t rows,
                                          const uint8_t *in, size_t stride,
                                          size_t count, uint8_t *out) {
  verticalRow(weights, rows, in, stride, count, out);
}
#endif

} // namespace

Instructions bestInstructions() {
#if defined(__x86_64__)
  static const bool avx2 = __builtin_cpu_supports("avx2");
  if (avx2)
    return Instructions::avx2;
#endif
  return Instructions::baseline;
}

HorizontalPass::HorizontalPass(const AxisWeights &axis, uint32_t width,
                               uint32_t channels, Instructions instructions)
    : axis(axis), rowBytes(size_t(width) * channels), channels(channels),
      weights(toFixedPoint(axis.weights)) {
  if (instructions != Instructions::avx2 || channels != 3)
    return;
  splitWeights();
  padded.resize(rowBytes + kBeyond);
}

void HorizontalPass::splitWeights() {
  const int32_t *from = weights.data();
  for (const AxisWeights::Span &span : axis.spans) {
    for (uint32_t i = 0; i < span.count; i += 4) {
      Weights4 &four = split.emplace_back();
      for (uint32_t k = 0; k < 16; ++k) {
        uint32_t pixel = i + k / 8 * 2 + k % 2;
        int32_t weight = pixel < span.count ? from[pixel] : 0;
        four.high[k] = int16_t(weight >> kLowBits);
        four.low[k] = int16_t(weight & ((1 << kLowBits) - 1));
      }
    }
    from += axis.stride;
  }
}

#if defined(__x86_64__)
[[gnu::target("avx2")]] void HorizontalPass::runAvx2(const uint8_t *row,
                                                     uint8_t *out) const {
  // Bytes of four pixels to words, colours of two pixels side by side.
  const __m256i spread = _mm256_setr_epi8(
      0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1, //
      6, -1, 9, -1, 7, -1, 10, -1, 8, -1, 11, -1, -1, -1, -1, -1);
  const Weights4 *four = split.data();
  const uint8_t *const end = out + axis.spans.size() * 3;
  for (const AxisWeights::Span &span : axis.spans) {
    const uint8_t *in = row + size_t(span.first) * 3;
    __m256i high = _mm256_setzero_si256(), low = high;
    for (uint32_t i = 0; i < span.count; i += 4, in += 12, ++four) {
      __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i *>(in));
      __m256i words =
          _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(bytes), spread);
      auto *weights = reinterpret_cast<const __m256i *>(four);
      high = _mm256_add_epi32(
          high, _mm256_madd_epi16(words, _mm256_load_si256(weights)));
      low = _mm256_add_epi32(
          low, _mm256_madd_epi16(words, _mm256_load_si256(weights + 1)));
    }
    __m256i both = _mm256_add_epi32(_mm256_slli_epi32(high, kLowBits), low);
    __m128i sum = _mm_add_epi32(_mm256_castsi256_si128(both),
                                _mm256_extracti128_si256(both, 1));
    sum = _mm_srai_epi32(_mm_add_epi32(sum, _mm_set1_epi32(kHalf)),
                         kPrecisionBits);
    sum = _mm_packs_epi32(sum, sum);
    uint32_t rgb = uint32_t(_mm_cvtsi128_si32(_mm_packus_epi16(sum, sum)));
    if (end - out > 3)
      memcpy(out, &rgb, 4); // The next pixel overwrites the fourth byte.
    else
      memcpy(out, &rgb, 3);
    out += 3;
  }
}
#endif

void HorizontalPass::run(const uint8_t *in, size_t readable, uint8_t *out) {
#if defined(__x86_64__)
  if (!split.empty()) {
    if (readable < rowBytes + kBeyond) {
      memcpy(padded.data(), in, rowBytes);
      in = padded.data();
    }
    return runAvx2(in, out);
  }
#endif
  auto row = channels == 3 ? horizontalRow<3> : horizontalRow<1>;
  row(axis, weights.data(), in, out);
}

VerticalPass::VerticalPass(const AxisWeights &axis, Instructions instructions)
    : axis(axis), instructions(instructions),
      weights(toFixedPoint(axis.weights)) {}

void VerticalPass::run(uint32_t y, const uint8_t *in, size_t stride,
                       size_t count, uint8_t *out) const {
  const int32_t *of = &weights[size_t(y) * axis.stride];
#if defined(__x86_64__)
  if (instructions == Instructions::avx2)
    return verticalAvx2(of, axis.spans[y].count, in, stride, count, out);
#endif
  verticalRow(of, axis.spans[y].count, in, stride, count, out);
}

} // namespace tl::data
