// See Resize.h. Which passes over which rows; those over bytes, the hot ones,
// are in ResizePasses.
#include "runtime/data/Resize.h"

#include "runtime/data/ResizePasses.h"
#include "runtime/data/ResizeWeights.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace tl::data {
namespace {

Image resizeColumns(const Image &image, uint32_t width, const AxisWeights &axis,
                    uint32_t firstRow, uint32_t rows) {
  HorizontalPass pass(axis, image.width, image.channels, bestInstructions());
  Image out(width, rows, image.channels);
  const uint8_t *end = image.values.data() + image.values.size();
  for (uint32_t y = 0; y < rows; ++y) {
    const uint8_t *in = image.row(size_t(firstRow) + y);
    pass.run(in, size_t(end - in), out.row(y));
  }
  return out;
}

Image resizeRows(const Image &image, uint32_t height, const AxisWeights &axis,
                 uint32_t firstRow) {
  VerticalPass pass(axis, bestInstructions());
  Image out(image.width, height, image.channels);
  for (uint32_t y = 0; y < height; ++y)
    pass.run(y, image.row(axis.spans[y].first - firstRow), image.rowValues(),
             image.rowValues(), out.row(y));
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
  for (uint32_t y = 0; y < height; ++y) {
    const T *from = image.row(rows[y]);
    T *to = out.row(y);
    if (image.channels == 1)
      for (uint32_t column : columns)
        *to++ = from[column];
    else
      for (uint32_t column : columns)
        to = std::copy_n(from + size_t(column) * 3, 3, to);
  }
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

template <uint32_t C, typename T>
void tfBilinearRow(const std::vector<Neighbours> &columns, const T *upper,
                   const T *lower, float lerp, float *to) {
  for (const Neighbours &column : columns)
    for (uint32_t c = 0; c < C; ++c) {
      size_t left = size_t(column.lower) * C + c;
      size_t right = size_t(column.upper) * C + c;
      float topLeft = upper[left], topRight = upper[right];
      float bottomLeft = lower[left], bottomRight = lower[right];
      float top = topLeft + (topRight - topLeft) * column.lerp;
      float bottom = bottomLeft + (bottomRight - bottomLeft) * column.lerp;
      *to++ = top + (bottom - top) * lerp;
    }
}

template <typename T>
FloatImage tfBilinear(const Raster<T> &image, uint32_t width, uint32_t height) {
  std::vector<Neighbours> columns = computeNeighbours(image.width, width);
  std::vector<Neighbours> rows = computeNeighbours(image.height, height);
  FloatImage out(width, height, image.channels);
  auto makeRow =
      image.channels == 3 ? tfBilinearRow<3, T> : tfBilinearRow<1, T>;
  for (uint32_t y = 0; y < height; ++y)
    makeRow(columns, image.row(rows[y].lower), image.row(rows[y].upper),
            rows[y].lerp, out.row(y));
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
