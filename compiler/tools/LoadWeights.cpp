// Asks the binder for what the backbone's layers expect; see the header.
#include "compiler/tools/LoadWeights.h"

#include "compiler/Transforms/ParameterValues.h"
#include "compiler/tools/ExpectedTensors.h"
#include "compiler/tools/RecogniseWeights.h"

using namespace mlir;

namespace tl {
namespace {

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
  for (auto [entry, bound] : llvm::zip(parameters, binding->tensors)) {
    nn::ParameterOp parameter = entry.parameter;
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

// A backbone file's preprocessing is what the weights of its own convention
// want. Those of the other framework want another, unless the backbone is the
// user's own (custom, raw); and those of its own want no other.
void warnOfPreprocessing(ask::ModelOp model,
                         const weights::WeightSource &file) {
  if (file.convention() == weights::Convention::Own)
    return;
  ask::BackboneOp backbone = model.getBackbone();
  bool torch = file.convention() == weights::Convention::Torch;
  bool home = torch == backbone->hasAttr(ask::kTorchAttr);
  StringRef found = model.getPreprocess().getName();
  auto replaced =
      backbone->getAttrOfType<StringAttr>(ask::kReplacedPreprocessAttr);
  const char *framework = torch ? "torch" : "Keras";
  if (home && replaced)
    backbone.emitWarning() << "the weights are " << framework
                           << "'s, which go with the backbone's own "
                              "preprocessing '"
                           << replaced.getValue() << "'; the model says '"
                           << found << "'";
  bool preset = found == "caffe" || found == "tf" || found == "torch";
  if (!home && !replaced && preset)
    backbone.emitWarning()
        << "the weights are " << framework << "'s, but the preprocessing '"
        << found << "' of '" << backbone.getName() << "' is meant for those of "
        << (torch ? "Keras" : "torch")
        << "; say in the model which one they were trained with, as in "
           "`preprocess "
        << (torch ? "torch" : "tf") << "`";
}

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
