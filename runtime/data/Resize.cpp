// See Resize.h. The byte path is the hot one: after decoding, it is most of
// what preparing a picture costs. Sums are int32 and so exact in any order;
// both passes are plain loops that the compiler vectorises, compiled once for
// AVX2 (a vector multiply of int32) and once for the baseline.
#include "runtime/data/Resize.h"

#include "runtime/data/ResizeWeights.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace tl::data {
namespace {

// 8 bits for the result and two for filters that overshoot: Pillow's choice.
constexpr int kPrecisionBits = 32 - 8 - 2;
constexpr int32_t kHalf = 1 << (kPrecisionBits - 1);

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

// One row: `padded` holds [from width][4] bytes, `out` gets [to width][C].
template <uint32_t C>
[[gnu::always_inline]] inline void
horizontalRow(const AxisWeights &axis, const int32_t *weights,
              const uint8_t *padded, uint8_t *out) {
  for (const AxisWeights::Span &span : axis.spans) {
    int32_t sums[4] = {kHalf, kHalf, kHalf, kHalf};
    const uint8_t *in = padded + size_t(span.first) * 4;
    for (uint32_t i = 0; i < span.count; ++i, in += 4)
      for (int c = 0; c < 4; ++c)
        sums[c] += in[c] * weights[i];
    for (uint32_t c = 0; c < C; ++c)
      out[c] = clip(sums[c]);
    out += C;
    weights += axis.stride;
  }
}

// One row of `count` values from the rows `in`, `in + stride`, ...
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

struct Passes {
  void (*horizontal3)(const AxisWeights &, const int32_t *, const uint8_t *,
                      uint8_t *);
  void (*horizontal1)(const AxisWeights &, const int32_t *, const uint8_t *,
                      uint8_t *);
  void (*vertical)(const int32_t *, uint32_t, const uint8_t *, size_t, size_t,
                   uint8_t *);
};

#if defined(__x86_64__)
[[gnu::target("avx2")]] void horizontal3Avx2(const AxisWeights &axis,
                                             const int32_t *weights,
                                             const uint8_t *padded,
                                             uint8_t *out) {
  horizontalRow<3>(axis, weights, padded, out);
}
[[gnu::target("avx2")]] void verticalAvx2(const int32_t *weights, uint32_t rows,
                                          const uint8_t *in, size_t stride,
                                          size_t count, uint8_t *out) {
  verticalRow(weights, rows, in, stride, count, out);
}
#endif

const Passes &passes() {
  static const Passes chosen = [] {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2"))
      return Passes{horizontal3Avx2, horizontalRow<1>, verticalAvx2};
#endif
    return Passes{horizontalRow<3>, horizontalRow<1>, verticalRow};
  }();
  return chosen;
}

Image resizeColumns(const Image &image, uint32_t width, const AxisWeights &axis,
                    uint32_t firstRow, uint32_t rows) {
  std::vector<int32_t> weights = toFixedPoint(axis.weights);
  std::vector<uint8_t> padded(size_t(image.width) * 4);
  auto pass = image.channels == 3 ? passes().horizontal3 : passes().horizontal1;
  Image out(width, rows, image.channels);
  for (uint32_t y = 0; y < rows; ++y) {
    const uint8_t *in = image.row(size_t(firstRow) + y);
    for (size_t x = 0; x < image.width; ++x)
      for (uint32_t c = 0; c < image.channels; ++c)
        padded[x * 4 + c] = in[x * image.channels + c];
    pass(axis, weights.data(), padded.data(), out.row(y));
  }
  return out;
}

Image resizeRows(const Image &image, uint32_t height, const AxisWeights &axis,
                 uint32_t firstRow) {
  std::vector<int32_t> weights = toFixedPoint(axis.weights);
  Image out(image.width, height, image.channels);
  for (uint32_t y = 0; y < height; ++y) {
    AxisWeights::Span span = axis.spans[y];
    passes().vertical(&weights[size_t(y) * axis.stride], span.count,
                      image.row(span.first - firstRow), image.rowValues(),
                      image.rowValues(), out.row(y));
  }
  return out;
}

FloatImage resizeColumns(const FloatImage &image, uint32_t width,
                         const AxisWeights &axis, uint32_t firstRow,
                         uint32_t rows) {
  FloatImage out(width, rows, image.channels);
  uint32_t channels = image.channels;
  for (uint32_t y = 0; y < rows; ++y)
    for (uint32_t x = 0; x < width; ++x)
      for (uint32_t c = 0; c < channels; ++c) {
        AxisWeights::Span span = axis.spans[x];
        const float *in =
            image.row(size_t(firstRow) + y) + size_t(span.first) * channels + c;
        const double *weights = &axis.weights[size_t(x) * axis.stride];
        double sum = 0.0;
        for (uint32_t i = 0; i < span.count; ++i)
          sum += double(in[size_t(i) * channels]) * weights[i];
        out.row(y)[size_t(x) * channels + c] = float(sum);
      }
  return out;
}

FloatImage resizeRows(const FloatImage &image, uint32_t height,
                      const AxisWeights &axis, uint32_t firstRow) {
  FloatImage out(image.width, height, image.channels);
  for (uint32_t y = 0; y < height; ++y) {
    AxisWeights::Span span = axis.spans[y];
    const double *weights = &axis.weights[size_t(y) * axis.stride];
    for (size_t x = 0; x < out.rowValues(); ++x) {
      double sum = 0.0;
      for (uint32_t i = 0; i < span.count; ++i)
        sum += double(image.row(span.first - firstRow + i)[x]) * weights[i];
      out.row(y)[x] = float(sum);
    }
  }
  return out;
}

template <typename T>
Raster<T> resizeNearest(const Raster<T> &image, uint32_t width,
                        uint32_t height) {
  std::vector<uint32_t> columns = computeNearest(image.width, width);
  std::vector<uint32_t> rows = computeNearest(image.height, height);
  Raster<T> out(width, height, image.channels);
  for (uint32_t y = 0; y < height; ++y)
    for (uint32_t x = 0; x < width; ++x)
      std::copy_n(image.row(rows[y]) + size_t(columns[x]) * image.channels,
                  image.channels, out.row(y) + size_t(x) * image.channels);
  return out;
}

// Pillow's ImagingResampleInner: a pass that changes nothing is left out, and
// the horizontal pass makes only the rows that the vertical one reads.
template <typename T>
Raster<T> resizeWith(const Raster<T> &image, uint32_t width, uint32_t height,
                     Filter filter) {
  if (image.width == width && image.height == height)
    return image;
  if (filter == Filter::nearest)
    return resizeNearest(image, width, height);
  AxisWeights vertical = computeAxisWeights(image.height, height, filter);
  uint32_t firstRow = 0;
  Raster<T> columnsDone;
  const Raster<T> *from = &image;
  if (image.width != width) {
    AxisWeights horizontal = computeAxisWeights(image.width, width, filter);
    firstRow = vertical.spans.front().first;
    uint32_t lastRow =
        vertical.spans.back().first + vertical.spans.back().count;
    columnsDone =
        resizeColumns(image, width, horizontal, firstRow, lastRow - firstRow);
    from = &columnsDone;
  }
  if (image.height == height)
    return columnsDone;
  return resizeRows(*from, height, vertical, firstRow);
}

// TensorFlow's HalfPixelScaler and CachedInterpolation
// (core/kernels/image/resize_bilinear_op.cc), all in float.
struct Neighbours {
  uint32_t lower, upper;
  float lerp;
};

std::vector<Neighbours> computeNeighbours(uint32_t from, uint32_t to) {
  std::vector<Neighbours> neighbours(to);
  float scale = float(from) / float(to);
  for (uint32_t out = 0; out < to; ++out) {
    float in = (float(out) + 0.5f) * scale - 0.5f;
    float floor = std::floor(in);
    int64_t lower = std::max<int64_t>(int64_t(floor), 0);
    int64_t upper =
        std::min<int64_t>(int64_t(std::ceil(in)), int64_t(from) - 1);
    lower = std::min(lower, upper < 0 ? 0 : int64_t(from) - 1);
    neighbours[out] = {uint32_t(lower), uint32_t(std::max<int64_t>(upper, 0)),
                       in - floor};
  }
  return neighbours;
}

template <typename T>
FloatImage tfBilinear(const Raster<T> &image, uint32_t width, uint32_t height) {
  std::vector<Neighbours> columns = computeNeighbours(image.width, width);
  std::vector<Neighbours> rows = computeNeighbours(image.height, height);
  uint32_t channels = image.channels;
  FloatImage out(width, height, channels);
  for (uint32_t y = 0; y < height; ++y) {
    const T *upper = image.row(rows[y].lower),
            *lower = image.row(rows[y].upper);
    float *to = out.row(y);
    for (const Neighbours &column : columns)
      for (uint32_t c = 0; c < channels; ++c) {
        size_t left = size_t(column.lower) * channels + c;
        size_t right = size_t(column.upper) * channels + c;
        float topLeft = upper[left], topRight = upper[right];
        float bottomLeft = lower[left], bottomRight = lower[right];
        float top = topLeft + (topRight - topLeft) * column.lerp;
        float bottom = bottomLeft + (bottomRight - bottomLeft) * column.lerp;
        *to++ = top + (bottom - top) * rows[y].lerp;
      }
  }
  return out;
}

} // namespace

Image resize(const Image &image, uint32_t width, uint32_t height,
             Filter filter) {
  return resizeWith(image, width, height, filter);
}

FloatImage resize(const FloatImage &image, uint32_t width, uint32_t height,
                  Filter filter) {
  return resizeWith(image, width, height, filter);
}

FloatImage resizeTfBilinear(const Image &image, uint32_t width,
                            uint32_t height) {
  return tfBilinear(image, width, height);
}

FloatImage resizeTfBilinear(const FloatImage &image, uint32_t width,
                            uint32_t height) {
  return tfBilinear(image, width, height);
}

} // namespace tl::data
