// The formulas of the layers (dialects/NN/NNOps.td), one function each. In
// the loops n is the picture, h and w the place, c a channel.
#include "compiler/Interpreter/Evaluate.h"

#include "dialects/NN/Activation.h"
#include "runtime/schema/Random.h"
#include "llvm/ADT/TypeSwitch.h"

#include <algorithm>
#include <cmath>

using namespace mlir;
using namespace tl::nn;

namespace tl {

namespace {
double activate(ActivationAttr activation, double x) {
  return activation ? evaluateActivation(activation, x) : x;
}

/// Element (n, h, w, c) of `[N, H, W, C]`.
int64_t at(const NNValue &v, int64_t n, int64_t h, int64_t w, int64_t c) {
  return ((n * v.shape[1] + h) * v.shape[2] + w) * v.shape[3] + c;
}
bool inside(const NNValue &v, int64_t h, int64_t w) {
  return h >= 0 && h < v.shape[1] && w >= 0 && w < v.shape[2];
}

template <typename Body> void forEachPlace(const NNValue &v, Body body) {
  for (int64_t n = 0; n < v.shape[0]; ++n)
    for (int64_t h = 0; h < v.shape[1]; ++h)
      for (int64_t w = 0; w < v.shape[2]; ++w)
        for (int64_t c = 0; c < v.shape[3]; ++c)
          body(n, h, w, c);
}

/// The convolution's sum for one output element, without bias.
double convolve(Conv2DOp op, const NNValue &x, const NNValue &w, int64_t n,
                int64_t oh, int64_t ow, int64_t oc) {
  auto strides = op.getStrides(), pads = op.getPads(), d = op.getDilations();
  int64_t groupIn = w.shape[2], groupOut = w.shape[3] / op.getGroups();
  int64_t first = oc / groupOut * groupIn;
  double sum = 0;
  for (int64_t kh = 0; kh < w.shape[0]; ++kh)
    for (int64_t kw = 0; kw < w.shape[1]; ++kw) {
      int64_t h = oh * strides[0] + kh * d[0] - pads[0];
      int64_t v = ow * strides[1] + kw * d[1] - pads[2];
      if (!inside(x, h, v))
        continue;
      for (int64_t ic = 0; ic < groupIn; ++ic)
        sum +=
            x.data[at(x, n, h, v, first + ic)] * w.data[at(w, kh, kw, ic, oc)];
    }
  return sum;
}

LogicalResult evaluate(Conv2DOp op, Frame &f) {
  const NNValue &x = f[op.getInput()], &w = f[op.getFilter()];
  NNValue &y = f.result(op);
  forEachPlace(y, [&](int64_t n, int64_t oh, int64_t ow, int64_t oc) {
    int64_t place = at(y, n, oh, ow, oc);
    double sum = convolve(op, x, w, n, oh, ow, oc);
    if (op.getBias())
      sum += f[op.getBias()].data[oc];
    if (op.getResidual())
      sum += f[op.getResidual()].data[place];
    y.data[place] = activate(op.getActivationAttr(), sum);
  });
  return success();
}

LogicalResult evaluate(BatchNormOp op, Frame &f) {
  const NNValue &x = f[op.getInput()];
  NNValue &y = f.result(op);
  int64_t channels = x.shape.back();
  double epsilon = op.getEpsilon().convertToDouble();
  for (size_t i = 0; i < x.data.size(); ++i) {
    int64_t c = i % channels;
    y.data[i] = (x.data[i] - f[op.getMean()].data[c]) /
                    std::sqrt(f[op.getVariance()].data[c] + epsilon) *
                    f[op.getGamma()].data[c] +
                f[op.getBeta()].data[c];
  }
  return success();
}

LogicalResult evaluate(DenseOp op, Frame &f) {
  const NNValue &x = f[op.getInput()], &w = f[op.getWeight()];
  NNValue &y = f.result(op);
  int64_t rows = w.shape[0], columns = w.shape[1];
  int64_t tokens = int64_t(x.data.size()) / rows;
  for (int64_t n = 0; n < tokens; ++n)
    for (int64_t m = 0; m < columns; ++m) {
      double sum = 0;
      for (int64_t k = 0; k < rows; ++k)
        sum += x.data[n * rows + k] * w.data[k * columns + m];
      if (op.getBias())
        sum += f[op.getBias()].data[m];
      y.data[n * columns + m] = activate(op.getActivationAttr(), sum);
    }
  return success();
}

LogicalResult evaluate(ActivationOp op, Frame &f) {
  const NNValue &x = f[op.getInput()];
  NNValue &y = f.result(op);
  for (size_t i = 0; i < x.data.size(); ++i)
    y.data[i] = evaluateActivation(op.getActivation(), x.data[i]);
  return success();
}

LogicalResult evaluate(SoftmaxOp op, Frame &f) {
  const NNValue &x = f[op.getInput()];
  NNValue &y = f.result(op);
  int64_t classes = x.shape.back();
  for (size_t row = 0; row < x.data.size(); row += classes) {
    auto first = x.data.begin() + row;
    double largest = *std::max_element(first, first + classes), sum = 0;
    for (int64_t c = 0; c < classes; ++c)
      sum += y.data[row + c] = std::exp(first[c] - largest);
    for (int64_t c = 0; c < classes; ++c)
      y.data[row + c] /= sum;
  }
  return success();
}

/// Calls `body(value)` for each element of the window at (n, oh, ow, c) that
/// lies inside the input.
template <typename Pool, typename Body>
void forEachInWindow(Pool op, const NNValue &x, int64_t n, int64_t oh,
                     int64_t ow, int64_t c, Body body) {
  for (int64_t kh = 0; kh < op.getWindow()[0]; ++kh)
    for (int64_t kw = 0; kw < op.getWindow()[1]; ++kw) {
      int64_t h = oh * op.getStrides()[0] + kh - op.getPads()[0];
      int64_t w = ow * op.getStrides()[1] + kw - op.getPads()[2];
      if (inside(x, h, w))
        body(x.data[at(x, n, h, w, c)]);
    }
}

LogicalResult evaluate(MaxPoolOp op, Frame &f) {
  const NNValue &x = f[op.getInput()];
  NNValue &y = f.result(op);
  forEachPlace(y, [&](int64_t n, int64_t h, int64_t w, int64_t c) {
    double largest = -std::numeric_limits<double>::infinity();
    forEachInWindow(op, x, n, h, w, c, [&](double v) {
      if (!std::isnan(largest) && !(v <= largest)) // a NaN stays
        largest = v;
    });
    y.data[at(y, n, h, w, c)] = largest;
  });
  return success();
}

LogicalResult evaluate(AvgPoolOp op, Frame &f) {
  const NNValue &x = f[op.getInput()];
  NNValue &y = f.result(op);
  forEachPlace(y, [&](int64_t n, int64_t h, int64_t w, int64_t c) {
    double sum = 0;
    int64_t count = 0;
    forEachInWindow(op, x, n, h, w, c, [&](double v) {
      sum += v;
      ++count;
    });
    if (op.getCountPadding())
      count = op.getWindow()[0] * op.getWindow()[1];
    y.data[at(y, n, h, w, c)] = sum / count;
  });
  return success();
}

LogicalResult evaluate(AdaptiveAvgPoolOp op, Frame &f) {
  const NNValue &x = f[op.getInput()];
  NNValue &y = f.result(op);
  forEachPlace(y, [&](int64_t n, int64_t oh, int64_t ow, int64_t c) {
    auto [top, bottom] = adaptiveWindow(oh, x.shape[1], y.shape[1]);
    auto [left, right] = adaptiveWindow(ow, x.shape[2], y.shape[2]);
    double sum = 0;
    for (int64_t h = top; h < bottom; ++h)
      for (int64_t w = left; w < right; ++w)
        sum += x.data[at(x, n, h, w, c)];
    y.data[at(y, n, oh, ow, c)] = sum / double((bottom - top) * (right - left));
  });
  return success();
}

LogicalResult evaluate(GlobalAvgPoolOp op, Frame &f) {
  const NNValue &x = f[op.getInput()];
  NNValue &y = f.result(op);
  forEachPlace(x, [&](int64_t n, int64_t h, int64_t w, int64_t c) {
    y.data[n * x.shape[3] + c] += x.data[at(x, n, h, w, c)];
  });
  for (double &element : y.data)
    element /= double(x.shape[1] * x.shape[2]);
  return success();
}

LogicalResult evaluate(ReshapeOp op, Frame &f) {
  f.result(op).data = f[op.getInput()].data;
  return success();
}

LogicalResult evaluate(PadOp op, Frame &f) {
  const NNValue &x = f[op.getInput()];
  NNValue &y = f.result(op);
  forEachPlace(x, [&](int64_t n, int64_t h, int64_t w, int64_t c) {
    y.data[at(y, n, h + op.getPads()[0], w + op.getPads()[2], c)] =
        x.data[at(x, n, h, w, c)];
  });
  return success();
}

LogicalResult evaluate(AddOp op, Frame &f) {
  const NNValue &a = f[op.getLhs()], &b = f[op.getRhs()];
  NNValue &y = f.result(op);
  for (size_t i = 0; i < y.data.size(); ++i)
    y.data[i] = activate(op.getActivationAttr(), a.data[i] + b.data[i]);
  return success();
}

LogicalResult evaluate(ConcatOp op, Frame &f) {
  NNValue &y = f.result(op);
  int64_t width = y.shape.back(), offset = 0;
  for (Value input : op.getInputs()) {
    const NNValue &x = f[input];
    int64_t channels = x.shape.back();
    for (size_t i = 0; i < x.data.size(); ++i)
      y.data[i / channels * width + offset + i % channels] = x.data[i];
    offset += channels;
  }
  return success();
}

/// Without ids and step: inference, where dropout changes nothing.
LogicalResult evaluate(DropoutOp op, Frame &f) {
  const NNValue &x = f[op.getInput()];
  NNValue &y = f.result(op);
  if (!op.getStep()) {
    y.data = x.data;
    return success();
  }
  schema::StepBlock step = stepBlock(f[op.getStep()]);
  double rate = op.getRate().convertToDouble();
  int64_t elements = x.perPicture();
  for (int64_t n = 0; n < x.shape[0]; ++n)
    for (int64_t i = 0; i < elements; ++i) {
      int64_t place = op.getPerPicture() ? 0 : i;
      schema::PhiloxBlock words = schema::philox4x32(
          {uint32_t(place / 4), uint32_t(int32_t(f[op.getIds()].data[n])),
           (step.phase << 20) ^ step.epoch,
           schema::kRandomDropout | uint32_t(op.getStream()) << 8},
          step.seedLow, step.seedHigh);
      bool kept = double(schema::uniformFloat(words[place % 4])) >= rate;
      double value = x.data[n * elements + i];
      y.data[n * elements + i] = kept ? value / (1 - rate) : 0;
    }
  return success();
}
} // namespace

LogicalResult evaluateLayer(Operation *op, Frame &frame) {
  return TypeSwitch<Operation *, LogicalResult>(op)
      .Case<Conv2DOp, BatchNormOp, DenseOp, ActivationOp, SoftmaxOp, MaxPoolOp,
            AvgPoolOp, GlobalAvgPoolOp, ReshapeOp, PadOp, AddOp, ConcatOp,
            SliceOp, PadChannelsOp, DropoutOp, AdaptiveAvgPoolOp>(
          [&](auto layer) { return evaluate(layer, frame); })
      .Case<LayerNormOp, AttentionOp, PrependTokenOp, AddPositionOp, MultiplyOp,
            ScaleChannelsOp, RescaleOp, StandardizeOp>(
          [&](auto layer) { return evaluate(layer, frame); })
      .Default([](Operation *unknown) {
        return unknown->emitError("the interpreter does not know this layer");
      });
}

} // namespace tl
