// bn(conv(x, w, b)) becomes one convolution with other weights, and so does a
// layer scale behind a convolution or a dense layer. The pass runs on entry
// functions, so that a tap before the batch norm keeps its own,
// unfolded convolution; folded weights are shared by name between functions.
// Taken apart again they are what an export gives to the weights' framework:
// the small vectors stay for that, and the kernel's factors, so that
// training can go on there with the batch norm as it was.
#include "compiler/Transforms/ParameterValues.h"
#include "compiler/Transforms/Passes.h"
#include "dialects/NN/Marks.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringSet.h"

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
    keepSources(symbols);
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
    nn::ParameterOp kernel = foldedWeight(weight, *affine, norm, symbols);
    kernels.insert({weight, {kernel, affine->scale}});
    replace(norm, linear, kernel,
            foldedBias(weight, *oldBias, *affine, norm, symbols));
  }

  /// A folded kernel takes over the source of the one that it replaced, with
  /// the factors to divide by. One that some entry still reads keeps its own.
  void keepSources(SymbolTable &symbols) {
    llvm::StringSet<> read;
    getOperation().walk([&](nn::GetOp get) {
      if (!get.use_empty())
        read.insert(get.getParameter());
    });
    for (auto &[key, kernel] : kernels) {
      auto weight = cast<nn::ParameterOp>(key);
      auto source = weight->getAttrOfType<DictionaryAttr>(nn::kSourceAttr);
      if (!source || read.contains(weight.getSymName()))
        continue;
      // Right behind the old kernel and so in front of the folded one, which
      // names it.
      nn::ParameterOp factors =
          clone(weight, vectorType(kernel.scale.size()),
                (kernel.folded.getSymName() + ".scale").str(), "scale");
      auto [attribute, data] =
          allocateValues(factors.getTensorType(), factors.getSymName());
      llvm::copy(kernel.scale, data.begin());
      // The kernel may be a folded one already, of a norm and a scale.
      if (auto inner = source.getAs<FlatSymbolRefAttr>("scale"))
        for (auto [factor, before] :
             llvm::zip(data, parameterValues(symbols.lookup<nn::ParameterOp>(
                                 inner.getValue()))))
          factor *= before;
      factors.setValueAttr(attribute);
      factors->setAttr(nn::kExportedAttr, UnitAttr::get(&getContext()));
      NamedAttrList entries(source);
      entries.set("scale", FlatSymbolRefAttr::get(factors.getSymNameAttr()));
      kernel.folded->setAttr(nn::kSourceAttr,
                             entries.getDictionary(&getContext()));
      weight->removeAttr(nn::kSourceAttr);
      symbols.insert(factors);
    }
  }

  RankedTensorType vectorType(int64_t channels) {
    return RankedTensorType::get({channels}, Float32Type::get(&getContext()));
  }

  static std::string nameWith(nn::ParameterOp like, StringRef role,
                              Operation *norm) {
    return (like.getLayer().value_or(like.getSymName()) + "." + role +
            ".with." + nn::layerOf(norm))
        .str();
  }

  static nn::ParameterOp clone(nn::ParameterOp like, RankedTensorType type,
                               StringRef name, StringRef role) {
    OpBuilder builder(like);
    builder.setInsertionPointAfter(like);
    return nn::ParameterOp::create(
        builder, like.getLoc(), builder.getStringAttr(name),
        TypeAttr::get(type), ElementsAttr(), nn::InitAttr(),
        like.getLayerAttr(), builder.getStringAttr(role), IntegerAttr(),
        FlatSymbolRefAttr());
  }

  /// w * scale, one factor an output channel (the last dimension).
  nn::ParameterOp foldedWeight(nn::ParameterOp weight, const Affine &affine,
                               Operation *norm, SymbolTable &symbols) {
    nn::ParameterOp folded = clone(weight, weight.getTensorType(),
                                   nameWith(weight, "kernel", norm), "kernel");
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
    RankedTensorType type = vectorType(channels);
    nn::ParameterOp folded =
        clone(weight, type, nameWith(weight, "bias", norm), "bias");
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

  struct Kernel {
    nn::ParameterOp folded;
    std::vector<double> scale;
  };
  // By the parameter that was folded; its first folding, if there are several.
  llvm::MapVector<Operation *, Kernel> kernels;
};
} // namespace
} // namespace tl
