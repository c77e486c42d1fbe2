// The formulas of what works on tokens, values of shape [N, T, C]: layer norm,
// attention, the learnt token and position, and their gradients. Here n is the
// picture, i a query, j a key, d a channel of a head.
#include "compiler/Interpreter/Evaluate.h"

#include <algorithm>
#include <cmath>

using namespace mlir;
using namespace tl::nn;

namespace tl {

namespace {
/// Mean and 1 / sqrt(biased variance + epsilon) of one row.
struct RowStatistics {
  RowStatistics(ArrayRef<double> row, double epsilon) {
    for (double x : row)
      mean += x / double(row.size());
    double variance = 0;
    for (double x : row)
      variance += (x - mean) * (x - mean) / double(row.size());
    scale = 1 / std::sqrt(variance + epsilon);
  }
  double mean = 0, scale = 0;
};

/// One head of one picture: where its queries, keys and values lie in qkv, and
/// its channels of the result.
struct Head {
  Head(const NNValue &qkv, int64_t heads, int64_t n, int64_t h)
      : tokens(qkv.shape[1]), size(qkv.shape[2] / 3 / heads),
        width(qkv.shape[2] / 3), first(n * tokens), channel(h * size) {}

  /// Element of part 0 (q), 1 (k) or 2 (v).
  int64_t in(int part, int64_t token, int64_t d) const {
    return (first + token) * 3 * width + part * width + channel + d;
  }
  int64_t out(int64_t token, int64_t d) const {
    return (first + token) * width + channel + d;
  }

