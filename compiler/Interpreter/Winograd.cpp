// Winograd's convolutions (dialects/NN/NNWinogradOps.td), by the matrices of
// dialects/NN/Winograd.h.
#include "compiler/Interpreter/Evaluate.h"

#include "dialects/NN/Activation.h"
#include "dialects/NN/Winograd.h"
#include "llvm/ADT/TypeSwitch.h"

#include <cmath>
#include <limits>

using namespace mlir;
using namespace tl::nn;

namespace tl {

namespace {
using namespace winograd;

/// m x m^T.
template <size_t Rows, size_t Columns>
Matrix<Rows, Rows> sandwich(const Matrix<Rows, Columns> &m,
                            const Matrix<Columns, Columns> &x) {
  Matrix<Rows, Rows> result{};
  for (size_t i = 0; i < Rows; ++i)
    for (size_t j = 0; j < Rows; ++j)
      for (size_t k = 0; k < Columns; ++k)
        for (size_t l = 0; l < Columns; ++l)
          result[i][j] += m[i][k] * x[k][l] * m[j][l];
  return result;
}

LogicalResult evaluate(WinogradFilterOp op, Frame &f) {
  const NNValue &w = f[op.getFilter()];
  NNValue &u = f.result(op);
  int64_t inputs = w.shape[2], outputs = w.shape[3], pairs = inputs * outputs;
  constexpr int64_t taps = kTaps * kTaps;
  for (int64_t pair = 0; pair < pairs; ++pair) {
    Matrix<kTaps, kTaps> g;
    for (int64_t t = 0; t < taps; ++t)
      g[t / kTaps][t % kTaps] =
          w.data[(op.getTransposed() ? taps - 1 - t : t) * pairs + pair];
    auto points = sandwich(filterMatrix(), g);
    int64_t place =
        op.getTransposed() ? pair % outputs * inputs + pair / outputs : pair;
    for (int64_t p = 0; p < kPlanes; ++p)
      u.data[p * pairs + place] = points[p / kInputs][p % kInputs];
  }
  return success();
}

/// A block of inputs of one channel from (h, w) on, zero outside.
Matrix<kInputs, kInputs> inputs(const NNValue &x, int64_t n, int64_t h,
                                int64_t w, int64_t channel) {
  Matrix<kInputs, kInputs> block{};
  for (int64_t i = 0; i < kInputs; ++i)
    for (int64_t j = 0; j < kInputs; ++j)
      if (h + i >= 0 && h + i < x.shape[1] && w + j >= 0 && w + j < x.shape[2])
        block[i][j] = x.data[((n * x.shape[1] + h + i) * x.shape[2] + w + j) *
                                 x.shape[3] +
                             channel];
  return block;
}

/// Bias, residual and activation of one block of outputs of channel `o`.
void finish(WinogradConv2DOp op, Frame &f, NNValue &y, int64_t n, int64_t h,
            int64_t w, int64_t o, const Matrix<kOutputs, kOutputs> &sums) {
  for (int64_t i = h; i < std::min(h + kOutputs, y.shape[1]); ++i)
    for (int64_t j = w; j < std::min(w + kOutputs, y.shape[2]); ++j) {
      int64_t place = ((n * y.shape[1] + i) * y.shape[2] + j) * y.shape[3] + o;
      double sum = sums[i - h][j - w];
      if (op.getBias())
        sum += f[op.getBias()].data[o];
      if (op.getResidual())
        sum += f[op.getResidual()].data[place];
      ActivationAttr activation = op.getActivationAttr();
      y.data[place] = activation ? evaluateActivation(activation, sum) : sum;
    }
}

/// The maximum of each 2 x 2 block of `map`; a NaN stays.
void pool(const NNValue &map, NNValue &y) {
  int64_t channels = y.shape[3];
  for (int64_t place = 0; place < int64_t(y.data.size()); ++place) {
    int64_t pixel = place / channels, column = pixel % y.shape[2];
    int64_t line = pixel / y.shape[2]; // of all pictures
    int64_t h = line / y.shape[1] * map.shape[1] + line % y.shape[1] * kPool;
    double largest = -std::numeric_limits<double>::infinity();
    for (int64_t i = 0; i < kPool * kPool; ++i) {
      int64_t w = column * kPool + i % kPool;
      double value = map.data[((h + i / kPool) * map.shape[2] + w) * channels +
                              place % channels];
      if (!std::isnan(largest) && !(value <= largest))
        largest = value;
    }
    y.data[place] = largest;
  }
}

LogicalResult evaluate(WinogradConv2DOp op, Frame &f) {
  const NNValue &x = f[op.getInput()], &u = f[op.getFilter()];
  NNValue y({x.shape[0], op.getMapSize(0), op.getMapSize(1), u.shape[2]});
  int64_t channels = x.shape[3], outputs = y.shape[3];
  for (int64_t n = 0; n < y.shape[0]; ++n)
    for (int64_t h = 0; h < y.shape[1]; h += kOutputs)
      for (int64_t w = 0; w < y.shape[2]; w += kOutputs) {
        std::vector<Matrix<kInputs, kInputs>> products(outputs);
        for (int64_t c = 0; c < channels; ++c) {
          auto values =
              sandwich(inputMatrix(), inputs(x, n, h - op.getPads()[0],
                                             w - op.getPads()[2], c));
          for (int64_t p = 0; p < kPlanes; ++p)
            for (int64_t o = 0; o < outputs; ++o)
              products[o][p / kInputs][p % kInputs] +=
                  values[p / kInputs][p % kInputs] *
                  u.data[(p * channels + c) * outputs + o];
        }
        for (int64_t o = 0; o < outputs; ++o)
          finish(op, f, y, n, h, w, o, sandwich(outputMatrix(), products[o]));
      }
  if (op.getPooled())
    pool(y, f.result(op));
  else
    f.result(op) = y;
  return success();
}
} // namespace

LogicalResult evaluateWinograd(Operation *op, Frame &frame) {
  return TypeSwitch<Operation *, LogicalResult>(op)
      .Case<WinogradFilterOp, WinogradConv2DOp>(
          [&](auto known) { return evaluate(known, frame); })
      .Default([](Operation *unknown) {
        return unknown->emitError("is no Winograd convolution");
      });
}

} // namespace tl
