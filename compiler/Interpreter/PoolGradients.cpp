// The formulas of the pools' gradients: each window gives its part of dy to the
// elements that it holds.
#include "compiler/Interpreter/Evaluate.h"

#include <cmath>

using namespace mlir;
using namespace tl::nn;

namespace tl {

/// The places in `x` that the window at `place` of `dy` holds, row by row.
template <typename Pool>
static std::vector<size_t> placesOfWindow(Pool op, const NNValue &x,
                                          const NNValue &dy, int64_t place) {
  int64_t channels = dy.shape[3], c = place % channels;
  int64_t ow = place / channels % dy.shape[2];
  int64_t oh = place / channels / dy.shape[2] % dy.shape[1];
  int64_t n = place / channels / dy.shape[2] / dy.shape[1];
  std::vector<size_t> places;
  for (int64_t kh = 0; kh < op.getWindow()[0]; ++kh)
    for (int64_t kw = 0; kw < op.getWindow()[1]; ++kw) {
      int64_t h = oh * op.getStrides()[0] + kh - op.getPads()[0];
      int64_t w = ow * op.getStrides()[1] + kw - op.getPads()[2];
      if (h >= 0 && h < x.shape[1] && w >= 0 && w < x.shape[2])
        places.push_back(((n * x.shape[1] + h) * x.shape[2] + w) * channels +
                         c);
    }
  return places;
}

LogicalResult evaluate(MaxPoolGradOp op, Frame &f) {
  const NNValue &dy = f[op.getGradient()], &x = f[op.getInput()];
  NNValue &dx = f.result(op);
  for (size_t i = 0; i < dy.data.size(); ++i) {
    auto places = placesOfWindow(op, x, dy, int64_t(i));
    size_t largest = places[0];
    for (size_t place : places)
      if (!std::isnan(x.data[largest]) && !(x.data[place] <= x.data[largest]))
        largest = place; // the first NaN is the largest, as in nn.max_pool
    dx.data[largest] += dy.data[i];
  }
  return success();
}

LogicalResult evaluate(AvgPoolGradOp op, Frame &f) {
  const NNValue &dy = f[op.getGradient()];
  NNValue &dx = f.result(op);
  for (size_t i = 0; i < dy.data.size(); ++i) {
    auto places = placesOfWindow(op, dx, dy, int64_t(i));
    double count = op.getCountPadding()
                       ? double(op.getWindow()[0] * op.getWindow()[1])
                       : double(places.size());
    for (size_t place : places)
      dx.data[place] += dy.data[i] / count;
  }
  return success();
}

LogicalResult evaluate(AdaptiveAvgPoolGradOp op, Frame &f) {
  const NNValue &dy = f[op.getGradient()];
  NNValue &dx = f.result(op);
  int64_t channels = dy.shape[3];
  for (int64_t i = 0; i < int64_t(dy.data.size()); ++i) {
    int64_t c = i % channels, ow = i / channels % dy.shape[2];
    int64_t oh = i / channels / dy.shape[2] % dy.shape[1];
    int64_t n = i / channels / dy.shape[2] / dy.shape[1];
    auto [top, bottom] = adaptiveWindow(oh, dx.shape[1], dy.shape[1]);
    auto [left, right] = adaptiveWindow(ow, dx.shape[2], dy.shape[2]);
    double share = dy.data[i] / double((bottom - top) * (right - left));
    for (int64_t h = top; h < bottom; ++h)
      for (int64_t w = left; w < right; ++w)
        dx.data[((n * dx.shape[1] + h) * dx.shape[2] + w) * channels + c] +=
            share;
  }
  return success();
}

} // namespace tl
