// The losses and their gradients, from logits. Written so that nothing
// cancels: with m the largest logit and t the target, whose sum is one,
//
//   softmax: log(sum_c e^(z_c - m)) + (1 - s)(m - z_label) + s/M sum_c (m -
//   z_c) sigmoid: |z| (z >= 0 ? 1 - t : t) + log(1 + e^-|z|)
//
// are sums of terms that are never negative; the logarithm is taken as
// log1p of the sum without the largest term. Between two labels (`mix`) the
// terms are mixed, never the difference. A label is only ever compared with,
// never used as an index.
#include "compiler/Conversion/KernelsToCPU/Emitters.h"
#include "compiler/Conversion/KernelsToCPU/PictureTiles.h"
#include "compiler/Conversion/KernelsToCPU/VectorMath.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using Predicate = mlir::arith::CmpFPredicate;

namespace tl::cpu {

using Value = mlir::Value;

namespace {
VectorType integers(KernelBuilder &b, int64_t lanes) {
  return VectorType::get({lanes}, b.getI32Type());
}

/// The batch size as f32.
Value batchAsFloat(KernelBuilder &b) {
  return arith::SIToFPOp::create(b, b.getF32Type(), b.batch());
}

/// One where class first + lane is the label (an i32), else zero.
Value oneHot(KernelBuilder &b, Value label, Value first, int64_t lanes) {
  SmallVector<int32_t> steps(lanes);
  for (int32_t i = 0; i < lanes; ++i)
    steps[i] = i;
  auto type = integers(b, lanes);
  Value offsets = arith::ConstantOp::create(
      b, DenseElementsAttr::get(type, ArrayRef<int32_t>(steps)));
  Value start = arith::TruncIOp::create(b, b.getI32Type(), first);
  Value classes = arith::AddIOp::create(
      b, vector::BroadcastOp::create(b, type, start), offsets);
  Value hit =
      arith::CmpIOp::create(b, arith::CmpIPredicate::eq, classes,
                            vector::BroadcastOp::create(b, type, label));
  return b.select(hit, b.splat(1, lanes), b.splat(0, lanes));
}

/// The largest logit of a row, and the sum of e^(z - m) over the others: of
/// several largest ones, all but one count 1 each.
struct Exponentials {
  Value largest, others;
};
Exponentials exponentials(KernelBuilder &b, Value logits, int64_t classes) {
  Value largest = maximumOf(b, logits, classes);
  auto isLargest = [&](Value z, int64_t lanes) {
    return b.compareF(Predicate::OEQ, z, b.broadcast(largest, lanes));
  };
  Value sum = sumOver(b, classes, [&](Value c, int64_t lanes) {
    Value z = b.load(b.at(logits, c), lanes);
    Value e = exp(b, b.subF(z, b.broadcast(largest, lanes)));
    return b.select(isLargest(z, lanes), b.splat(0, lanes), e);
  });
  Value count = sumOver(b, classes, [&](Value c, int64_t lanes) {
    Value z = b.load(b.at(logits, c), lanes);
    return b.select(isLargest(z, lanes), b.splat(1, lanes), b.splat(0, lanes));
  });
  return {largest, b.addF(sum, b.subF(count, b.splat(1, 0)))};
}

/// What one picture should be: its label, or `mix` (f32) of it and the rest of
/// `mixLabel`; and how often it counts. Null where the loss has no such thing.
struct Target {
  Value label, mixLabel, mix, weight;

  template <typename Loss>
  Target(KernelBuilder &b, Loss loss, Value picture)
      : label(
            b.loadInteger(b.at(b.buffer(loss.getLabels()).pointer, picture))) {
    if (Value mixed = loss.getMix()) {
      mix = b.loadScalar(b.at(b.buffer(mixed).pointer, picture));
      mixLabel =
          b.loadInteger(b.at(b.buffer(loss.getMixLabels()).pointer, picture));
    }
    if (Value weights = loss.getWeights())
      weight = b.loadScalar(b.at(b.buffer(weights).pointer, picture));
  }

