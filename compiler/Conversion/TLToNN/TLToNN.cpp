// Cuts a model into its entry points. This is where the one fact that the
// whole compiler lives on is used: what a phase keeps frozen is a pure function
// of the picture, so it becomes an extraction, and the phase's steps start at
// its frontier. The parts stand in files of their own: who trains what
// (Trainability), where each phase is cut (Cuts), the functions (Entries).
#include "compiler/Conversion/TLToNN/Entries.h"
#include "compiler/Transforms/Passes.h"
#include "dialects/NN/Marks.h"

using namespace mlir;

namespace tl {
#define GEN_PASS_DEF_CONVERTTLTONN
#include "compiler/Transforms/Passes.h.inc"

namespace {

struct ConvertTLToNN : impl::ConvertTLToNNBase<ConvertTLToNN> {
  void runOnOperation() override {
    auto models = getOperation().getOps<ask::ModelOp>();
    if (!llvm::hasSingleElement(models)) {
      getOperation().emitError("expected one tl.model");
      return signalPassFailure();
    }
    model = *models.begin();
    Trainability trainability(model);
    hoistParameters(trainability);
    network = flattenNetwork(model);
    SymbolTable symbols(getOperation());
    Cuts cuts(model, network, trainability, symbols);
    if (cuts.all().size() > 1)
      markShared(cuts);
    EntryWriter entries(getOperation(), model, network, cuts, trainability);
    addEntries(cuts, entries);
    if (failed(addTaps(cuts, entries)))
      return signalPassFailure();
    network.function.erase();
    describeLayers();
  }

  /// Moves parameters to the module and writes down who trains them.
  void hoistParameters(const Trainability &trainability) {
    for (auto parameter : llvm::make_early_inc_range(
             model.getBody().front().getOps<nn::ParameterOp>())) {
      parameter->moveBefore(model);
      auto first = trainability.firstPhase(parameter);
      if (!first)
        continue;
      parameter.setFirstPhase(first);
      if (trainability.isBackbone(parameter.getLayer().value_or("")))
        parameter->setAttr(nn::kBackboneAttr, UnitAttr::get(&getContext()));
    }
  }

  /// Marks operations whose result has more readers than an entry may show:
  /// those of other entries, and extraction itself. What is computed for one
  /// phase alone must have the same bits as what is computed for all.
  void markShared(const Cuts &cuts) {
    llvm::DenseSet<Value> crossing;
    for (Value value : cuts.extracted())
      crossing.insert(value);
    network.function.walk([&](Operation *op) {
      if (op->getNumResults() == 1 && !isa<nn::GetOp>(op) &&
          (crossing.contains(op->getResult(0)) ||
           !op->getResult(0).hasOneUse()))
        op->setAttr(nn::kSharedAttr, UnitAttr::get(&getContext()));
    });
  }

  // ------------------------------------------------------------ entries

  void addEntries(const Cuts &cuts, EntryWriter &entries) {
    ask::TrainOp train = model.getTrain();
    bool several = cuts.all().size() > 1;
    if (several && !cuts.extracted().empty())
      entries.extract("extract", cuts.extracted(), 0);
    if (!several)
      addExtract(cuts, cuts.last(), std::nullopt, entries);
    if (model.getClasses() > 0)
      entries.predict();
    if (!train)
      return;
    if (several && !cuts.extracted().empty())
      train->setAttr(ask::kExtractAllAttr, string("extract"));
    int64_t index = 0;
    llvm::SmallPtrSet<const Cut *, 4> done;
    for (auto phase : train.getBody().front().getOps<ask::PhaseOp>()) {
      const Cut &cut = cuts.of(index);
      if (done.insert(&cut).second) {
        if (several)
          addExtract(cuts, cut, index, entries);
        entries.evaluate(cut);
      }
      describeCut(phase, cuts, cut);
      entries.trainStep(phase, index++);
    }
  }

  void addExtract(const Cuts &cuts, const Cut &cut,
                  std::optional<int64_t> phase, EntryWriter &entries) {
    if (SmallVector<Value> values = cuts.extracted(cut); !values.empty())
      entries.extract("extract" + cut.suffix, values, phase);
  }

  StringAttr string(const Twine &text) {
    return StringAttr::get(&getContext(), text);
  }

  /// The phase's entries and what crosses, for the container and the summary.
  void describeCut(ask::PhaseOp phase, const Cuts &cuts, const Cut &cut) {
    phase->setAttr(ask::kEvaluateAttr, string("evaluate" + cut.suffix));
    if (!cuts.extracted(cut).empty())
      phase->setAttr(ask::kExtractAttr, string("extract" + cut.suffix));
    SmallVector<Attribute> layers;
    for (Value value : cut.values)
      layers.push_back(string(value == network.pixels
                                  ? StringRef("(input)")
                                  : nn::layerOf(value.getDefiningOp())));
    phase->setAttr(ask::kFrontierAttr, ArrayAttr::get(&getContext(), layers));
  }

  // ------------------------------------------------------------ taps

  LogicalResult addTaps(const Cuts &cuts, EntryWriter &entries) {
    llvm::MapVector<StringRef, Value> taps;
    taps["features"] = network.features;
    if (model.getClasses() > 0)
      taps["logits"] = network.logits;
    if (SmallVector<Value> extracted = cuts.extracted(); !extracted.empty())
      taps["frontier"] = extracted.front();
    if (auto keep = model.getKeep())
      for (auto name : keep->getAsRange<StringAttr>()) {
        if (taps.contains(name.getValue()))
          continue; // readable as it is
        auto known = network.layers.find(name.getValue());
        if (known == network.layers.end())
          return unknownValue(name.getValue());
        taps[name.getValue()] = known->second;
      }
    for (auto [name, value] : taps)
      entries.tap(name, value);
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

  /// What a layer's parameters say of it.
  struct LayerFacts {
    int64_t parameters = 0;
    std::optional<uint64_t> firstPhase;
  };

  llvm::StringMap<LayerFacts> layerFacts() {
    llvm::StringMap<LayerFacts> facts;
    for (auto parameter : getOperation().getOps<nn::ParameterOp>()) {
      LayerFacts &layer = facts[parameter.getLayer().value_or("")];
      layer.parameters += parameter.getTensorType().getNumElements();
      if (auto phase = parameter.getFirstPhase())
        layer.firstPhase = std::min(layer.firstPhase.value_or(*phase), *phase);
    }
    return facts;
  }

  /// Writes the layer table into the model and drops the layers themselves.
  void describeLayers() {
    Builder b(&getContext());
    llvm::StringMap<LayerFacts> facts = layerFacts();
    SmallVector<Attribute> table;
    auto add = [&](Block &block) {
      for (auto layer : block.getOps<ask::LayerOp>()) {
        LayerFacts known = facts.lookup(layer.getName());
        NamedAttrList row;
        row.append("name", layer.getNameAttr());
        row.append("kind", layer.getKindAttr());
        row.append("index", layer.getIndexAttr());
        row.append("parameters", b.getI64IntegerAttr(known.parameters));
        row.append("trainable", b.getBoolAttr(known.firstPhase.has_value()));
        if (known.firstPhase)
          row.append("first_phase", b.getI64IntegerAttr(*known.firstPhase));
        table.push_back(row.getDictionary(&getContext()));
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
    model.setLayersAttr(b.getArrayAttr(table));
  }

  ask::ModelOp model;
  Network network;
};
} // namespace
} // namespace tl
