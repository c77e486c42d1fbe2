// Asks the binder for what the backbone's layers expect; see the header.
#include "compiler/tools/LoadWeights.h"

#include "compiler/Transforms/ParameterValues.h"
#include "compiler/tools/ExpectedTensors.h"
#include "compiler/tools/RecogniseWeights.h"
#include "dialects/NN/Marks.h"
#include "frontends/tl/Frontend.h"

using namespace mlir;

namespace tl {
namespace {

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
  // A network without names of a second source may be its user's own, who did
  // not say whose habits it follows: Keras's are what holds then.
  bool said =
      convention.getValue() == "torch" ||
      llvm::any_of(backbone.getBody().front().getOps<ask::LayerOp>(),
                   [](ask::LayerOp layer) { return bool(layer.getSource()); });
  if (convention != owner && !other && said)
    emitWarning(backbone.getLoc())
        << "the weights come from " << (owner == "keras" ? "Keras" : "PyTorch")
        << ", but pictures are prepared by '" << found << "', as "
        << (owner == "keras" ? "PyTorch's" : "Keras's") << " weights of '"
        << backbone.getName() << "' want them; say 'preprocess' in the model";
}

/// An export gives the file's own shape back: what a layout leaves open are
/// ones around it (torchvision's layer scale is [C, 1, 1], timm's [C]).
void keepShape(nn::ParameterOp parameter, const weights::SourceTensor &found) {
  auto source = parameter->getAttrOfType<DictionaryAttr>(nn::kSourceAttr);
  if (!source ||
      found.numElements() != parameter.getTensorType().getNumElements())
    return;
  NamedAttrList entries(source);
  entries.set("shape",
              DenseI64ArrayAttr::get(parameter.getContext(), found.shape));
  parameter->setAttr(nn::kSourceAttr,
                     entries.getDictionary(parameter.getContext()));
}

LogicalResult bindFile(ask::ModelOp model, weights::WeightSource &file) {
  ask::BackboneOp backbone = model.getBackbone();
  auto parameters = backboneParameters(model);
  weights::BindRequest request = bindRequest(model);
  auto binding = weights::bindWeights(file, request);
  if (!binding) {
    InFlightDiagnostic error = backbone.emitError() << binding.message();
    std::string looks = recogniseWeights(file, request, model.getInput());
    if (!looks.empty())
      error.attachNote() << looks;
    return error;
  }
  warnOfPreprocessing(model, file);
  for (auto [entry, bound] : llvm::zip(parameters, binding->tensors)) {
    nn::ParameterOp parameter = entry.parameter;
    if (bound.resampling) {
      auto [how, prefix, from, to] = *bound.resampling;
      emitWarning(entry.layer.getLoc())
          << "the file's '" << bound.sourceName << "' is of " << from[0] << "x"
          << from[1] << " places; it is resampled to the " << to[0] << "x"
          << to[1] << " of this input";
    }
    auto [attribute, data] =
        allocateValues(parameter.getTensorType(), parameter.getSymName());
    if (auto status = bound.read({data.data(), data.size()}); !status)
      return backbone.emitError() << status.message();
    parameter.setValueAttr(attribute);
    keepShape(parameter, file.tensors()[bound.sourceIndex]);
  }
  return success();
}

void drawFromSeed(nn::ParameterOp parameter, uint64_t seed) {
  MLIRContext *context = parameter.getContext();
  auto seedAttr = IntegerAttr::get(IntegerType::get(context, 64), seed);
  nn::InitAttr init = parameter.getInitAttr();
  parameter.setInitAttr(nn::InitAttr::get(
      context, init.getKind(), init.getScale(), init.getStream(), seedAttr));
}

/// A head that no training will ever change: drawn weights are only of use
/// where all are drawn, to measure speed.
LogicalResult settleHead(ask::ModelOp model, std::optional<uint64_t> seed) {
  if (model.getTrain())
    return success();
  for (auto [layer, parameter] : headParameters(model)) {
    if (!seed)
      return layer.emitError()
             << "nothing trains the weights of '" << layer.getName()
             << "': the model has no 'train' section";
    drawFromSeed(parameter, *seed);
  }
  return success();
}
} // namespace

LogicalResult loadWeights(ModuleOp module, WeightOrigin &origin) {
  for (auto model : module.getOps<ask::ModelOp>()) {
    if (origin.seed)
      for (auto [layer, parameter] : backboneParameters(model))
        drawFromSeed(parameter, *origin.seed);
    else if (failed(bindFile(model, *origin.file)))
      return failure();
    if (failed(settleHead(model, origin.seed)))
      return failure();
  }
  return success();
}

} // namespace tl
