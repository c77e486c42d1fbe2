// Cuts a model into its entry points. This is where the one fact that the
// whole compiler lives on is used: what is frozen is a pure function of the
// picture, so it becomes `extract`, and every step starts at the frontier.
#include "compiler/Analysis/Frontier.h"
#include "compiler/Conversion/TLToNN/Network.h"
#include "compiler/Transforms/Passes.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;

namespace tl {
#define GEN_PASS_DEF_CONVERTTLTONN
#include "compiler/Transforms/Passes.h.inc"

namespace {

using Named = std::pair<std::string, Value>;
using NamedType = std::pair<std::string, Type>;

struct ConvertTLToNN : impl::ConvertTLToNNBase<ConvertTLToNN> {
  void runOnOperation() override {
    auto models = getOperation().getOps<ask::ModelOp>();
    if (!llvm::hasSingleElement(models)) {
      getOperation().emitError("expected one tl.model");
      return signalPassFailure();
    }
    model = *models.begin();
    builder.emplace(&getContext());
    hoistParameters();
    network = flattenNetwork(model);
    cutAtFrontier();
    addExtract();
    if (model.getClasses() > 0)
      addPredict();
    if (ask::TrainOp train = model.getTrain()) {
      addEvaluate(train);
      int64_t index = 0;
      for (auto phase : train.getBody().front().getOps<ask::PhaseOp>())
        addTrainStep(train, phase, index++);
    }
    if (failed(addTaps()))
      return signalPassFailure();
    network.function.erase();
    describeLayers();
  }

  // ------------------------------------------------------------ parameters

  /// The first phase that trains a layer of the backbone: 0 if it is not
  /// frozen at all, none if no phase unfreezes it.
  std::optional<int64_t> firstPhase(ask::LayerOp layer) {
    ask::TrainOp train = model.getTrain();
    if (!train)
      return std::nullopt;
    if (!llvm::is_contained(model.getBackbone().getFrozen(), layer.getIndex()))
      return 0;
    int64_t index = 0;
    for (auto phase : train.getBody().front().getOps<ask::PhaseOp>()) {
      if (llvm::is_contained(phase.getUnfreeze(), layer.getIndex()))
        return index;
      ++index;
    }
    return std::nullopt;
  }

  /// Moves parameters to the module and writes down who trains them.
  void hoistParameters() {
    llvm::StringMap<int64_t> phases;
    for (auto layer :
         model.getBackbone().getBody().front().getOps<ask::LayerOp>())
      if (auto phase = firstPhase(layer))
        phases[layer.getName()] = *phase;
    if (ask::HeadOp head = model.getHead(); head && model.getTrain())
      for (auto layer : head.getBody().front().getOps<ask::LayerOp>())
        phases[layer.getName()] = 0;
    for (auto parameter : llvm::make_early_inc_range(
             model.getBody().front().getOps<nn::ParameterOp>())) {
      parameter->moveBefore(model);
      auto phase = phases.find(parameter.getLayer().value_or(""));
      bool statistic = parameter.getRole().value_or("").starts_with("moving_");
      if (phase != phases.end() && !statistic)
        parameter.setFirstPhase(phase->second);
    }
  }

  // ------------------------------------------------------------ the cut

  void cutAtFrontier() {
    SymbolTable symbols(getOperation());
    SmallVector<Operation *> rest;
    if (network.lastActivation)
      rest.push_back(network.lastActivation);
    Frontier found(
        network.function.front(),
        [&](nn::GetOp get) {
          return symbols.lookup<nn::ParameterOp>(get.getParameter())
              .getFirstPhase()
              .has_value();
        },
        bool(model.getTrain()), rest);
    frontier.assign(found.values().begin(), found.values().end());
    // Nothing reads a frozen output: it is what extraction is for.
    if (model.getClasses() == 0 || found.isFrozen(network.output))
      frontier = {network.output};
  }

  static std::string frontierName(size_t index) {
    return index == 0 ? "frontier" : "frontier." + std::to_string(index);
  }

  SmallVector<NamedType> frontierTypes() {
    SmallVector<NamedType> types;
    for (auto [i, value] : llvm::enumerate(frontier))
      types.push_back({frontierName(i), value.getType()});
    return types;
  }

  // ------------------------------------------------------------ entries

