// The formulas of the convolution's gradients (dialects/NN/NNTrainingOps.td).
// Both walk the products of the forward pass, each from x[n, h, w, i] through
// filter[kh, kw, i, o] to y[n, oh, ow, o], and add where they belong.
#include "compiler/Interpreter/Evaluate.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace tl::nn;

namespace tl {

namespace {
/// Element (a, b, c, d) of a value with four dimensions.
int64_t at(const NNValue &v, int64_t a, int64_t b, int64_t c, int64_t d) {
  return ((a * v.shape[1] + b) * v.shape[2] + c) * v.shape[3] + d;
}

/// One product of a convolution: the places of its three elements, with the
/// input channel `i` counted within its group.
struct Product {
  int64_t n, h, w, oh, ow, kh, kw, i, channel, o;
};

/// Calls body(product) for all of a convolution from `x` to `y`, `kernel` high
/// and wide.
template <typename Op, typename Body>
void forEachProduct(Op op, const NNValue &x, const NNValue &y,
                    ArrayRef<int64_t> kernel, Body body) {
  int64_t groups = op.getGroups();
  int64_t groupIn = x.shape[3] / groups, groupOut = y.shape[3] / groups;
  auto place = [&](int64_t out, int64_t tap, unsigned d) {
    return out * op.getStrides()[d] - op.getPads()[2 * d] +
           tap * op.getDilations()[d];
  };
  Product p;
  for (p.n = 0; p.n < y.shape[0]; ++p.n)
    for (p.oh = 0; p.oh < y.shape[1]; ++p.oh)
      for (p.ow = 0; p.ow < y.shape[2]; ++p.ow)
        for (p.kh = 0; p.kh < kernel[0]; ++p.kh)
          for (p.kw = 0; p.kw < kernel[1]; ++p.kw) {
            p.h = place(p.oh, p.kh, 0);
            p.w = place(p.ow, p.kw, 1);
            if (p.h < 0 || p.h >= x.shape[1] || p.w < 0 || p.w >= x.shape[2])
              continue;
            for (p.o = 0; p.o < y.shape[3]; ++p.o)
              for (p.i = 0; p.i < groupIn; ++p.i) {
                p.channel = p.o / groupOut * groupIn + p.i;
                body(p);
              }
          }
}

LogicalResult evaluate(TransposeFilterOp op, Frame &f) {
  const NNValue &w = f[op.getFilter()];
  NNValue &result = f.result(op);
  int64_t groupIn = w.shape[2], groupOut = result.shape[2];
  for (int64_t kh = 0; kh < w.shape[0]; ++kh)
    for (int64_t kw = 0; kw < w.shape[1]; ++kw)
      for (int64_t i = 0; i < groupIn; ++i)
        for (int64_t o = 0; o < w.shape[3]; ++o)
          result.data[at(result, kh, kw, o % groupOut,
                         o / groupOut * groupIn + i)] =
              w.data[at(w, kh, kw, i, o)];
  return success();
}

LogicalResult evaluate(Conv2DGradInputOp op, Frame &f) {
  const NNValue &dy = f[op.getGradient()], &w = f[op.getFilter()];
  NNValue &dx = f.result(op);
  int64_t groupOut = w.shape[2];
  forEachProduct(op, dx, dy, w.shape, [&](const Product &p) {
    dx.data[at(dx, p.n, p.h, p.w, p.channel)] +=
        dy.data[at(dy, p.n, p.oh, p.ow, p.o)] *
        w.data[at(w, p.kh, p.kw, p.o % groupOut, p.channel)];
  });
  return success();
}

LogicalResult evaluate(Conv2DGradFilterOp op, Frame &f) {
  const NNValue &x = f[op.getInput()], &dy = f[op.getGradient()];
  NNValue &dw = f.result(op);
  forEachProduct(op, x, dy, dw.shape, [&](const Product &p) {
    dw.data[at(dw, p.kh, p.kw, p.i, p.o)] +=
        x.data[at(x, p.n, p.h, p.w, p.channel)] *
        dy.data[at(dy, p.n, p.oh, p.ow, p.o)];
  });
  return success();
}
} // namespace

LogicalResult evaluateConvGradient(Operation *op, Frame &frame) {
  return TypeSwitch<Operation *, LogicalResult>(op)
      .Case<TransposeFilterOp, Conv2DGradInputOp, Conv2DGradFilterOp>(
          [&](auto known) { return evaluate(known, frame); })
      .Default([](Operation *unknown) {
        return unknown->emitError("is no gradient of a convolution");
      });
}

} // namespace tl
