// Shape checks; see the header.
#include "dialects/NN/Expect.h"

using namespace mlir;

namespace tl::nn {

std::string text(ArrayRef<int64_t> shape) {
  std::string result;
  llvm::raw_string_ostream os(result);
  os << "[";
  llvm::interleaveComma(shape, os, [&](int64_t d) {
    if (ShapedType::isDynamic(d))
      os << "N";
    else
      os << d;
  });
  os << "]";
  return result;
}

LogicalResult expectShape(Operation *op, StringRef what, Value value,
                          ArrayRef<int64_t> expected) {
  if (shapeOf(value) == expected)
    return success();
  return op->emitOpError() << what << " must be " << text(expected)
                           << ", found " << text(shapeOf(value));
}

LogicalResult expectRank(Operation *op, StringRef what, Value value,
                         int64_t rank) {
  if (typeOf(value).getRank() == rank)
    return success();
  return op->emitOpError() << what << " must have " << rank
                           << " dimensions, found " << text(shapeOf(value));
}

LogicalResult expectPositive(Operation *op, StringRef what,
                             ArrayRef<int64_t> values, size_t count,
                             int64_t least) {
  if (values.size() == count &&
      llvm::all_of(values, [&](int64_t v) { return v >= least; }))
    return success();
  return op->emitOpError() << what << " must be " << count
                           << " numbers of at least " << least;
}

/// Output size of a window operation along one dimension, or -1.
int64_t windowOutput(int64_t size, int64_t window, int64_t dilation,
                     int64_t stride, int64_t before, int64_t after) {
  int64_t reach = (window - 1) * dilation + 1;
  int64_t room = size + before + after - reach;
  return room < 0 ? -1 : room / stride + 1;
}

LogicalResult expectPool(Operation *op, Value input, Value result,
                         ArrayRef<int64_t> window, ArrayRef<int64_t> strides,
                         ArrayRef<int64_t> pads) {
  if (failed(expectRank(op, "input", input, 4)) ||
      failed(expectPositive(op, "window", window, 2, 1)) ||
      failed(expectPositive(op, "strides", strides, 2, 1)) ||
      failed(expectPositive(op, "pads", pads, 4, 0)))
    return failure();
  ArrayRef<int64_t> in = shapeOf(input);
  SmallVector<int64_t> out{in[0], 0, 0, in[3]};
  for (int d : {0, 1}) {
    if (pads[2 * d] >= window[d])
      return op->emitOpError("a window must hold at least one input element: "
                             "padding before must be less than the window");
    out[1 + d] = windowOutput(in[1 + d], window[d], 1, strides[d], pads[2 * d],
                              pads[2 * d + 1]);
    if ((out[1 + d] - 1) * strides[d] >= in[1 + d] + pads[2 * d])
      return op->emitOpError("a window must hold at least one input element: "
                             "the last one starts past the input");
  }
  return expectShape(op, "result", result, out);
}

LogicalResult expectAdaptivePool(Operation *op, Value input, Value result) {
  if (failed(expectRank(op, "input", input, 4)) ||
      failed(expectRank(op, "result", result, 4)))
    return failure();
  ArrayRef<int64_t> in = shapeOf(input), out = shapeOf(result);
  return expectShape(op, "result", result, {in[0], out[1], out[2], in[3]});
}

LogicalResult expectSlice(Operation *op, ArrayRef<int64_t> whole,
                          ArrayRef<int64_t> part, ArrayRef<int64_t> offsets,
                          ArrayRef<int64_t> strides) {
  if (whole.size() != part.size() || whole.empty() || whole[0] != part[0])
    return op->emitOpError() << "must keep the batch and the number of "
                                "dimensions, found "
                             << text(whole) << " and " << text(part);
  size_t rank = whole.size() - 1;
  if (failed(expectPositive(op, "offsets", offsets, rank, 0)) ||
      failed(expectPositive(op, "strides", strides, rank, 1)))
    return failure();
  for (size_t d = 0; d < rank; ++d)
    if (offsets[d] + (part[d + 1] - 1) * strides[d] >= whole[d + 1])
      return op->emitOpError() << "reaches past the " << whole[d + 1]
                               << " elements of dimension " << d + 1;
  return success();
}

SmallVector<int64_t> gateOf(ArrayRef<int64_t> shape) {
  SmallVector<int64_t> gate(shape);
  for (size_t d = 1; d + 1 < gate.size(); ++d)
    gate[d] = 1;
  return gate;
}

LogicalResult expectHeads(Operation *op, Value qkv, int64_t heads) {
  if (failed(expectRank(op, "qkv", qkv, 3)))
    return failure();
  int64_t channels = shapeOf(qkv).back();
  if (heads >= 1 && channels % (3 * heads) == 0)
    return success();
  return op->emitOpError() << "qkv must have a multiple of 3 x " << heads
                           << " channels, found " << channels;
}

LogicalResult expectConvolution(Operation *op, ArrayRef<int64_t> input,
                                ArrayRef<int64_t> filter,
                                ArrayRef<int64_t> output,
                                ArrayRef<int64_t> strides,
                                ArrayRef<int64_t> pads,
                                ArrayRef<int64_t> dilations, int64_t groups) {
  if (input.size() != 4 || filter.size() != 4 || output.size() != 4)
    return op->emitOpError("works on values with 4 dimensions");
  if (failed(expectPositive(op, "strides", strides, 2, 1)) ||
      failed(expectPositive(op, "dilations", dilations, 2, 1)) ||
      failed(expectPositive(op, "pads", pads, 4, 0)))
    return failure();
  SmallVector<int64_t> expected{input[0], 0, 0, filter[3]};
  for (int d : {0, 1})
    expected[1 + d] = windowOutput(input[1 + d], filter[d], dilations[d],
                                   strides[d], pads[2 * d], pads[2 * d + 1]);
  if (groups < 1 || input[3] % groups || filter[3] % groups ||
      filter[2] != input[3] / groups || ArrayRef(expected) != output)
    return op->emitOpError()
           << "no convolution of " << text(input) << " by " << text(filter)
           << " in " << groups << " groups gives " << text(output);
  return success();
}

} // namespace tl::nn