  /// Starts a function for an entry point; the builder stands in its body.
  func::FuncOp begin(StringRef name, StringRef kind,
                     ArrayRef<NamedType> inputs) {
    builder->setInsertionPointToEnd(getOperation().getBody());
    SmallVector<Type> types;
    for (const NamedType &input : inputs)
      types.push_back(input.second);
    auto function = func::FuncOp::create(*builder, model.getLoc(), name,
                                         builder->getFunctionType(types, {}));
    function->setAttr(nn::kEntryAttr, builder->getStringAttr(kind));
    function.addEntryBlock();
    for (auto [i, input] : llvm::enumerate(inputs))
      function.setArgAttr(i, nn::kNameAttr,
                          builder->getStringAttr(input.first));
    builder->setInsertionPointToStart(&function.front());
    return function;
  }

  void finish(func::FuncOp function, ArrayRef<Named> outputs) {
    SmallVector<Value> values;
    for (const Named &output : outputs)
      values.push_back(output.second);
    func::ReturnOp::create(*builder, model.getLoc(), values);
    function.setFunctionType(builder->getFunctionType(
        function.front().getArgumentTypes(), ValueRange(values).getTypes()));
    for (auto [i, output] : llvm::enumerate(outputs))
      function.setResultAttr(i, nn::kNameAttr,
                             builder->getStringAttr(output.first));
  }

  void addExtract() {
    func::FuncOp function =
        begin("extract", "extract", {{"pixels", network.pixels.getType()}});
    IRMapping mapping;
    mapping.map(network.pixels, function.getArgument(0));
    SmallVector<Named> outputs;
    for (auto [i, value] :
         llvm::enumerate(cloneSlice(*builder, frontier, mapping)))
      outputs.push_back({frontierName(i), value});
    finish(function, outputs);
  }

  IRMapping mapFrontier(func::FuncOp function) {
    IRMapping mapping;
    for (auto [i, value] : llvm::enumerate(frontier))
      mapping.map(value, function.getArgument(i));
    return mapping;
  }

  /// Scores from logits, as the model's last activation says or, without one,
  /// as its loss implies.
  Value scores(Value logits) {
    bool sigmoid =
        network.lastActivation
            ? isa<nn::ActivationOp>(network.lastActivation)
            : cast<RankedTensorType>(logits.getType()).getDimSize(1) == 1;
    Location loc = model.getLoc();
    if (!sigmoid)
      return nn::SoftmaxOp::create(*builder, loc, logits.getType(), logits);
    return nn::ActivationOp::create(
        *builder, loc, logits.getType(), logits,
        nn::ActivationAttr::get(&getContext(), nn::ActivationKind::Sigmoid,
                                FloatAttr()));
  }

  Value loss(ask::TrainOp train, Value logits, Value labels) {
    Type type =
        RankedTensorType::get({ShapedType::kDynamic}, builder->getF32Type());
    auto smoothing = train.getLabelSmoothingAttr();
    if (train.getLoss() == "binary_crossentropy")
      return nn::SigmoidCrossEntropyOp::create(*builder, train.getLoc(), type,
                                               logits, labels, Value(), Value(),
                                               Value(), smoothing);
    return nn::SoftmaxCrossEntropyOp::create(*builder, train.getLoc(), type,
                                             logits, labels, Value(), Value(),
                                             Value(), smoothing);
  }

  NamedType indices(StringRef name) {
    return {name.str(), RankedTensorType::get({ShapedType::kDynamic},
                                              builder->getI32Type())};
  }

  void addPredict() {
    func::FuncOp function = begin("predict", "predict", frontierTypes());
    IRMapping mapping = mapFrontier(function);
    Value logits = cloneSlice(*builder, network.logits, mapping).front();
    finish(function, {{"logits", logits}, {"scores", scores(logits)}});
  }

  void addEvaluate(ask::TrainOp train) {
    SmallVector<NamedType> inputs = frontierTypes();
    inputs.push_back(indices("labels"));
    func::FuncOp function = begin("evaluate", "evaluate", inputs);
    IRMapping mapping = mapFrontier(function);
    Value logits = cloneSlice(*builder, network.logits, mapping).front();
    Value labels = function.getArguments().back();
    Value perPicture = loss(train, logits, labels);
    finish(
        function,
        {{"loss", perPicture}, {"logits", logits}, {"scores", scores(logits)}});
  }

