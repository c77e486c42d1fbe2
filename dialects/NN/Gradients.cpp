// The gradient rules of the NN dialect, all of them, one function an
// operation, the formula in one line above each. dy is the gradient of the
// result; an entry of `gradients` stays null where it is not wanted.
#include "dialects/NN/Activation.h"
#include "dialects/NN/NN.h"
#include "mlir/IR/Builders.h"

using namespace mlir;

namespace tl::nn {

namespace {
using Gradients = SmallVectorImpl<Value>;

void start(Operation *op, Gradients &gradients) {
  gradients.assign(op->getNumOperands(), Value());
}

/// Undoes a fused activation: dy f'(z), from y = f(z). Fusion runs after
/// differentiation, so that only activations with a gradient from the result
/// can stand here.
Value throughActivation(OpBuilder &b, Location loc, Value dy, Value y,
                        ActivationAttr activation) {
  if (!activation || activation.getKind() == ActivationKind::None)
    return dy;
  return ActivationGradOp::create(b, loc, dy.getType(), dy, y, activation);
}

/// The part of dy of the shape of `x` that starts at `offsets` (without the
/// batch).
Value partOf(OpBuilder &b, Location loc, Value dy, Value x,
             ArrayRef<int64_t> offsets) {
  SmallVector<int64_t> ones(offsets.size(), 1);
  return SliceOp::create(b, loc, x.getType(), dy, offsets, ones);
}

/// The channels of dy from `first` on, as many as `x` has.
Value channelsOf(OpBuilder &b, Location loc, Value dy, Value x, int64_t first) {
  int64_t rank = cast<RankedTensorType>(x.getType()).getRank();
  SmallVector<int64_t> offsets(rank - 1, 0);
  offsets.back() = first;
  return partOf(b, loc, dy, x, offsets);
}
} // namespace

// y = x w + b: dx = dy w^T, dw = x^T dy, db = sum dy
void DenseOp::buildGradient(OpBuilder &b, Value dy,
                            const llvm::BitVector &wanted,
                            Gradients &gradients) {
  start(*this, gradients);
  dy = throughActivation(b, getLoc(), dy, getResult(), getActivationAttr());
  if (wanted[0])
    gradients[0] = DenseGradInputOp::create(b, getLoc(), getInput().getType(),
                                            dy, getWeight());
  if (wanted[1])
    gradients[1] = DenseGradWeightOp::create(b, getLoc(), getWeight().getType(),
                                             getInput(), dy);
  if (getBias() && wanted[2])
    gradients[2] = BiasGradOp::create(b, getLoc(), getBias().getType(), dy);
}

// y = x * w + b + r (a convolution): dx = dy * w with its channels exchanged,
// dw = x correlated with dy, db = sum dy, dr = dy
void Conv2DOp::buildGradient(OpBuilder &b, Value dy,
                             const llvm::BitVector &wanted,
                             Gradients &gradients) {
  start(*this, gradients);
  dy = throughActivation(b, getLoc(), dy, getResult(), getActivationAttr());
  auto filter = cast<RankedTensorType>(getFilter().getType());
  if (wanted[0]) {
    Value f = getFilter();
    int64_t groups = getGroups(), outputs = filter.getDimSize(3);
    // One filter a channel is its own transpose.
    if (filter.getDimSize(2) != 1 || outputs != groups) {
      auto exchanged = RankedTensorType::get(
          {filter.getDimSize(0), filter.getDimSize(1), outputs / groups,
           filter.getDimSize(2) * groups},
          filter.getElementType());
      f = TransposeFilterOp::create(b, getLoc(), exchanged, f, getGroups());
      if (Attribute layer = (*this)->getAttr(kLayerAttr))
        f.getDefiningOp()->setAttr(kLayerAttr, layer);
    }
    gradients[0] = Conv2DGradInputOp::create(b, getLoc(), getInput().getType(),
                                             dy, f, getStrides(), getPads(),
                                             getDilations(), getGroups());
  }
  if (wanted[1])
    gradients[1] = Conv2DGradFilterOp::create(b, getLoc(), filter, getInput(),
                                              dy, getStrides(), getPads(),
                                              getDilations(), getGroups());
  unsigned next = 2;
  if (getBias()) {
    if (wanted[next])
      gradients[next] =
          BiasGradOp::create(b, getLoc(), getBias().getType(), dy);
    ++next;
  }
  if (getResidual() && wanted[next])
    gradients[next] = dy;
}

// y = f(x): dx = dy f'(x)
void ActivationOp::buildGradient(OpBuilder &b, Value dy,
                                 const llvm::BitVector &wanted,
                                 Gradients &gradients) {
  start(*this, gradients);
  if (!wanted[0])
    return;
  Value value =
      gradientNeedsInput(getActivation().getKind()) ? getInput() : getResult();
  gradients[0] = ActivationGradOp::create(b, getLoc(), getInput().getType(), dy,
                                          value, getActivation());
}

// y = softmax(x): dx = y (dy - sum(dy y))
void SoftmaxOp::buildGradient(OpBuilder &b, Value dy,
                              const llvm::BitVector &wanted,
                              Gradients &gradients) {
  start(*this, gradients);
  if (wanted[0])
    gradients[0] = SoftmaxGradOp::create(b, getLoc(), getInput().getType(), dy,
                                         getResult());
}

// y = mean over H, W of x: dx = dy / (H W)
void GlobalAvgPoolOp::buildGradient(OpBuilder &b, Value dy,
                                    const llvm::BitVector &wanted,
                                    Gradients &gradients) {
  start(*this, gradients);
  if (wanted[0])
    gradients[0] =
        GlobalAvgPoolGradOp::create(b, getLoc(), getInput().getType(), dy);
}

// y = reshape(x): dx = reshape(dy)
void ReshapeOp::buildGradient(OpBuilder &b, Value dy,
                              const llvm::BitVector &wanted,
                              Gradients &gradients) {
  start(*this, gradients);
  if (wanted[0])
    gradients[0] = ReshapeOp::create(b, getLoc(), getInput().getType(), dy);
}

// y = x1 + x2: dx1 = dx2 = dy
void AddOp::buildGradient(OpBuilder &b, Value dy, const llvm::BitVector &wanted,
                          Gradients &gradients) {
  start(*this, gradients);
  dy = throughActivation(b, getLoc(), dy, getResult(), getActivationAttr());
  for (unsigned i : {0u, 1u})
    if (wanted[i])
      gradients[i] = dy;
}

// y = x g: dx = dy g, dg = dy x, summed over the places that one g serves
void MultiplyOp::buildGradient(OpBuilder &b, Value dy,
                               const llvm::BitVector &wanted,
                               Gradients &gradients) {
  start(*this, gradients);
  Type x = getInput().getType(), gate = getGate().getType();
  if (wanted[0])
    gradients[0] = MultiplyOp::create(b, getLoc(), x, dy, getGate());
  if (wanted[1] && x == gate)
    gradients[1] = MultiplyOp::create(b, getLoc(), x, dy, getInput());
  else if (wanted[1])
    gradients[1] =
        MultiplyGradGateOp::create(b, getLoc(), gate, dy, getInput());
}

// y = x s: dx = dy s, ds = sum dy x
void ScaleChannelsOp::buildGradient(OpBuilder &b, Value dy,
                                    const llvm::BitVector &wanted,
                                    Gradients &gradients) {
  start(*this, gradients);
  if (wanted[0])
    gradients[0] = ScaleChannelsOp::create(b, getLoc(), getInput().getType(),
                                           dy, getScale());
  if (wanted[1])
    gradients[1] = ScaleChannelsGradOp::create(
        b, getLoc(), getScale().getType(), dy, getInput());
}

// y = a x + b: dx = a dy
void RescaleOp::buildGradient(OpBuilder &b, Value dy,
                              const llvm::BitVector &wanted,
                              Gradients &gradients) {
  start(*this, gradients);
  if (wanted[0])
    gradients[0] =
        RescaleOp::create(b, getLoc(), getInput().getType(), dy, getScaleAttr(),
                          b.getDenseF32ArrayAttr({0.0f}));
}

// y = (x - mean) / deviation: dx = dy / deviation; the statistics get none
void StandardizeOp::buildGradient(OpBuilder &b, Value dy,
                                  const llvm::BitVector &wanted,
                                  Gradients &gradients) {
  start(*this, gradients);
  if (wanted[0])
    gradients[0] = StandardizeOp::create(b, getLoc(), getInput().getType(), dy,
                                         getVariance(), Value());
}

// y = mask x / (1 - rate): dx = mask dy / (1 - rate), the same mask
void DropoutOp::buildGradient(OpBuilder &b, Value dy,
                              const llvm::BitVector &wanted,
                              Gradients &gradients) {
  start(*this, gradients);
  if (wanted[0])
    gradients[0] = DropoutOp::create(b, getLoc(), getInput().getType(), dy,
                                     getIds(), getStep(), getRateAttr(),
                                     getStreamAttr(), getPerPictureAttr());
}

// y = largest of each window: dx = dy at the first largest element, else 0
void MaxPoolOp::buildGradient(OpBuilder &b, Value dy,
                              const llvm::BitVector &wanted,
                              Gradients &gradients) {
  start(*this, gradients);
  if (wanted[0])
    gradients[0] =
        MaxPoolGradOp::create(b, getLoc(), getInput().getType(), dy, getInput(),
                              getWindow(), getStrides(), getPads());
}

// y = mean of each window: dx = sum over the windows that hold x of dy / count
void AvgPoolOp::buildGradient(OpBuilder &b, Value dy,
                              const llvm::BitVector &wanted,
                              Gradients &gradients) {
  start(*this, gradients);
  if (wanted[0])
    gradients[0] = AvgPoolGradOp::create(b, getLoc(), getInput().getType(), dy,
                                         getWindow(), getStrides(), getPads(),
                                         getCountPadding());
}

// dx = sum over the windows that hold x of dy / (elements of the window)
void AdaptiveAvgPoolOp::buildGradient(OpBuilder &b, Value dy,
                                      const llvm::BitVector &wanted,
                                      Gradients &gradients) {
  start(*this, gradients);
  if (wanted[0])
    gradients[0] =
        AdaptiveAvgPoolGradOp::create(b, getLoc(), getInput().getType(), dy);
}

// y = x with zeros around: dx = the part of dy where x stands
void PadOp::buildGradient(OpBuilder &b, Value dy, const llvm::BitVector &wanted,
                          Gradients &gradients) {
  start(*this, gradients);
  if (wanted[0])
    gradients[0] =
        partOf(b, getLoc(), dy, getInput(), {getPads()[0], getPads()[2], 0});
}

// y = x with zero channels around: dx = the channels of dy where x stands
void PadChannelsOp::buildGradient(OpBuilder &b, Value dy,
                                  const llvm::BitVector &wanted,
                                  Gradients &gradients) {
  start(*this, gradients);
  if (wanted[0])
    gradients[0] =
        channelsOf(b, getLoc(), dy, getInput(), int64_t(getBefore()));
}

// y = [x1, x2, ...]: dxi = the channels of dy where xi stands
void ConcatOp::buildGradient(OpBuilder &b, Value dy,
                             const llvm::BitVector &wanted,
                             Gradients &gradients) {
  start(*this, gradients);
  int64_t first = 0;
  for (auto [i, input] : llvm::enumerate(getInputs())) {
    if (wanted[i])
      gradients[i] = channelsOf(b, getLoc(), dy, input, first);
    first += cast<RankedTensorType>(input.getType()).getShape().back();
  }
}

// y = some elements of x: dx = dy at those, else 0
void SliceOp::buildGradient(OpBuilder &b, Value dy,
                            const llvm::BitVector &wanted,
                            Gradients &gradients) {
  start(*this, gradients);
  if (wanted[0])
    gradients[0] = SliceGradOp::create(b, getLoc(), getInput().getType(), dy,
                                       getOffsets(), getStrides());
}

// y = gamma xhat + beta, xhat = (x - mean) r, r = 1 / sqrt(variance + epsilon):
// dgamma = sum dy xhat, dbeta = sum dy; dx = dy gamma r with stored statistics,
// gamma r (dy - dbeta / M - xhat dgamma / M) through those of the batch, which
// get no gradient of their own.
void BatchNormOp::buildGradient(OpBuilder &b, Value dy,
                                const llvm::BitVector &wanted,
                                Gradients &gradients) {
  start(*this, gradients);
  bool through = getBatchStatistics();
  Value dgamma, dbeta;
  if (wanted[1] || wanted[2] || (wanted[0] && through)) {
    auto affine = BatchNormGradAffineOp::create(
        b, getLoc(), getGamma().getType(), getBeta().getType(), dy, getInput(),
        getMean(), getVariance(), getEpsilonAttr());
    dgamma = affine.getGamma();
    dbeta = affine.getBeta();
  }
  if (wanted[0])
    gradients[0] = BatchNormGradInputOp::create(
        b, getLoc(), getInput().getType(), dy, getGamma(), getVariance(),
        through ? getInput() : Value(), through ? getMean() : Value(),
        through ? dgamma : Value(), through ? dbeta : Value(),
        getEpsilonAttr());
  if (wanted[1])
    gradients[1] = dgamma;
  if (wanted[2])
    gradients[2] = dbeta;
}

// y = xhat gamma + beta, xhat = (x - mean) r: dx = r (g - mean(g) - xhat
// mean(g xhat)) with g = dy gamma, dgamma = sum dy xhat, dbeta = sum dy
void LayerNormOp::buildGradient(OpBuilder &b, Value dy,
                                const llvm::BitVector &wanted,
                                Gradients &gradients) {
  start(*this, gradients);
  if (wanted[0])
    gradients[0] =
        LayerNormGradInputOp::create(b, getLoc(), getInput().getType(), dy,
                                     getInput(), getGamma(), getEpsilonAttr());
  if (!wanted[1] && !wanted[2])
    return;
  auto affine = LayerNormGradAffineOp::create(b, getLoc(), getGamma().getType(),
                                              getBeta().getType(), dy,
                                              getInput(), getEpsilonAttr());
  for (unsigned i : {1u, 2u})
    if (wanted[i])
      gradients[i] = affine.getResult(i - 1);
}

// y = P v, P = softmax(s q k^T): dv = P^T dy, dS = P (dy v^T - sum(dy v^T P)),
// dq = s dS k, dk = s dS^T q
void AttentionOp::buildGradient(OpBuilder &b, Value dy,
                                const llvm::BitVector &wanted,
                                Gradients &gradients) {
  start(*this, gradients);
  if (wanted[0])
    gradients[0] =
        AttentionGradOp::create(b, getLoc(), getQkv().getType(), dy, getQkv(),
                                getHeadsAttr(), getScaleAttr());
}

// y = [token, x]: dx = dy from the second token on, dtoken = sum of the first
void PrependTokenOp::buildGradient(OpBuilder &b, Value dy,
                                   const llvm::BitVector &wanted,
                                   Gradients &gradients) {
  start(*this, gradients);
  auto input = cast<RankedTensorType>(getInput().getType());
  auto tokens = [&](int64_t first, int64_t count) {
    SmallVector<int64_t> shape(input.getShape());
    shape[1] = count;
    return SliceOp::create(b, getLoc(), input.clone(shape), dy,
                           ArrayRef<int64_t>{first, 0},
                           ArrayRef<int64_t>{1, 1});
  };
  if (wanted[0])
    gradients[0] = tokens(1, input.getDimSize(1));
  if (wanted[1])
    gradients[1] =
        BiasGradOp::create(b, getLoc(), getToken().getType(), tokens(0, 1));
}

// y[n] = x[n] + p: dx = dy, dp = sum over n of dy[n]
void AddPositionOp::buildGradient(OpBuilder &b, Value dy,
                                  const llvm::BitVector &wanted,
                                  Gradients &gradients) {
  start(*this, gradients);
  if (wanted[0])
    gradients[0] = dy;
  if (wanted[1])
    gradients[1] = BatchSumOp::create(b, getLoc(), getPosition().getType(), dy);
}

} // namespace tl::nn
