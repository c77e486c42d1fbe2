// bn(conv(x, w, b)) becomes one convolution with other weights, and so does a
// layer scale behind a convolution or a dense layer. The pass runs on entry
// functions, so that a tap before the batch norm keeps its own,
// unfolded convolution; folded weights are shared by name between functions.
#include "compiler/Transforms/ParameterValues.h"
#include "compiler/Transforms/Passes.h"
#include "dialects/NN/Marks.h"

#include <cmath>

using namespace mlir;

namespace tl {
#define GEN_PASS_DEF_FOLDBATCHNORM
#include "compiler/Transforms/Passes.h.inc"

namespace {

/// The parameter read by `value`, or null.
nn::ParameterOp parameterOf(Value value, SymbolTable &symbols) {
  auto get = value ? value.getDefiningOp<nn::GetOp>() : nn::GetOp();
  return get ? symbols.lookup<nn::ParameterOp>(get.getParameter())
             : nn::ParameterOp();
}

/// A frozen per-channel vector: its values, or one number for all channels.
struct ChannelVector {
  ArrayRef<float> values;
  double fill = 0;
  double operator[](size_t i) const {
    return values.empty() ? fill : values[i];
  }
};

/// Reads a frozen vector; fails for trained ones and for drawn ones.
FailureOr<ChannelVector> channelVector(nn::ParameterOp parameter) {
  if (!parameter || parameter.getFirstPhase())
    return failure();
  ChannelVector vector;
  vector.values = parameterValues(parameter);
  if (!vector.values.empty())
    return vector;
  auto init = parameter.getInitAttr();
  if (!init || init.getKind() != nn::InitKind::Fill)
    return failure();
  vector.fill = init.getScale().getValueAsDouble();
  return vector;
}

/// What a layer does to a channel: y = x * scale + shift.
struct Affine {
  std::vector<double> scale, shift;
  bool uniform = false; // the same for every channel
};

FailureOr<Affine> affineOf(nn::BatchNormOp norm, SymbolTable &symbols) {
  auto gamma = channelVector(parameterOf(norm.getGamma(), symbols));
  auto beta = channelVector(parameterOf(norm.getBeta(), symbols));
  auto mean = channelVector(parameterOf(norm.getMean(), symbols));
  auto variance = channelVector(parameterOf(norm.getVariance(), symbols));
  if (failed(gamma) || failed(beta) || failed(mean) || failed(variance))
    return failure();
  Affine affine;
  affine.uniform = gamma->values.empty() && beta->values.empty() &&
                   mean->values.empty() && variance->values.empty();
  double epsilon = norm.getEpsilon().convertToDouble();
  int64_t channels = cast<RankedTensorType>(norm.getType()).getShape().back();
  for (int64_t c = 0; c < channels; ++c) {
    double scale = (*gamma)[c] / std::sqrt((*variance)[c] + epsilon);
    affine.scale.push_back(scale);
    affine.shift.push_back((*beta)[c] - (*mean)[c] * scale);
  }
  return affine;
}

FailureOr<Affine> affineOf(nn::ScaleChannelsOp layer, SymbolTable &symbols) {
  auto scale = channelVector(parameterOf(layer.getScale(), symbols));
  if (failed(scale))
    return failure();
  Affine affine;
  affine.uniform = scale->values.empty();
  int64_t channels = cast<RankedTensorType>(layer.getType()).getShape().back();
  for (int64_t c = 0; c < channels; ++c)
    affine.scale.push_back((*scale)[c]);
  affine.shift.assign(channels, 0);
  return affine;
}

FailureOr<Affine> affineOf(Operation *layer, SymbolTable &symbols) {
  if (auto norm = dyn_cast<nn::BatchNormOp>(layer))
    return affineOf(norm, symbols);
  return affineOf(cast<nn::ScaleChannelsOp>(layer), symbols);
}

struct FoldBatchNorm : impl::FoldBatchNormBase<FoldBatchNorm> {
  void runOnOperation() override {
    SymbolTable symbols(getOperation());
    SmallVector<Operation *> norms;
    getOperation().walk([&](Operation *op) {
      if (isa<nn::BatchNormOp, nn::ScaleChannelsOp>(op))
        norms.push_back(op);
    });
    for (Operation *norm : norms)
      fold(norm, symbols);
    getOperation().walk([](Operation *op) { op->removeAttr(nn::kSharedAttr); });
  }