  int64_t tokens, size, width, first, channel;
};

/// softmax over j of scale q_i k_j.
std::vector<double> probabilities(const NNValue &qkv, const Head &head,
                                  double scale, int64_t i) {
  std::vector<double> p(head.tokens);
  for (int64_t j = 0; j < head.tokens; ++j)
    for (int64_t d = 0; d < head.size; ++d)
      p[j] += scale * qkv.data[head.in(0, i, d)] * qkv.data[head.in(1, j, d)];
  double largest = *std::max_element(p.begin(), p.end()), sum = 0;
  for (double &value : p)
    sum += value = std::exp(value - largest);
  for (double &value : p)
    value /= sum;
  return p;
}

template <typename Op, typename Body>
void forEachQuery(Op op, const NNValue &qkv, Body body) {
  for (int64_t n = 0; n < qkv.shape[0]; ++n)
    for (int64_t h = 0; h < int64_t(op.getHeads()); ++h) {
      Head head(qkv, op.getHeads(), n, h);
      for (int64_t i = 0; i < head.tokens; ++i)
        body(head, i,
             probabilities(qkv, head, op.getScale().convertToDouble(), i));
    }
}
} // namespace

LogicalResult evaluate(LayerNormOp op, Frame &f) {
  const NNValue &x = f[op.getInput()], &gamma = f[op.getGamma()];
  size_t channels = x.shape.back();
  for (size_t row = 0; row < x.data.size(); row += channels) {
    RowStatistics s(ArrayRef(x.data).slice(row, channels),
                    op.getEpsilon().convertToDouble());
    for (size_t c = 0; c < channels; ++c)
      f.result(op).data[row + c] =
          (x.data[row + c] - s.mean) * s.scale * gamma.data[c] +
          f[op.getBeta()].data[c];
  }
  return success();
}

LogicalResult evaluate(LayerNormGradInputOp op, Frame &f) {
  const NNValue &x = f[op.getInput()], &dy = f[op.getGradient()];
  const NNValue &gamma = f[op.getGamma()];
  size_t channels = x.shape.back();
  for (size_t row = 0; row < x.data.size(); row += channels) {
    RowStatistics s(ArrayRef(x.data).slice(row, channels),
                    op.getEpsilon().convertToDouble());
    auto normal = [&](size_t c) {
      return (x.data[row + c] - s.mean) * s.scale;
    };
    double meanG = 0, meanGX = 0;
    for (size_t c = 0; c < channels; ++c) {
      double g = dy.data[row + c] * gamma.data[c];
      meanG += g / double(channels);
      meanGX += g * normal(c) / double(channels);
    }
    for (size_t c = 0; c < channels; ++c)
      f.result(op).data[row + c] = s.scale * (dy.data[row + c] * gamma.data[c] -
                                              meanG - normal(c) * meanGX);
  }
  return success();
}

LogicalResult evaluate(LayerNormGradAffineOp op, Frame &f) {
  const NNValue &x = f[op.getInput()], &dy = f[op.getGradient()];
  size_t channels = x.shape.back();
  for (size_t row = 0; row < x.data.size(); row += channels) {
    RowStatistics s(ArrayRef(x.data).slice(row, channels),
                    op.getEpsilon().convertToDouble());
    for (size_t c = 0; c < channels; ++c) {
      double g = dy.data[row + c];
      f.result(op, 0).data[c] += g * (x.data[row + c] - s.mean) * s.scale;
      f.result(op, 1).data[c] += g;
    }
  }
  return success();
}

LogicalResult evaluate(AttentionOp op, Frame &f) {
  const NNValue &qkv = f[op.getQkv()];
  NNValue &y = f.result(op);
  forEachQuery(op, qkv, [&](const Head &head, int64_t i, ArrayRef<double> p) {
    for (int64_t j = 0; j < head.tokens; ++j)
      for (int64_t d = 0; d < head.size; ++d)
        y.data[head.out(i, d)] += p[j] * qkv.data[head.in(2, j, d)];
  });
  return success();
}

LogicalResult evaluate(AttentionGradOp op, Frame &f) {
  const NNValue &qkv = f[op.getQkv()], &dy = f[op.getGradient()];
  NNValue &dx = f.result(op);
  double scale = op.getScale().convertToDouble();
  auto gradients = [&](const Head &head, int64_t i, ArrayRef<double> p) {
    std::vector<double> dp(head.tokens);
    double sum = 0;
    for (int64_t j = 0; j < head.tokens; ++j) {
      for (int64_t d = 0; d < head.size; ++d)
        dp[j] += dy.data[head.out(i, d)] * qkv.data[head.in(2, j, d)];
      sum += dp[j] * p[j];
    }
    for (int64_t j = 0; j < head.tokens; ++j)
      for (int64_t d = 0; d < head.size; ++d) {
        double ds = scale * p[j] * (dp[j] - sum);
        dx.data[head.in(0, i, d)] += ds * qkv.data[head.in(1, j, d)];
        dx.data[head.in(1, j, d)] += ds * qkv.data[head.in(0, i, d)];
        dx.data[head.in(2, j, d)] += p[j] * dy.data[head.out(i, d)];
      }
  };
  forEachQuery(op, qkv, gradients);
  return success();
}

LogicalResult evaluate(PrependTokenOp op, Frame &f) {
  const NNValue &x = f[op.getInput()], &token = f[op.getToken()];
  NNValue &y = f.result(op);
  int64_t in = x.perPicture(), out = y.perPicture();
  for (int64_t n = 0; n < x.shape[0]; ++n) {
    auto to = y.data.begin() + n * out;
    to = std::copy(token.data.begin(), token.data.end(), to);
    std::copy_n(x.data.begin() + n * in, in, to);
  }
  return success();
}

LogicalResult evaluate(AddPositionOp op, Frame &f) {
  const NNValue &x = f[op.getInput()], &position = f[op.getPosition()];
  for (size_t i = 0; i < x.data.size(); ++i)
    f.result(op).data[i] = x.data[i] + position.data[i % position.data.size()];
  return success();
}

LogicalResult evaluate(BatchSumOp op, Frame &f) {
  const NNValue &dy = f[op.getGradient()];
  std::vector<double> &sums = f.result(op).data;
  for (size_t i = 0; i < dy.data.size(); ++i)
    sums[i % sums.size()] += dy.data[i];
  return success();
}

} // namespace tl
