// The model's frame: parameters, preprocessing, backbone, head, phases. The
// layers themselves are in GenerateLayer.cpp.
#include "frontends/tl/MLIRGen.h"

#include "dialects/TL/TL.h"
#include "frontends/tl/Frontend.h"
#include "frontends/tl/GenerateLayer.h"

#include "mlir/IR/Builders.h"

using namespace mlir;

namespace tl::frontend {

namespace {

class ModuleGenerator {
public:
  ModuleGenerator(const Recipe &recipe, const ModuleTexts &texts,
                  MLIRContext *context)
      : recipe(recipe), texts(texts), b(context), layers(b) {}

  OwningOpRef<ModuleOp> run();

private:
  void parameters();
  void preprocess();
  void backbone();
  void head();
  DictionaryAttr augment();
  void train();
  void phase(const Phase &phase);
  /// The network's layers, in the order of `list`, and the final yield.
  void body(const Network &network, const LayerList &list, Region &region,
            Location loc);
  Location at(SourceRange range) { return range.location(b.getContext()); }
  ArrayAttr strings(ArrayRef<std::string> values) {
    SmallVector<StringRef> refs(values.begin(), values.end());
    return b.getStrArrayAttr(refs);
  }

  const Recipe &recipe;
  const ModuleTexts &texts;
  OpBuilder b;
  LayerGenerator layers;
};

void ModuleGenerator::parameters() {
  const Backbone &backbone = recipe.backbone;
  for (const LayerList::Entry &entry : backbone.list.entries)
    for (int layer : entry.layers)
      layers.parameters(backbone.network.layers[layer], std::nullopt);
  if (!recipe.head)
    return;
  std::optional<int64_t> firstPhase;
  if (recipe.train)
    firstPhase = 0;
  for (const Layer &layer : recipe.head->layers)
    layers.parameters(layer, firstPhase);
}

void ModuleGenerator::preprocess() {
  const Preprocess &p = recipe.backbone.preprocess;
  SmallVector<float> mean(p.mean.begin(), p.mean.end());
  SmallVector<float> deviation(p.deviation.begin(), p.deviation.end());
  ask::PreprocessOp::create(
      b, at(p.range), b.getStringAttr(p.name),
      p.bgr ? b.getUnitAttr() : UnitAttr(), b.getF32FloatAttr(float(p.scale)),
      b.getDenseF32ArrayAttr(mean), b.getDenseF32ArrayAttr(deviation),
      b.getStringAttr(p.resize), b.getI64IntegerAttr(p.resizeTo),
      p.crop ? b.getUnitAttr() : UnitAttr());
}

void ModuleGenerator::body(const Network &network, const LayerList &list,
                           Region &region, Location loc) {
  OpBuilder::InsertionGuard guard(b);
  Block *block =
      b.createBlock(&region, {}, layers.tensorType(network.inputShape), loc);
  SmallVector<mlir::Value> values(network.layers.size());
  auto valueOf = [&](int index) {
    return index == kInputValue ? mlir::Value(block->getArgument(0))
                                : values[index];
  };
  llvm::DenseMap<int, SmallVector<Attribute>> taps;
  for (const Tap &tap : network.taps)
    taps[tap.value].push_back(b.getStringAttr(tap.name));
  auto generate = [&](int index, int64_t place, StringRef group) {
    SmallVector<mlir::Value> inputs;
    for (int input : network.layers[index].inputs)
      inputs.push_back(valueOf(input));
    auto layer = layers.layer(network.layers[index], place, inputs);
    if (network.layers[index].top)
      layer->setAttr(ask::kTopAttr, b.getUnitAttr());
    if (!group.empty())
      layer->setAttr(ask::kGroupAttr, b.getStringAttr(group));
    if (auto found = taps.find(index); found != taps.end())
      layer->setAttr(ask::kTapsAttr, b.getArrayAttr(found->second));
    values[index] = layer.getResult();
  };
  for (auto [place, entry] : llvm::enumerate(list.entries))
    for (int index : entry.layers)
      generate(index, list.firstIndex + int64_t(place),
               network.layers[index].group);
  ask::YieldOp::create(b, loc, valueOf(network.output));
}

void ModuleGenerator::backbone() {
  const Backbone &spec = recipe.backbone;
  SmallVector<int64_t> frozen;
  for (size_t i = 0; i < spec.frozen.size(); ++i)
    if (spec.frozen[i])
      frozen.push_back(i);
  auto op = ask::BackboneOp::create(
      b, at(spec.range), b.getStringAttr(spec.name),
      texts.weights.empty() ? StringAttr() : b.getStringAttr(texts.weights),
      spec.includeTop ? b.getUnitAttr() : UnitAttr(),
      b.getDenseI64ArrayAttr(frozen),
      spec.otherLayers.empty() ? ArrayAttr() : strings(spec.otherLayers));
  if (!spec.networkFile.empty())
    op->setAttr(ask::kOnnxAttr, b.getStringAttr(spec.networkOutput));
  op->setAttr(kConventionAttr,
              b.getStringAttr(spec.convention == Convention::Keras ? "keras"
                                                                   : "torch"));
  if (!spec.otherPreset.empty())
    op->setAttr(kOtherPresetAttr, b.getStringAttr(spec.otherPreset));
  body(spec.network, spec.list, op.getBody(), at(spec.range));
}

void ModuleGenerator::head() {
  if (!recipe.head)
    return;
  auto op = ask::HeadOp::create(b, at(recipe.headRange));
  body(*recipe.head, listLayers(*recipe.head, Convention::Torch), op.getBody(),
       at(recipe.headRange));
}

void ModuleGenerator::phase(const Phase &phase) {
  SmallVector<NamedAttribute> constants;
  for (const auto &[name, value] : phase.constants)
    constants.push_back(b.getNamedAttr(name, b.getF64FloatAttr(value)));
  if (phase.nesterov)
    constants.push_back(b.getNamedAttr("nesterov", b.getUnitAttr()));
  if (phase.ema)
    constants.push_back(b.getNamedAttr("ema", b.getF64FloatAttr(*phase.ema)));
  auto convention = recipe.train->convention == Convention::Keras
                        ? nn::Convention::Keras
                        : nn::Convention::Torch;
  auto optimizer =
      nn::OptimizerAttr::get(b.getContext(), phase.optimizer, convention,
                             b.getDictionaryAttr(constants));
  ask::PhaseOp::create(
      b, at(phase.range), b.getStringAttr(phase.name.text),
      b.getI64IntegerAttr(phase.epochs), optimizer,
      b.getF64FloatAttr(phase.headRate.value_or(phase.learningRate)),
      b.getDenseI64ArrayAttr(phase.unfrozen),
      phase.keepBest ? b.getUnitAttr() : UnitAttr(),
      phase.backboneRate ? b.getF64FloatAttr(*phase.backboneRate) : FloatAttr(),
      b.getStringAttr(phase.schedule), b.getF64FloatAttr(phase.warmup),
      b.getF64FloatAttr(phase.scheduleEvery),
      b.getF64FloatAttr(phase.scheduleFactor),
      phase.clipNorm ? b.getF64FloatAttr(*phase.clipNorm) : FloatAttr(),
      b.getI64IntegerAttr(phase.earlyStop),
      phase.batchNormTrain ? b.getUnitAttr() : UnitAttr());
}

DictionaryAttr ModuleGenerator::augment() {
  if (!recipe.train->augment)
    return {};
  const Augment &a = *recipe.train->augment;
  auto number = [&](StringRef name, double value) {
    return b.getNamedAttr(name, b.getF64FloatAttr(value));
  };
  return b.getDictionaryAttr(
      {number("flip_horizontal", a.flipHorizontal),
       number("flip_vertical", a.flipVertical), number("rotate", a.rotate),
       number("shift", a.shift), number("zoom", a.zoom),
       number("crop_least", a.cropLeast), number("crop_most", a.cropMost),
       number("brightness", a.brightness), number("contrast", a.contrast),
       number("saturation", a.saturation), number("hue", a.hue),
       b.getNamedAttr("views", b.getI64IntegerAttr(a.views))});
}

void ModuleGenerator::train() {
  if (!recipe.train)
    return;
  const Train &t = *recipe.train;
  auto op = ask::TrainOp::create(
      b, at(t.range), b.getI64IntegerAttr(t.batch), b.getStringAttr(t.loss),
      b.getF64FloatAttr(t.labelSmoothing), b.getI64IntegerAttr(t.seed),
      b.getF64FloatAttr(t.split),
      b.getStringAttr(t.convention == Convention::Keras ? "keras" : "torch"),
      t.classWeights.empty() ? DenseF64ArrayAttr()
                             : b.getDenseF64ArrayAttr(t.classWeights),
      t.balancedWeights ? b.getUnitAttr() : UnitAttr(),
      b.getF64FloatAttr(t.mixup), b.getI64IntegerAttr(t.topK),
      t.auc ? b.getUnitAttr() : UnitAttr(), augment());
  OpBuilder::InsertionGuard guard(b);
  b.createBlock(&op.getBody());
  for (const Phase &one : t.phases)
    phase(one);
}

OwningOpRef<ModuleOp> ModuleGenerator::run() {
  OwningOpRef<ModuleOp> module = ModuleOp::create(b, at(recipe.range));
  b.setInsertionPointToStart(module->getBody());
  auto model = ask::ModelOp::create(
      b, at(recipe.range), b.getStringAttr(recipe.name),
      b.getDenseI64ArrayAttr(recipe.input),
      recipe.labels.empty() ? ArrayAttr() : strings(recipe.labels),
      b.getI64IntegerAttr(recipe.classes), b.getStringAttr(texts.recipe),
      texts.keep.empty() ? ArrayAttr() : strings(texts.keep), StringAttr(),
      ArrayAttr());
  b.createBlock(&model.getBody());
  parameters();
  preprocess();
  backbone();
  head();
  train();
  return module;
}

} // namespace

OwningOpRef<ModuleOp> generate(const Recipe &recipe, const ModuleTexts &texts,
                               MLIRContext *context) {
  return ModuleGenerator(recipe, texts, context).run();
}

} // namespace tl::frontend