  /// The unsmoothed target of the classes from `first` on.
  Value hits(KernelBuilder &b, Value first, int64_t lanes) const {
    Value hit = oneHot(b, label, first, lanes);
    if (!mix)
      return hit;
    Value share = b.broadcast(mix, lanes);
    Value rest = b.subF(b.splat(1, lanes), share);
    return b.fma(hit, share, b.mulF(oneHot(b, mixLabel, first, lanes), rest));
  }

  /// `value`, counted `weight` times.
  Value weighted(KernelBuilder &b, Value value, int64_t lanes = 0) const {
    if (!weight)
      return value;
    return b.mulF(value, lanes ? b.broadcast(weight, lanes) : weight);
  }
};

/// body(picture, row of logits, target) for each picture of this tile.
template <typename Loss>
Grid forEachPicture(KernelBuilder &b, Loss loss,
                    function_ref<void(Value, Value, const Target &)> body) {
  Buffer logits = b.buffer(loss.getLogits());
  int64_t classes = logits.channels();
  // An exponential is some 20 operations.
  PictureTiles tiles(1, classes, kTileElements / 16);
  tiles.forEach(b, [&](Value picture, Value, Value) {
    body(picture, b.at(logits.pointer, b.mul(picture, classes)),
         Target(b, loss, picture));
  });
  return tiles.grid();
}

/// body(first picture, lanes) over all pictures, in one tile: a loss of one
/// logit is a handful of vectors.
Grid forEachPictureVector(KernelBuilder &b,
                          function_ref<void(Value, int64_t)> body) {
  b.describe("vectors, pictures are the lanes");
  b.forEachVector(b.batch(), body);
  return {1, 1, 0, 0};
}

/// The labels of `lanes` pictures, 0 or 1, as f32.
Value labelsAsFloat(KernelBuilder &b, mlir::Value labels, Value first,
                    int64_t lanes) {
  Value label = LLVM::LoadOp::create(b, integers(b, lanes),
                                     b.at(b.buffer(labels).pointer, first), 4);
  return arith::SIToFPOp::create(b, b.vectorType(lanes), label);
}

/// The smoothed targets of `lanes` pictures: t (1 - s) + s / 2, t the label or
/// the mix of two.
template <typename Loss>
Value sigmoidTargets(KernelBuilder &b, Loss loss, Value first, int64_t lanes) {
  double smoothing = loss.getLabelSmoothing().convertToDouble();
  Value t = labelsAsFloat(b, loss.getLabels(), first, lanes);
  if (Value mixed = loss.getMix()) {
    Value mix = b.load(b.at(b.buffer(mixed).pointer, first), lanes);
    Value other = labelsAsFloat(b, loss.getMixLabels(), first, lanes);
    Value rest = b.subF(b.splat(1, lanes), mix);
    t = b.fma(t, mix, b.mulF(other, rest));
  }
  return b.fma(t, b.splat(1 - smoothing, lanes), b.splat(smoothing / 2, lanes));
}

/// `value` of `lanes` pictures, each counted as often as its weight says.
template <typename Loss>
Value weighted(KernelBuilder &b, Loss loss, Value first, int64_t lanes,
               Value value) {
  Value weights = loss.getWeights();
  if (!weights)
    return value;
  return b.mulF(value, b.load(b.at(b.buffer(weights).pointer, first), lanes));
}
} // namespace

llvm::FailureOr<Grid> emitSoftmaxCrossEntropy(KernelBuilder &b,
                                              mlir::Operation *op) {
  auto loss = cast<nn::SoftmaxCrossEntropyOp>(op);
  Buffer z = b.buffer(loss.getLogits()), y = b.buffer(loss.getResult());
  int64_t classes = z.channels();
  double smoothing = loss.getLabelSmoothing().convertToDouble();
  auto body = [&](Value picture, Value row, const Target &target) {
    Exponentials e = exponentials(b, row, classes);
    auto below = [&](Value c, int64_t lanes) {
      return b.subF(b.broadcast(e.largest, lanes), b.load(b.at(row, c), lanes));
    };
    Value missed = sumOver(b, classes, [&](Value c, int64_t lanes) {
      return b.mulF(below(c, lanes), target.hits(b, c, lanes));
    });
    Value result = log1p(b, e.others);
    result = b.fma(missed, b.splat(1 - smoothing, 0), result);
    if (smoothing != 0)
      result = b.fma(sumOver(b, classes, below),
                     b.splat(smoothing / double(classes), 0), result);
    b.storeScalar(target.weighted(b, result), b.at(y.pointer, picture));
  };
  return forEachPicture(b, loss, body);
}

llvm::FailureOr<Grid> emitSoftmaxCrossEntropyGrad(KernelBuilder &b,
                                                  mlir::Operation *op) {
  auto loss = cast<nn::SoftmaxCrossEntropyGradOp>(op);
  Buffer z = b.buffer(loss.getLogits()), dz = b.buffer(loss.getResult());
  int64_t classes = z.channels();
  double smoothing = loss.getLabelSmoothing().convertToDouble();
  Value batch = batchAsFloat(b);
  auto body = [&](Value picture, Value row, const Target &target) {
    Exponentials e = exponentials(b, row, classes);
    Value sum = b.addF(e.others, b.splat(1, 0));
    Value to = b.at(dz.pointer, b.mul(picture, classes));
    b.forEachVector(classes, [&](Value c, int64_t lanes) {
      Value p = exp(b, b.subF(b.load(b.at(row, c), lanes),
                              b.broadcast(e.largest, lanes)));
      p = b.divF(p, b.broadcast(sum, lanes));
      Value t = b.fma(target.hits(b, c, lanes), b.splat(1 - smoothing, lanes),
                      b.splat(smoothing / double(classes), lanes));
      Value g = b.divF(b.subF(p, t), b.broadcast(batch, lanes));
      b.store(target.weighted(b, g, lanes), b.at(to, c));
    });
  };
  return forEachPicture(b, loss, body);
}

llvm::FailureOr<Grid> emitSigmoidCrossEntropy(KernelBuilder &b,
                                              mlir::Operation *op) {
  auto loss = cast<nn::SigmoidCrossEntropyOp>(op);
  Buffer z = b.buffer(loss.getLogits()), y = b.buffer(loss.getResult());
  return forEachPictureVector(b, [&](Value first, int64_t lanes) {
    Value t = sigmoidTargets(b, loss, first, lanes);
    Value x = b.load(b.at(z.pointer, first), lanes);
    Value size = abs(b, x);
    Value positive = b.compareF(Predicate::OGE, x, b.splat(0, lanes));
    Value missed = b.select(positive, b.subF(b.splat(1, lanes), t), t);
    Value result = log1p(b, exp(b, b.negF(size)));
    result = weighted(b, loss, first, lanes, b.fma(size, missed, result));
    b.store(result, b.at(y.pointer, first));
  });
}

llvm::FailureOr<Grid> emitSigmoidCrossEntropyGrad(KernelBuilder &b,
                                                  mlir::Operation *op) {
  auto loss = cast<nn::SigmoidCrossEntropyGradOp>(op);
  Buffer z = b.buffer(loss.getLogits()), dz = b.buffer(loss.getResult());
  Value batch = batchAsFloat(b);
  return forEachPictureVector(b, [&](Value first, int64_t lanes) {
    Value t = sigmoidTargets(b, loss, first, lanes);
    Value p = sigmoid(b, b.load(b.at(z.pointer, first), lanes));
    Value g = b.divF(b.subF(p, t), b.broadcast(batch, lanes));
    b.store(weighted(b, loss, first, lanes, g), b.at(dz.pointer, first));
  });
}

} // namespace tl::cpu
