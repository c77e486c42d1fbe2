// Registration and verifiers of the TL dialect.
#include "dialects/TL/TL.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/OpImplementation.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace tl::ask;

#include "dialects/TL/TLDialect.cpp.inc"
#define GET_OP_CLASSES
#include "dialects/TL/TLOps.cpp.inc"

void TLDialect::initialize() {
  addOperations<
#define GET_OP_LIST
#include "dialects/TL/TLOps.cpp.inc"
      >();
}

template <typename Op> static Op onlyChild(ModelOp model) {
  auto children = model.getBody().front().getOps<Op>();
  return children.empty() ? Op() : *children.begin();
}

BackboneOp ModelOp::getBackbone() { return onlyChild<BackboneOp>(*this); }
HeadOp ModelOp::getHead() { return onlyChild<HeadOp>(*this); }
TrainOp ModelOp::getTrain() { return onlyChild<TrainOp>(*this); }
PreprocessOp ModelOp::getPreprocess() { return onlyChild<PreprocessOp>(*this); }

template <typename Op>
static LogicalResult expectCount(ModelOp model, size_t least, size_t most) {
  auto children = model.getBody().front().getOps<Op>();
  size_t count = std::distance(children.begin(), children.end());
  if (count < least || count > most)
    return model.emitOpError()
           << "must hold " << least << (least == most ? "" : " or 1") << " "
           << Op::getOperationName() << ", found " << count;
  return success();
}

static Type yieldedType(Region &region) {
  return cast<YieldOp>(region.front().getTerminator()).getValue().getType();
}

LogicalResult ModelOp::verify() {
  if (getInput().size() != 3 ||
      llvm::any_of(getInput(), [](int64_t d) { return d < 1; }))
    return emitOpError("input must be height, width and channels, each at "
                       "least 1");
  if (failed(expectCount<BackboneOp>(*this, 0, 1)) ||
      failed(expectCount<HeadOp>(*this, 0, 1)) ||
      failed(expectCount<TrainOp>(*this, 0, 1)) ||
      failed(expectCount<PreprocessOp>(*this, 1, 1)))
    return failure();
  if (getLabels() && getLabels()->size() != getClasses())
    return emitOpError() << "has " << getLabels()->size() << " labels for "
                         << getClasses() << " classes";
  HeadOp head = getHead();
  if (!head)
    return success();
  Type features = yieldedType(getBackbone().getBody());
  if (head.getBody().front().getArgumentTypes() != TypeRange(features))
    return head.emitOpError()
           << "must take what the backbone gives, " << features;
  return success();
}

LogicalResult PreprocessOp::verify() {
  if (getMean().size() != getStd().size() || getMean().empty())
    return emitOpError("mean and std must have one value a channel");
  if (llvm::is_contained(getStd(), 0.0f))
    return emitOpError("std must not be 0");
  if (!llvm::is_contained({"nearest", "bilinear", "bicubic", "tf_bilinear"},
                          getResize()))
    return emitOpError() << "resize must be nearest, bilinear, bicubic or "
                            "tf_bilinear, found '"
                         << getResize() << "'";
  if (int64_t(getResizeTo()) < 0)
    return emitOpError("resize_to must not be negative");
  return success();
}

LogicalResult BackboneOp::verify() {
  if (getBody().front().getNumArguments() != 1)
    return emitOpError("takes one value, the input");
  llvm::SmallDenseMap<int64_t, Attribute> groups;
  for (auto layer : getBody().front().getOps<LayerOp>())
    if (auto [known, fresh] =
            groups.try_emplace(layer.getIndex(), layer->getAttr(kGroupAttr));
        !fresh &&
        (!known->second || known->second != layer->getAttr(kGroupAttr)))
      return layer.emitOpError()
             << "index " << layer.getIndex() << " is taken by another layer";
  return success();
}

LogicalResult LayerOp::verify() {
  Block &block = getBody().front();
  if (block.getArgumentTypes() != getInputs().getTypes())
    return emitOpError("body must take the layer's inputs");
  if (yieldedType(getBody()) != getResult().getType())
    return emitOpError() << "body gives " << yieldedType(getBody())
                         << ", the layer " << getResult().getType();
  return success();
}

LogicalResult TrainOp::verify() {
  if (int64_t(getBatch()) < 1)
    return emitOpError("batch must be at least 1");
  if (!llvm::is_contained({"binary_crossentropy", "categorical_crossentropy"},
                          getLoss()))
    return emitOpError() << "loss must be binary_crossentropy or "
                            "categorical_crossentropy, found '"
                         << getLoss() << "'";
  double split = getSplit().convertToDouble();
  if (!(split > 0 && split < 1))
    return emitOpError("split must be above 0 and below 1");
  if (!llvm::is_contained({"keras", "torch"}, getConvention()))
    return emitOpError("convention must be keras or torch");
  if (getClassWeights() && getBalancedWeights())
    return emitOpError("class weights are given or balanced, not both");
  if (!(getMixup().convertToDouble() >= 0))
    return emitOpError("mixup must be at least 0");
  if (int64_t(getTopK()) < 0)
    return emitOpError("top_k must be at least 0");
  return success();
}

LogicalResult PhaseOp::verify() {
  if (int64_t(getEpochs()) < 1)
    return emitOpError("epochs must be at least 1");
  double rate = getLearningRate().convertToDouble();
  if (!(rate > 0))
    return emitOpError() << "learning_rate must be positive, found " << rate;
  if (!llvm::is_contained({"constant", "step", "cosine", "one_cycle"},
                          getSchedule()))
    return emitOpError() << "schedule must be constant, step, cosine or "
                            "one_cycle, found '"
                         << getSchedule() << "'";
  if (!(getWarmup().convertToDouble() >= 0))
    return emitOpError("warmup must be at least 0");
  double factor = getScheduleFactor().convertToDouble();
  if (!(getScheduleEvery().convertToDouble() > 0 && factor > 0 && factor <= 1))
    return emitOpError("schedule_every must be above 0, schedule_factor above "
                       "0 and at most 1");
  if (auto norm = getClipNorm(); norm && !(norm->convertToDouble() > 0))
    return emitOpError("clip_norm must be above 0");
  if (int64_t(getEarlyStop()) < 0)
    return emitOpError("early_stop must be at least 0");
  return success();
}
