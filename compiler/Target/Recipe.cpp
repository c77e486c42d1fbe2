// The recipe's part of the container; see the header.
#include "compiler/Target/Recipe.h"

#include "dialects/NN/Optimizers.h"
#include "dialects/TL/TL.h"

using namespace mlir;

namespace tl {
namespace {

constexpr uint32_t kNoEntry = 4294967295u;

schema::Resize resizeOf(StringRef name) {
  for (schema::Resize resize : schema::EnumValuesResize())
    if (name == schema::EnumNameResize(resize))
      return resize;
  llvm_unreachable("the verifier of tl.preprocess knows every resize");
}

std::unique_ptr<schema::PreprocessT> preprocessOf(ask::ModelOp model) {
  ask::PreprocessOp op = model.getPreprocess();
  auto made = std::make_unique<schema::PreprocessT>();
  made->name = op.getName();
  made->height = model.getInput()[0];
  made->width = model.getInput()[1];
  made->channels = model.getInput()[2];
  made->bgr = op.getBgr();
  made->scale = op.getScale().convertToFloat();
  made->mean.assign(op.getMean().begin(), op.getMean().end());
  made->std.assign(op.getStd().begin(), op.getStd().end());
  made->resize = resizeOf(op.getResize());
  made->resize_to = op.getResizeTo();
  made->crop = op.getCrop();
  return made;
}

uint32_t entryIndex(const schema::ModelT &model, StringRef name) {
  for (auto [i, entry] : llvm::enumerate(model.entries))
    if (entry->name == name)
      return i;
  llvm_unreachable("convert-tl-to-nn makes every entry that it names");
}

/// The entry that a discardable attribute of `op` names; none without it.
uint32_t entryNamed(Operation *op, StringRef attribute,
                    const schema::ModelT &model) {
  auto name = op->getAttrOfType<StringAttr>(attribute);
  return name ? entryIndex(model, name.getValue()) : kNoEntry;
}

schema::Schedule scheduleOf(StringRef name) {
  for (schema::Schedule schedule : schema::EnumValuesSchedule())
    if (name == schema::EnumNameSchedule(schedule))
      return schedule;
  llvm_unreachable("the verifier of tl.phase knows every schedule");
}

std::unique_ptr<schema::PhaseT> phaseOf(ask::PhaseOp op,
                                        const schema::ModelT &model) {
  auto phase = std::make_unique<schema::PhaseT>();
  nn::OptimizerAttr optimizer = op.getOptimizer();
  phase->name = op.getName();
  phase->epochs = op.getEpochs();
  phase->optimizer = schema::Optimizer(optimizer.getKind());
  phase->learning_rate = op.getLearningRate().convertToDouble();
  phase->beta1 = nn::optimizerConstant(optimizer, "beta1");
  phase->beta2 = nn::optimizerConstant(optimizer, "beta2");
  phase->train_entry = entryIndex(model, ("train_step." + op.getName()).str());
  phase->evaluate_entry = entryNamed(op, ask::kEvaluateAttr, model);
  phase->extract_entry = entryNamed(op, ask::kExtractAttr, model);
  phase->keep_best = op.getKeepBest();
  if (auto rate = op.getBackboneRate())
    phase->backbone_rate = rate->convertToDouble();
  phase->schedule = scheduleOf(op.getSchedule());
  phase->warmup = op.getWarmup().convertToDouble();
  phase->schedule_every = op.getScheduleEvery().convertToDouble();
  phase->schedule_factor = op.getScheduleFactor().convertToDouble();
  if (auto norm = op.getClipNorm())
    phase->clip_norm = norm->convertToDouble();
  phase->ema = nn::optimizerConstant(optimizer, "ema");
  phase->early_stop = op.getEarlyStop();
  return phase;
}

/// Entries that the recipe leaves out keep their defaults: no change.
std::unique_ptr<schema::AugmentT> augmentOf(DictionaryAttr entries) {
  auto made = std::make_unique<schema::AugmentT>();
  std::pair<StringRef, float *> numbers[] = {
      {"flip_horizontal", &made->flip_horizontal},
      {"flip_vertical", &made->flip_vertical},
      {"rotate", &made->rotate},
      {"shift", &made->shift},
      {"zoom", &made->zoom},
      {"crop_least", &made->crop_least},
      {"crop_most", &made->crop_most},
      {"brightness", &made->brightness},
      {"contrast", &made->contrast},
      {"saturation", &made->saturation},
      {"hue", &made->hue}};
  for (auto [name, number] : numbers)
    if (auto value = entries.getAs<FloatAttr>(name))
      *number = value.getValueAsDouble();
  if (auto views = entries.getAs<IntegerAttr>("views"))
    made->views = views.getInt();
  return made;
}

void addClassWeights(ask::TrainOp op, schema::TrainT &train) {
  if (op.getBalancedWeights())
    train.class_weights = schema::ClassWeights::balanced;
  if (auto given = op.getClassWeights()) {
    train.class_weights = schema::ClassWeights::given;
    train.weights.assign(given->begin(), given->end());
  }
}

std::unique_ptr<schema::TrainT> trainOf(ask::TrainOp op,
                                        const schema::ModelT &model) {
  auto train = std::make_unique<schema::TrainT>();
  train->batch = op.getBatch();
  train->loss = op.getLoss() == "binary_crossentropy"
                    ? schema::Loss::binary_crossentropy
                    : schema::Loss::categorical_crossentropy;
  train->label_smoothing = op.getLabelSmoothing().convertToDouble();
  train->seed = op.getSeed();
  train->split = op.getSplit().convertToDouble();
  train->convention = op.getConvention() == "torch" ? schema::Convention::torch
                                                    : schema::Convention::keras;
  for (auto phase : op.getBody().front().getOps<ask::PhaseOp>())
    train->phases.push_back(phaseOf(phase, model));
  train->extract_all_entry = entryNamed(op, ask::kExtractAllAttr, model);
  addClassWeights(op, *train);
  train->mixup = op.getMixup().convertToDouble();
  train->top_k = op.getTopK();
  train->auc = op.getAuc();
  if (auto augment = op.getAugment())
    train->augment = augmentOf(*augment);
  return train;
}

void addLayers(ask::ModelOp op, schema::ModelT &model) {
  if (!op.getLayers())
    return;
  for (auto row : op.getLayers()->getAsRange<DictionaryAttr>()) {
    auto layer = std::make_unique<schema::LayerT>();
    layer->index = cast<IntegerAttr>(row.get("index")).getInt();
    layer->name = cast<StringAttr>(row.get("name")).getValue();
    layer->kind = cast<StringAttr>(row.get("kind")).getValue();
    layer->parameters = cast<IntegerAttr>(row.get("parameters")).getInt();
    layer->trainable = cast<BoolAttr>(row.get("trainable")).getValue();
    if (auto first = row.getAs<IntegerAttr>("first_phase"))
      layer->first_phase = first.getInt();
    model.layers.push_back(std::move(layer));
  }
}

/// One sigmoid output, seen from the entry that gives scores.
bool hasSigmoid(const schema::ModelT &model) {
  for (const auto &entry : model.entries)
    if (entry->kind == schema::EntryKind::predict)
      for (const auto &output : entry->outputs)
        if (output->name == "scores")
          return output->shape.size() == 1 && output->shape[0] == 1;
  return false;
}
} // namespace

LogicalResult describeRecipe(ModuleOp module, schema::ModelT &model) {
  auto models = module.getOps<ask::ModelOp>();
  if (!llvm::hasSingleElement(models))
    return module.emitError("expected one tl.model");
  ask::ModelOp op = *models.begin();
  model.name = op.getSymName();
  model.producer = "tlc " TL_VERSION;
  model.backbone = op.getBackboneName().value_or("");
  model.recipe = op.getRecipe().value_or("");
  if (auto labels = op.getLabels())
    for (auto label : labels->getAsRange<StringAttr>())
      model.labels.push_back(label.str());
  model.classes = op.getClasses();
  model.sigmoid = op.getClasses() > 0 && hasSigmoid(model);
  model.preprocess = preprocessOf(op);
  if (ask::TrainOp train = op.getTrain())
    model.train = trainOf(train, model);
  addLayers(op, model);
  return success();
}

} // namespace tl
