// Asks the binder for what the backbone's layers expect; see the header.
#include "compiler/tools/LoadWeights.h"

#include "compiler/Transforms/ParameterValues.h"
#include "frontends/tl/Frontend.h"
#include "frontends/weights/Bind.h"

using namespace mlir;

namespace tl {
namespace {

/// The flattened {C, H, W} behind a dense layer, if a flatten feeds it.
std::optional<std::array<int64_t, 3>> flattenedInput(ask::LayerOp layer) {
  if (layer.getKind() != "Dense" || layer.getInputs().empty())
    return std::nullopt;
  // Dropout between the two changes no order.
  auto before = layer.getInputs().front().getDefiningOp<ask::LayerOp>();
  while (before && before.getKind() == "Dropout")
    before = before.getInputs().front().getDefiningOp<ask::LayerOp>();
  if (!before || before.getKind() != "Flatten")
    return std::nullopt;
  auto shape =
      cast<RankedTensorType>(before.getInputs().front().getType()).getShape();
  if (shape.size() != 4)
    return std::nullopt;
  return std::array<int64_t, 3>{shape[3], shape[1], shape[2]};
}

weights::ExpectedTensor expectation(ask::LayerOp layer,
                                    nn::ParameterOp parameter) {
  weights::ExpectedTensor expected;
  expected.layer = layer.getName();
  expected.kerasClass = layer.getKind();
  expected.role = parameter.getRole().value_or("");
  ArrayRef<int64_t> shape = parameter.getTensorType().getShape();
  expected.shape.assign(shape.begin(), shape.end());
  // A dense layer on the places of a map is a convolution of 1x1 here.
  if (expected.kerasClass == "Dense" && shape.size() == 4)
    expected.shape.assign(shape.begin() + 2, shape.end());
  expected.torchPrefix = layer.getSource().value_or(layer.getName());
  if (auto others = layer.getOtherSources())
    for (auto name : others->getAsRange<StringAttr>())
      expected.otherPrefixes.push_back(name.str());
  if (expected.role == "position" && layer.getResample()) {
    expected.resample = *layer.getResample() == "bicubic"
                            ? weights::Bicubic::AlignCorners
                            : weights::Bicubic::Antialias;
    expected.grid = {(*layer.getGrid())[0], (*layer.getGrid())[1]};
  }
  if (expected.role == "kernel")
    expected.flattened = flattenedInput(layer);
  return expected;
}

/// The backbone's parameters that want values, in the order of its layers.
/// (A batch norm without a scale has its ones already.)
SmallVector<std::pair<ask::LayerOp, nn::ParameterOp>>
backboneParameters(ask::ModelOp model) {
  llvm::StringMap<SmallVector<nn::ParameterOp>> byLayer;
  for (auto parameter : model.getBody().front().getOps<nn::ParameterOp>())
    byLayer[parameter.getLayer().value_or("")].push_back(parameter);
  SmallVector<std::pair<ask::LayerOp, nn::ParameterOp>> all;
  for (auto layer :
       model.getBackbone().getBody().front().getOps<ask::LayerOp>())
    for (nn::ParameterOp parameter : byLayer.lookup(layer.getName()))
      if (!parameter.getValueAttr())
        all.push_back({layer, parameter});
  return all;
}

StringRef ownerOf(weights::Convention convention) {
  switch (convention) {
  case weights::Convention::Keras:
    return "keras";
  case weights::Convention::Torch:
    return "torch";
  case weights::Convention::Own:
    return "";
  }
  return "";
}

/// Weights are trained on pictures prepared in one way; prepared in another
/// they still run and give worse features. What tlrun exported may have learnt
/// either way.
void warnOfPreprocessing(ask::ModelOp model,
                         const weights::WeightSource &file) {
  ask::BackboneOp backbone = model.getBackbone();
  auto convention =
      backbone->getAttrOfType<StringAttr>(frontend::kConventionAttr);
  auto other = backbone->getAttrOfType<StringAttr>(frontend::kOtherPresetAttr);
  StringRef owner = ownerOf(file.convention());
  if (!convention || owner.empty())
    return;
  StringRef found = model.getPreprocess().getName();
  if (convention == owner && other)
    emitWarning(model.getPreprocess().getLoc())
        << "the weights of '" << backbone.getName()
        << "' were trained on pictures prepared by '" << other.getValue()
        << "'; this model prepares them otherwise, by '" << found << "'";
  // A network without names of a second source is its user's own, who may have
  // left out whose habits it follows.
  bool ofTwo =
      llvm::any_of(backbone.getBody().front().getOps<ask::LayerOp>(),
                   [](ask::LayerOp layer) { return bool(layer.getSource()); });
  if (convention != owner && !other && ofTwo)
    emitWarning(backbone.getLoc())
        << "the weights come from " << (owner == "keras" ? "Keras" : "PyTorch")
        << ", but pictures are prepared by '" << found << "', as "
        << (owner == "keras" ? "PyTorch's" : "Keras's") << " weights of '"
        << backbone.getName() << "' want them; say 'preprocess' in the model";
}

LogicalResult bindFile(ask::ModelOp model, weights::WeightSource &file) {
  ask::BackboneOp backbone = model.getBackbone();
  auto parameters = backboneParameters(model);
  weights::BindRequest request;
  for (auto [layer, parameter] : parameters)
    request.expected.push_back(expectation(layer, parameter));
  if (auto others = backbone.getOtherLayers())
    for (auto name : others->getAsRange<StringAttr>())
      request.optionalLayers.push_back(name.str());
  auto binding = weights::bindWeights(file, request);
  if (!binding)
    return backbone.emitError() << binding.message();
  warnOfPreprocessing(model, file);
  for (auto [entry, bound] : llvm::zip(parameters, binding->tensors)) {
    nn::ParameterOp parameter = entry.second;
    if (bound.resampling) {
      auto [how, prefix, from, to] = *bound.resampling;
      emitWarning(entry.first.getLoc())
          << "the file's '" << bound.sourceName << "' is of " << from[0] << "x"
          << from[1] << " places; it is resampled to the " << to[0] << "x"
          << to[1] << " of this input";
    }
    auto [attribute, data] =
        allocateValues(parameter.getTensorType(), parameter.getSymName());
    if (auto status = bound.read({data.data(), data.size()}); !status)
      return backbone.emitError() << status.message();
    parameter.setValueAttr(attribute);
  }
  return success();
}

void drawFromSeed(ask::ModelOp model, uint64_t seed) {
  MLIRContext *context = model.getContext();
  auto seedAttr = IntegerAttr::get(IntegerType::get(context, 64), seed);
  for (auto [layer, parameter] : backboneParameters(model)) {
    nn::InitAttr init = parameter.getInitAttr();
    parameter.setInitAttr(nn::InitAttr::get(
        context, init.getKind(), init.getScale(), init.getStream(), seedAttr));
  }
}
} // namespace

LogicalResult loadWeights(ModuleOp module, WeightOrigin &origin) {
  for (auto model : module.getOps<ask::ModelOp>()) {
    if (origin.seed)
      drawFromSeed(model, *origin.seed);
    else if (failed(bindFile(model, *origin.file)))
      return failure();
  }
  return success();
}

} // namespace tl