  void fold(Operation *norm, SymbolTable &symbols) {
    Operation *linear = norm->getOperand(0).getDefiningOp();
    if (!linear || !isa<nn::Conv2DOp, nn::DenseOp>(linear) ||
        !linear->hasOneUse() || linear->hasAttr("activation") ||
        linear->hasAttr(nn::kSharedAttr))
      return;
    auto conv = dyn_cast<nn::Conv2DOp>(linear);
    if (conv && conv.getResidual())
      return;
    Value bias = conv ? conv.getBias() : cast<nn::DenseOp>(linear).getBias();
    nn::ParameterOp weight = parameterOf(linear->getOperand(1), symbols);
    nn::ParameterOp biasParameter = parameterOf(bias, symbols);
    if (!weight || weight.getFirstPhase() || (bias && !biasParameter))
      return;
    auto affine = affineOf(norm, symbols);
    if (failed(affine))
      return;
    FailureOr<ChannelVector> oldBias = ChannelVector();
    if (bias)
      oldBias = channelVector(biasParameter);
    // Drawn weights can only be scaled as a whole.
    if (failed(oldBias) ||
        (parameterValues(weight).empty() && !affine->uniform))
      return;
    replace(norm, linear, foldedWeight(weight, *affine, norm, symbols),
            foldedBias(weight, *oldBias, *affine, norm, symbols));
  }

  nn::ParameterOp clone(nn::ParameterOp like, RankedTensorType type,
                        StringRef role, Operation *norm) {
    OpBuilder builder(like);
    builder.setInsertionPointAfter(like);
    std::string name = (like.getLayer().value_or(like.getSymName()) + "." +
                        role + ".with." + nn::layerOf(norm))
                           .str();
    return nn::ParameterOp::create(
        builder, like.getLoc(), builder.getStringAttr(name),
        TypeAttr::get(type), ElementsAttr(), nn::InitAttr(),
        like.getLayerAttr(), builder.getStringAttr(role), IntegerAttr(),
        FlatSymbolRefAttr());
  }

  /// w * scale, one factor an output channel (the last dimension).
  nn::ParameterOp foldedWeight(nn::ParameterOp weight, const Affine &affine,
                               Operation *norm, SymbolTable &symbols) {
    nn::ParameterOp folded =
        clone(weight, weight.getTensorType(), "kernel", norm);
    if (auto known = symbols.lookup<nn::ParameterOp>(folded.getSymName())) {
      folded.erase();
      return known;
    }
    ArrayRef<float> values = parameterValues(weight);
    if (values.empty()) {
      nn::InitAttr init = weight.getInitAttr();
      auto scale = FloatAttr::get(init.getScale().getType(),
                                  init.getScale().getValueAsDouble() *
                                      affine.scale.front());
      folded.setInitAttr(nn::InitAttr::get(&getContext(), init.getKind(), scale,
                                           init.getStream(), init.getSeed()));
    } else {
      auto [attribute, data] =
          allocateValues(weight.getTensorType(), folded.getSymName());
      size_t channels = affine.scale.size();
      for (size_t i = 0; i < values.size(); ++i)
        data[i] = float(values[i] * affine.scale[i % channels]);
      folded.setValueAttr(attribute);
    }
    symbols.insert(folded);
    return folded;
  }

  /// b * scale + shift.
  nn::ParameterOp foldedBias(nn::ParameterOp weight, const ChannelVector &bias,
                             const Affine &affine, Operation *norm,
                             SymbolTable &symbols) {
    int64_t channels = affine.scale.size();
    auto type =
        RankedTensorType::get({channels}, Float32Type::get(&getContext()));
    nn::ParameterOp folded = clone(weight, type, "bias", norm);
    if (auto known = symbols.lookup<nn::ParameterOp>(folded.getSymName())) {
      folded.erase();
      return known;
    }
    auto [attribute, data] = allocateValues(type, folded.getSymName());
    for (int64_t c = 0; c < channels; ++c)
      data[c] = float(bias[c] * affine.scale[c] + affine.shift[c]);
    folded.setValueAttr(attribute);
    symbols.insert(folded);
    return folded;
  }

  void replace(Operation *norm, Operation *linear, nn::ParameterOp weight,
               nn::ParameterOp bias) {
    OpBuilder builder(linear);
    auto get = [&](nn::ParameterOp parameter) -> Value {
      return nn::GetOp::create(builder, linear->getLoc(),
                               parameter.getTensorType(),
                               parameter.getSymName());
    };
    Value newWeight = get(weight), newBias = get(bias);
    linear->setOperand(1, newWeight);
    if (auto conv = dyn_cast<nn::Conv2DOp>(linear))
      conv.getBiasMutable().assign(newBias);
    else
      cast<nn::DenseOp>(linear).getBiasMutable().assign(newBias);
    linear->setAttr(nn::kLayerAttr, norm->getAttr(nn::kLayerAttr));
    norm->getResult(0).replaceAllUsesWith(linear->getResult(0));
    norm->erase();
  }
};
} // namespace
} // namespace tl
