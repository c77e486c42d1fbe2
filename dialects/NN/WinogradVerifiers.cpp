// Verifiers and sizes of Winograd's convolutions (NNWinogradOps.td).
#include "dialects/NN/Expect.h"
#include "dialects/NN/Winograd.h"

using namespace mlir;

namespace tl::nn {

LogicalResult WinogradFilterOp::verify() {
  if (failed(expectRank(*this, "filter", getFilter(), 4)))
    return failure();
  ArrayRef<int64_t> w = shapeOf(getFilter());
  if (w[0] != winograd::kTaps || w[1] != winograd::kTaps)
    return emitOpError() << "filter must be 3 x 3, found " << w[0] << " x "
                         << w[1];
  int64_t inputs = w[2], outputs = w[3];
  if (getTransposed())
    std::swap(inputs, outputs);
  return expectShape(*this, "result", getResult(),
                     {winograd::kPlanes, inputs, outputs});
}

int64_t WinogradConv2DOp::getMapSize(unsigned d) {
  return windowOutput(shapeOf(getInput())[1 + d], winograd::kTaps, 1, 1,
                      getPads()[2 * d], getPads()[2 * d + 1]);
}

int64_t WinogradConv2DOp::getUsedSize(unsigned d) {
  return shapeOf(getResult())[1 + d] * (getPooled() ? winograd::kPool : 1);
}

LogicalResult WinogradConv2DOp::verify() {
  if (failed(expectRank(*this, "input", getInput(), 4)) ||
      failed(expectRank(*this, "filter", getFilter(), 3)) ||
      failed(expectPositive(*this, "pads", getPads(), 4, 0)))
    return failure();
  ArrayRef<int64_t> in = shapeOf(getInput()), u = shapeOf(getFilter());
  if (failed(expectShape(*this, "filter", getFilter(),
                         {winograd::kPlanes, in[3], u[2]})))
    return failure();
  if (getBias() && failed(expectShape(*this, "bias", getBias(), {u[2]})))
    return failure();
  SmallVector<int64_t> out{in[0], getMapSize(0), getMapSize(1), u[2]};
  if (std::min(out[1], out[2]) < 1)
    return emitOpError("the filter is larger than the padded input");
  if (getResidual() &&
      failed(expectShape(*this, "residual", getResidual(), out)))
    return failure();
  if (getPooled()) {
    for (int d : {1, 2})
      out[d] /= winograd::kPool;
    if (std::min(out[1], out[2]) < 1)
      return emitOpError() << "a map of " << getMapSize(0) << " x "
                           << getMapSize(1) << " has nothing to pool";
  }
  return expectShape(*this, "result", getResult(), out);
}

} // namespace tl::nn