  void addTrainStep(ask::TrainOp train, ask::PhaseOp phase, int64_t index) {
    SmallVector<NamedType> inputs = frontierTypes();
    size_t first = inputs.size();
    inputs.push_back(indices("labels"));
    inputs.push_back(indices("ids"));
    inputs.push_back(
        {"step", RankedTensorType::get({16}, builder->getI32Type())});
    func::FuncOp function =
        begin(("train_step." + phase.getName()).str(), "train_step", inputs);
    function->setAttr(nn::kPhaseAttr, builder->getI64IntegerAttr(index));
    function->setAttr("nn.optimizer", phase.getOptimizerAttr());
    IRMapping mapping = mapFrontier(function);
    Value logits = cloneSlice(*builder, network.logits, mapping).front();
    Value ids = function.getArgument(first + 1);
    Value step = function.getArgument(first + 2);
    function.walk([&](nn::DropoutOp dropout) {
      dropout.getIdsMutable().assign(ids);
      dropout.getStepMutable().assign(step);
    });
    Value perPicture = loss(train, logits, function.getArgument(first));
    finish(function, {{"loss", perPicture}, {"scores", scores(logits)}});
  }

  // ------------------------------------------------------------ taps

  LogicalResult addTaps() {
    llvm::MapVector<StringRef, Value> taps;
    taps["features"] = network.features;
    if (model.getClasses() > 0)
      taps["logits"] = network.logits;
    taps["frontier"] = frontier.front();
    if (auto keep = model.getKeep())
      for (auto name : keep->getAsRange<StringAttr>()) {
        if (taps.contains(name.getValue()))
          continue; // readable as it is
        auto known = network.layers.find(name.getValue());
        if (known == network.layers.end())
          return unknownValue(name.getValue());
        taps[name.getValue()] = known->second;
      }
    for (auto [name, value] : taps) {
      func::FuncOp function = begin(("tap." + name).str(), "tap",
                                    {{"pixels", network.pixels.getType()}});
      IRMapping mapping;
      mapping.map(network.pixels, function.getArgument(0));
      Value clone = cloneSlice(*builder, value, mapping).front();
      finish(function, {{name.str(), clone}});
    }
    return success();
  }

  LogicalResult unknownValue(StringRef name) {
    StringRef nearest;
    unsigned best = std::numeric_limits<unsigned>::max();
    for (auto [layer, value] : network.layers)
      if (unsigned distance = name.edit_distance(layer); distance < best) {
        best = distance;
        nearest = layer;
      }
    return model.emitError()
           << "nothing named '" << name << "' to keep; the nearest layer is '"
           << nearest << "'";
  }

  // ------------------------------------------------------------ the record

  /// Writes the layer table into the model and drops the layers themselves.
  void describeLayers() {
    llvm::StringMap<std::pair<int64_t, bool>> counts;
    for (auto parameter : getOperation().getOps<nn::ParameterOp>()) {
      auto &[count, trainable] = counts[parameter.getLayer().value_or("")];
      count += parameter.getTensorType().getNumElements();
      trainable |= parameter.getFirstPhase().has_value();
    }
    SmallVector<Attribute> table;
    auto add = [&](Block &block) {
      for (auto layer : block.getOps<ask::LayerOp>()) {
        auto [count, trainable] = counts.lookup(layer.getName());
        table.push_back(builder->getDictionaryAttr({
            builder->getNamedAttr("name", layer.getNameAttr()),
            builder->getNamedAttr("kind", layer.getKindAttr()),
            builder->getNamedAttr("index", layer.getIndexAttr()),
            builder->getNamedAttr("parameters",
                                  builder->getI64IntegerAttr(count)),
            builder->getNamedAttr("trainable", builder->getBoolAttr(trainable)),
        }));
      }
    };
    ask::BackboneOp backbone = model.getBackbone();
    add(backbone.getBody().front());
    model.setBackboneNameAttr(backbone.getNameAttr());
    if (ask::HeadOp head = model.getHead()) {
      add(head.getBody().front());
      head.erase();
    }
    backbone.erase();
    model.setLayersAttr(builder->getArrayAttr(table));
  }

  ask::ModelOp model;
  Network network;
  SmallVector<Value> frontier;
  std::optional<OpBuilder> builder;
};
} // namespace
} // namespace tl
