// The layer table; see the header. It is read from the TL module and not from
// the frontend's structures, so that a network from another frontend prints the
// same way.
#include "compiler/tools/Summary.h"

#include "compiler/tools/Numbers.h"
#include "dialects/NN/Marks.h"
#include "dialects/TL/TL.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Format.h"

using namespace mlir;

namespace tl {

namespace {

struct Row {
  std::string index, name, kind, shape;
  int64_t weights = 0;
  std::string trained;
};

class Table {
public:
  explicit Table(ask::ModelOp model);
  void print(llvm::raw_ostream &os);

private:
  void addLayers(Block &block, bool head);
  std::string trainedIn(ask::LayerOp layer, bool head);

  ask::ModelOp model;
  llvm::StringMap<int64_t> weights; // a layer's numbers
  llvm::StringMap<int64_t> moving;  // of these, never trained by a gradient
  std::vector<Row> backbone, head;
  int64_t total = 0, trainable = 0;
};

} // namespace

static std::string shapeText(Type type) {
  std::string text;
  for (int64_t extent : cast<ShapedType>(type).getShape().drop_front())
    text += (text.empty() ? "" : " x ") + std::to_string(extent);
  return text;
}

Table::Table(ask::ModelOp model) : model(model) {
  for (auto parameter : model.getBody().front().getOps<nn::ParameterOp>()) {
    // A value and no `init` before weights are loaded: batch_norm(scale:
    // false), a constant of its layer and not a weight.
    if (!parameter.getLayer() || !parameter.getInit())
      continue;
    int64_t count = parameter.getTensorType().getNumElements();
    weights[*parameter.getLayer()] += count;
    if (nn::isStatistic(parameter.getRole().value_or("")))
      moving[*parameter.getLayer()] += count;
  }
  ask::BackboneOp base = model.getBackbone();
  auto layers = base.getBody().front().getOps<ask::LayerOp>();
  if (!layers.empty() && (*layers.begin()).getIndex() == 1)
    backbone.push_back({"0", "(input)", "InputLayer",
                        shapeText(base.getBody().getArgument(0).getType()), 0,
                        "-"});
  addLayers(base.getBody().front(), false);
  if (ask::HeadOp top = model.getHead())
    addLayers(top.getBody().front(), true);
}

/// The first phase that trains the layer, as "every phase" or "from NAME on",
/// or "-".
std::string Table::trainedIn(ask::LayerOp layer, bool head) {
  ask::TrainOp train = model.getTrain();
  int64_t count = weights.lookup(layer.getName());
  if (!train || count == moving.lookup(layer.getName()))
    return "-";
  auto holds = [&](ArrayRef<int64_t> indices) {
    return llvm::is_contained(indices, int64_t(layer.getIndex()));
  };
  std::string first;
  if (head || !holds(model.getBackbone().getFrozen()))
    first = "every phase";
  bool earliest = true;
  for (auto phase : train.getBody().front().getOps<ask::PhaseOp>()) {
    if (first.empty() && holds(phase.getUnfreeze()))
      first =
          earliest ? "every phase" : ("from " + phase.getName() + " on").str();
    earliest = false;
  }
  if (first.empty())
    return "-";
  trainable += count - moving.lookup(layer.getName());
  return first;
}

/// A further layer of a group: one row of the list, which gives the last one's
/// value. It has its first layer's kind where it has its name.
static void joinGroup(Row &group, const Row &layer, StringAttr name) {
  if (group.name != name) {
    group.name = name.str();
    group.kind = "Sequential";
  }
  group.shape = layer.shape;
  group.weights += layer.weights;
  if (group.trained == "-")
    group.trained = layer.trained;
}

void Table::addLayers(Block &block, bool isHead) {
  for (auto layer : block.getOps<ask::LayerOp>()) {
    Row row;
    // Ranges count the backbone's layers only.
    row.index = isHead ? "" : std::to_string(layer.getIndex());
    row.name = layer.getName().str();
    row.kind = layer.getKind().str();
    row.shape = shapeText(layer.getResult().getType());
    row.weights = weights.lookup(layer.getName());
    row.trained = trainedIn(layer, isHead);
    total += row.weights;
    std::vector<Row> &rows = isHead ? head : backbone;
    auto group = layer->getAttrOfType<StringAttr>(ask::kGroupAttr);
    if (group && !rows.empty() && rows.back().index == row.index && !isHead) {
      joinGroup(rows.back(), row, group);
      continue;
    }
    rows.push_back(std::move(row));
  }
}

void Table::print(llvm::raw_ostream &os) {
  Row titles{"index", "name", "kind", "output", 0, "trained in"};
  std::array<size_t, 4> widths{};
  auto widen = [&](const Row &row) {
    const std::string *cells[] = {&row.index, &row.name, &row.kind, &row.shape};
    for (size_t i = 0; i < widths.size(); ++i)
      widths[i] = std::max(widths[i], cells[i]->size());
  };
  widen(titles);
  for (const auto *rows : {&backbone, &head})
    llvm::for_each(*rows, widen);
  auto line = [&](const Row &row, StringRef count) {
    os << llvm::right_justify(row.index, widths[0]) << "  "
       << llvm::left_justify(row.name, widths[1]) << "  "
       << llvm::left_justify(row.kind, widths[2]) << "  "
       << llvm::left_justify(row.shape, widths[3]) << "  "
       << llvm::right_justify(count, 13) << "  " << row.trained << "\n";
  };
  os << "model " << model.getSymName() << ", backbone "
     << model.getBackbone().getName() << "\n";
  line(titles, "weights");
  for (const Row &row : backbone)
    line(row, grouped(row.weights));
  if (!head.empty())
    os << "head\n";
  for (const Row &row : head)
    line(row, grouped(row.weights));
  os << grouped(total) << " weights, " << grouped(trainable)
     << " of them trained\n";
}

void printSummary(ModuleOp module, llvm::raw_ostream &os) {
  for (auto model : module.getOps<ask::ModelOp>())
    Table(model).print(os);
}

} // namespace tl
