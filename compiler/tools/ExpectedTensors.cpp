// See ExpectedTensors.h.
#include "compiler/tools/ExpectedTensors.h"

#include "dialects/NN/Marks.h"
#include "frontends/tl/Frontend.h"
#include "mlir/IR/Builders.h"

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

/// Each layer of `body` with each of its parameters.
void forEachParameter(
    ask::ModelOp model, Block *body,
    llvm::function_ref<void(ask::LayerOp, nn::ParameterOp)> visit) {
  llvm::StringMap<SmallVector<nn::ParameterOp>> byLayer;
  for (auto parameter : model.getBody().front().getOps<nn::ParameterOp>())
    byLayer[parameter.getLayer().value_or("")].push_back(parameter);
  for (auto layer : body->getOps<ask::LayerOp>())
    for (nn::ParameterOp parameter : byLayer.lookup(layer.getName()))
      visit(layer, parameter);
}

DictionaryAttr sourceAttr(const weights::FileLayout &layout, bool ofHead,
                          MLIRContext *context) {
  Builder b(context);
  SmallVector<int64_t> axes(layout.axes.begin(), layout.axes.end());
  NamedAttrList entries;
  entries.set("name", b.getStringAttr(layout.name));
  entries.set("shape", b.getDenseI64ArrayAttr(layout.shape));
  entries.set("view", b.getDenseI64ArrayAttr(layout.viewShape));
  entries.set("axes", b.getDenseI64ArrayAttr(axes));
  if (ofHead)
    entries.set("head", b.getUnitAttr());
  return entries.getDictionary(context);
}
} // namespace

static SmallVector<LayerParameter> withoutValues(ask::ModelOp model,
                                                 Block *body) {
  SmallVector<LayerParameter> all;
  forEachParameter(model, body,
                   [&](ask::LayerOp layer, nn::ParameterOp parameter) {
                     if (!parameter.getValueAttr())
                       all.push_back({layer, parameter});
                   });
  return all;
}

SmallVector<LayerParameter> backboneParameters(ask::ModelOp model) {
  return withoutValues(model, &model.getBackbone().getBody().front());
}

SmallVector<LayerParameter> headParameters(ask::ModelOp model) {
  ask::HeadOp head = model.getHead();
  if (!head)
    return {};
  return withoutValues(model, &head.getBody().front());
}

weights::BindRequest bindRequest(ask::ModelOp model) {
  weights::BindRequest request;
  for (auto [layer, parameter] : backboneParameters(model))
    request.expected.push_back(expectation(layer, parameter));
  if (auto others = model.getBackbone().getOtherLayers())
    for (auto name : others->getAsRange<StringAttr>())
      request.optionalLayers.push_back(name.str());
  return request;
}

static bool ofTorch(ask::BackboneOp backbone) {
  auto convention =
      backbone->getAttrOfType<StringAttr>(frontend::kConventionAttr);
  return convention && convention.getValue() == "torch";
}

void recordSources(ask::ModelOp model,
                   std::optional<weights::Convention> convention) {
  ask::BackboneOp backbone = model.getBackbone();
  if (!convention || *convention == weights::Convention::Own)
    convention = ofTorch(backbone) ? weights::Convention::Torch
                                   : weights::Convention::Keras;
  bool ofHead = false;
  auto record = [&](ask::LayerOp layer, nn::ParameterOp parameter) {
    // The ones of a batch norm without a scale are in no file.
    if (parameter.getValueAttr())
      return;
    weights::FileLayout layout =
        weights::layoutIn(*convention, expectation(layer, parameter));
    parameter->setAttr(nn::kSourceAttr,
                       sourceAttr(layout, ofHead, model.getContext()));
  };
  forEachParameter(model, &backbone.getBody().front(), record);
  ofHead = true;
  if (ask::HeadOp head = model.getHead())
    forEachParameter(model, &head.getBody().front(), record);
}

} // namespace tl
