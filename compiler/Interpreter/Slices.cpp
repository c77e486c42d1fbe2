// The formulas of nn.slice, its gradient and nn.pad_channels, for values of
// any number of dimensions: an element's indices are worked out from its place
// in the part, and its place in the whole from those.
#include "compiler/Interpreter/Evaluate.h"

using namespace mlir;
using namespace tl::nn;

namespace tl {

/// body(place in the whole, place in the part) for each element of the part.
template <typename Body>
static void forEachInSlice(const NNValue &whole, const NNValue &part,
                           ArrayRef<int64_t> offsets, ArrayRef<int64_t> strides,
                           Body body) {
  for (size_t i = 0; i < part.data.size(); ++i) {
    int64_t rest = int64_t(i), place = 0, step = 1;
    for (size_t d = part.shape.size() - 1; d > 0; --d) {
      int64_t index = offsets[d - 1] + strides[d - 1] * (rest % part.shape[d]);
      place += index * step;
      rest /= part.shape[d];
      step *= whole.shape[d];
    }
    body(size_t(place + rest * step), i);
  }
}

LogicalResult evaluate(SliceOp op, Frame &f) {
  const NNValue &x = f[op.getInput()];
  NNValue &y = f.result(op);
  forEachInSlice(
      x, y, op.getOffsets(), op.getStrides(),
      [&](size_t whole, size_t part) { y.data[part] = x.data[whole]; });
  return success();
}

LogicalResult evaluate(SliceGradOp op, Frame &f) {
  const NNValue &dy = f[op.getGradient()];
  NNValue &dx = f.result(op);
  forEachInSlice(
      dx, dy, op.getOffsets(), op.getStrides(),
      [&](size_t whole, size_t part) { dx.data[whole] = dy.data[part]; });
  return success();
}

LogicalResult evaluate(PadChannelsOp op, Frame &f) {
  const NNValue &x = f[op.getInput()];
  NNValue &y = f.result(op);
  int64_t channels = x.shape.back(), width = y.shape.back();
  for (size_t i = 0; i < x.data.size(); ++i)
    y.data[i / channels * width + op.getBefore() + i % channels] = x.data[i];
  return success();
}

} // namespace tl
