// Geometry of windows, one dimension at a time; see the header.
#include "dialects/NN/Reach.h"

#include "dialects/NN/Winograd.h"

using namespace mlir;

namespace tl::nn {

namespace {
/// A dimension of a convolution from `in` to `out` elements.
struct Dimension {
  int64_t in, out, kernel, stride, dilation, pad;
};
struct Range {
  int64_t first = 0, last = 0;
};

template <typename Op>
Dimension dimensionOf(Op op, unsigned d, Value in, Value out) {
  auto size = [&](Value value, unsigned index) {
    return cast<RankedTensorType>(value.getType()).getDimSize(index);
  };
  Value filter;
  if constexpr (std::is_same_v<Op, Conv2DGradFilterOp>)
    filter = op.getResult();
  else
    filter = op.getFilter();
  return {size(in, 1 + d),    size(out, 1 + d),     size(filter, d),
          op.getStrides()[d], op.getDilations()[d], op.getPads()[2 * d]};
}

HaloSizes outside(ArrayRef<Range> ranges, Value value) {
  auto type = cast<RankedTensorType>(value.getType());
  int64_t sides[4];
  for (int d : {0, 1}) {
    sides[2 * d] = std::max<int64_t>(0, -ranges[d].first);
    sides[2 * d + 1] =
        std::max<int64_t>(0, ranges[d].last - (type.getDimSize(1 + d) - 1));
  }
  return {sides[0], sides[1], sides[2], sides[3]};
}

/// What the windows read of the input.
template <typename Op> HaloSizes windowReach(Op op, Value in, Value out) {
  Range ranges[2];
  for (unsigned d : {0, 1}) {
    Dimension c = dimensionOf(op, d, in, out);
    ranges[d] = {-c.pad,
                 (c.out - 1) * c.stride - c.pad + (c.kernel - 1) * c.dilation};
  }
  return outside(ranges, in);
}
} // namespace

HaloSizes reachOf(Conv2DOp op) {
  return windowReach(op, op.getInput(), op.getResult());
}

HaloSizes reachOf(Conv2DGradFilterOp op) {
  return windowReach(op, op.getInput(), op.getGradient());
}

HaloSizes reachOf(WinogradConv2DOp op) {
  Range ranges[2];
  for (unsigned d : {0, 1}) {
    int64_t blocks = winograd::blocksFor(op.getUsedSize(d));
    int64_t first = -op.getPads()[2 * d];
    ranges[d] = {first,
                 first + blocks * winograd::kOutputs + winograd::kTaps - 2};
  }
  return outside(ranges, op.getInput());
}

HaloSizes reachOf(Conv2DGradInputOp op) {
  Range ranges[2];
  for (unsigned d : {0, 1}) {
    Dimension c = dimensionOf(op, d, op.getResult(), op.getGradient());
    for (int64_t h = 0; h < c.in; ++h)
      for (int64_t k = 0; k < c.kernel; ++k) {
        int64_t place = h + c.pad - k * c.dilation;
        if (place % c.stride)
          continue;
        ranges[d].first = std::min(ranges[d].first, place / c.stride);
        ranges[d].last = std::max(ranges[d].last, place / c.stride);
      }
  }
  return outside(ranges, op.getGradient());
}

} // namespace tl::nn
