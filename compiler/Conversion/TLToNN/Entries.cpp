// See the header. Inputs are found by name, so that a step takes class weights
// and mixup only where the recipe has them.
#include "compiler/Conversion/TLToNN/Entries.h"

#include "dialects/NN/Marks.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;

namespace tl {

func::FuncOp EntryWriter::begin(const Twine &name, StringRef kind,
                                ArrayRef<NamedType> inputs) {
  builder.setInsertionPointToEnd(module.getBody());
  SmallVector<Type> types;
  for (const NamedType &input : inputs)
    types.push_back(input.second);
  auto function = func::FuncOp::create(builder, model.getLoc(), name.str(),
                                       builder.getFunctionType(types, {}));
  function->setAttr(nn::kEntryAttr, builder.getStringAttr(kind));
  function.addEntryBlock();
  for (auto [i, input] : llvm::enumerate(inputs))
    function.setArgAttr(i, nn::kNameAttr, builder.getStringAttr(input.first));
  builder.setInsertionPointToStart(&function.front());
  return function;
}

void EntryWriter::finish(func::FuncOp function, ArrayRef<Named> outputs) {
  SmallVector<Value> values;
  for (const Named &output : outputs)
    values.push_back(output.second);
  func::ReturnOp::create(builder, model.getLoc(), values);
  function.setFunctionType(builder.getFunctionType(
      function.front().getArgumentTypes(), ValueRange(values).getTypes()));
  for (auto [i, output] : llvm::enumerate(outputs))
    function.setResultAttr(i, nn::kNameAttr,
                           builder.getStringAttr(output.first));
}

SmallVector<EntryWriter::NamedType> EntryWriter::inputs(const Cut &cut) {
  SmallVector<NamedType> types;
  for (Value value : cut.values)
    types.push_back({cuts.name(value).str(), value.getType()});
  return types;
}

/// One number a picture.
EntryWriter::NamedType EntryWriter::vector(StringRef name, Type element) {
  return {name.str(), RankedTensorType::get({ShapedType::kDynamic}, element)};
}

Value EntryWriter::input(func::FuncOp function, StringRef name) {
  for (BlockArgument argument : function.getArguments())
    if (function.getArgAttrOfType<StringAttr>(argument.getArgNumber(),
                                              nn::kNameAttr) == name)
      return argument;
  return {};
}

void EntryWriter::extract(StringRef name, ArrayRef<Value> values,
                          std::optional<int64_t> phase) {
  func::FuncOp function =
      begin(name, "extract", {{"pixels", network.pixels.getType()}});
  if (phase)
    function->setAttr(nn::kPhaseAttr, builder.getI64IntegerAttr(*phase));
  IRMapping mapping;
  mapping.map(network.pixels, function.getArgument(0));
  SmallVector<Named> outputs;
  for (auto [value, clone] :
       llvm::zip(values, cloneSlice(builder, values, mapping)))
    outputs.push_back({cuts.name(value).str(), clone});
  finish(function, outputs);
}

Value EntryWriter::logits(func::FuncOp function, const Cut &cut) {
  IRMapping mapping;
  for (auto [i, value] : llvm::enumerate(cut.values))
    mapping.map(value, function.getArgument(i));
  return cloneSlice(builder, network.logits, mapping).front();
}

/// Scores from logits, as the model's last activation says or, without one,
/// as its loss implies.
Value EntryWriter::scores(Value logits) {
  bool sigmoid =
      network.lastActivation
          ? isa<nn::ActivationOp>(network.lastActivation)
          : cast<RankedTensorType>(logits.getType()).getDimSize(1) == 1;
  Location loc = model.getLoc();
  if (!sigmoid)
    return nn::SoftmaxOp::create(builder, loc, logits.getType(), logits);
  return nn::ActivationOp::create(
      builder, loc, logits.getType(), logits,
      nn::ActivationAttr::get(builder.getContext(), nn::ActivationKind::Sigmoid,
                              FloatAttr()));
}

Value EntryWriter::loss(func::FuncOp function, Value logits) {
  ask::TrainOp train = model.getTrain();
  Type type =
      RankedTensorType::get({ShapedType::kDynamic}, builder.getF32Type());
  Value labels = input(function, "labels");
  Value weights = input(function, "weights");
  Value mixLabels = input(function, "mix_labels");
  Value mix = input(function, "mix");
  auto smoothing = train.getLabelSmoothingAttr();
  Location loc = train.getLoc();
  if (train.getLoss() == "binary_crossentropy")
    return nn::SigmoidCrossEntropyOp::create(
        builder, loc, type, logits, labels, weights, mixLabels, mix, smoothing);
  return nn::SoftmaxCrossEntropyOp::create(builder, loc, type, logits, labels,
                                           weights, mixLabels, mix, smoothing);
}

void EntryWriter::predict() {
  func::FuncOp function = begin("predict", "predict", inputs(cuts.last()));
  Value value = logits(function, cuts.last());
  finish(function, {{"logits", value}, {"scores", scores(value)}});
}

void EntryWriter::evaluate(const Cut &cut) {
  SmallVector<NamedType> ports = inputs(cut);
  ports.push_back(vector("labels", builder.getI32Type()));
  func::FuncOp function =
      begin("evaluate" + Twine(cut.suffix), "evaluate", ports);
  Value value = logits(function, cut);
  Value perPicture = loss(function, value);
  finish(function,
         {{"loss", perPicture}, {"logits", value}, {"scores", scores(value)}});
}

void EntryWriter::trainStep(ask::PhaseOp phase, int64_t index) {
  ask::TrainOp train = model.getTrain();
  const Cut &cut = cuts.of(index);
  SmallVector<NamedType> ports = inputs(cut);
  ports.push_back(vector("labels", builder.getI32Type()));
  ports.push_back(vector("ids", builder.getI32Type()));
  if (train.getBalancedWeights() || train.getClassWeights())
    ports.push_back(vector("weights", builder.getF32Type()));
  if (train.getMixup().convertToDouble() > 0) {
    ports.push_back(vector("mix_labels", builder.getI32Type()));
    ports.push_back(vector("mix", builder.getF32Type()));
  }
  ports.push_back({"step", RankedTensorType::get({16}, builder.getI32Type())});
  func::FuncOp function =
      begin("train_step." + phase.getName(), "train_step", ports);
  function->setAttr(nn::kPhaseAttr, builder.getI64IntegerAttr(index));
  function->setAttr(nn::kOptimizerAttr, phase.getOptimizerAttr());
  if (auto norm = phase.getClipNormAttr())
    function->setAttr(nn::kClipNormAttr, norm);
  Value value = logits(function, cut);
  // What a phase does not train is as in inference.
  function.walk([&](nn::DropoutOp dropout) {
    if (!trainability.trains(nn::layerOf(dropout), index))
      return;
    dropout.getIdsMutable().assign(input(function, "ids"));
    dropout.getStepMutable().assign(input(function, "step"));
  });
  trainBatchNorms(function, index);
  Value perPicture = loss(function, value);
  finish(function, {{"loss", perPicture}, {"scores", scores(value)}});
}

/// Puts batch norms into training mode: statistics of the batch, and the names
/// of the stored ones for their update.
void EntryWriter::trainBatchNorms(func::FuncOp function, int64_t phase) {
  OpBuilder::InsertionGuard guard(builder);
  function.walk([&](nn::BatchNormOp norm) {
    if (!trainability.trainsBatchNorm(nn::layerOf(norm), phase))
      return;
    auto mean = norm.getMean().getDefiningOp<nn::GetOp>();
    auto variance = norm.getVariance().getDefiningOp<nn::GetOp>();
    builder.setInsertionPoint(norm);
    auto stats =
        nn::BatchStatsOp::create(builder, norm.getLoc(), mean.getType(),
                                 variance.getType(), norm.getInput());
    stats->setAttr(nn::kLayerAttr, norm->getAttr(nn::kLayerAttr));
    stats->setAttr(nn::kStatisticsAttr,
                   builder.getArrayAttr(
                       {mean.getParameterAttr(), variance.getParameterAttr()}));
    norm.getMeanMutable().assign(stats.getMean());
    norm.getVarianceMutable().assign(stats.getVariance());
    norm.setBatchStatistics(true);
    for (nn::GetOp get : {mean, variance})
      if (get.use_empty())
        get.erase();
  });
}

void EntryWriter::tap(StringRef name, Value value) {
  func::FuncOp function =
      begin("tap." + name, "tap", {{"pixels", network.pixels.getType()}});
  IRMapping mapping;
  mapping.map(network.pixels, function.getArgument(0));
  Value clone = cloneSlice(builder, value, mapping).front();
  finish(function, {{name.str(), clone}});
}

} // namespace tl
