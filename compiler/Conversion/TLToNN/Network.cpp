// Flattens tl.layer bodies into one function; see the header.
#include "compiler/Conversion/TLToNN/Network.h"

#include "mlir/Analysis/SliceAnalysis.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;

namespace tl {

/// Clones the body of a layer, whose operations get the layer's name.
static Value inlineLayer(OpBuilder &builder, ask::LayerOp layer,
                         IRMapping &mapping) {
  Block &body = layer.getBody().front();
  for (auto [argument, input] :
       llvm::zip(body.getArguments(), layer.getInputs()))
    mapping.map(argument, mapping.lookup(input));
  for (Operation &op : body.without_terminator())
    builder.clone(op, mapping)->setAttr(nn::kLayerAttr, layer.getNameAttr());
  return mapping.lookup(cast<ask::YieldOp>(body.getTerminator()).getValue());
}

/// Clones the layers of a backbone or head; gives the value it yields.
static Value inlineLayers(OpBuilder &builder, Block &block, Value input,
                          Network &network) {
  IRMapping mapping;
  mapping.map(block.getArgument(0), input);
  for (auto layer : block.getOps<ask::LayerOp>()) {
    if (layer->hasAttr(ask::kTopAttr) && !network.features)
      network.features = mapping.lookup(layer.getInputs().front());
    Value value = inlineLayer(builder, layer, mapping);
    mapping.map(layer.getResult(), value);
    network.layers[layer.getName()] = value;
    if (auto taps = layer->getAttrOfType<ArrayAttr>(ask::kTapsAttr))
      for (auto tap : taps.getAsRange<StringAttr>())
        network.layers[tap.getValue()] = value;
  }
  return mapping.lookup(cast<ask::YieldOp>(block.getTerminator()).getValue());
}

Network flattenNetwork(ask::ModelOp model) {
  Network network;
  OpBuilder builder(model->getContext());
  builder.setInsertionPointAfter(model);
  SmallVector<int64_t> shape{ShapedType::kDynamic};
  llvm::append_range(shape, model.getInput());
  auto input = RankedTensorType::get(shape, builder.getF32Type());
  network.function = func::FuncOp::create(builder, model.getLoc(), "network",
                                          builder.getFunctionType(input, {}));
  Block *block = network.function.addEntryBlock();
  builder.setInsertionPointToStart(block);
  network.pixels = block->getArgument(0);

  Value value = inlineLayers(builder, model.getBackbone().getBody().front(),
                             network.pixels, network);
  if (ask::HeadOp head = model.getHead()) {
    network.features = value;
    value = inlineLayers(builder, head.getBody().front(), value, network);
  }
  func::ReturnOp::create(builder, model.getLoc());

  network.output = network.logits = value;
  if (!network.features)
    network.features = value;
  Operation *last = value.getDefiningOp();
  if (model.getClasses() > 0 &&
      isa_and_nonnull<nn::SoftmaxOp, nn::ActivationOp>(last)) {
    network.lastActivation = last;
    network.logits = last->getOperand(0);
  }
  return network;
}

SmallVector<Value> cloneSlice(OpBuilder &builder, ValueRange outputs,
                              IRMapping &mapping) {
  // Depth first, operands before users; an explicit stack keeps deep networks
  // from deep recursion.
  SmallVector<Value> stack(outputs.begin(), outputs.end());
  while (!stack.empty()) {
    Value value = stack.back();
    if (mapping.contains(value)) {
      stack.pop_back();
      continue;
    }
    Operation *op = value.getDefiningOp();
    size_t before = stack.size();
    for (Value operand : op->getOperands())
      if (!mapping.contains(operand))
        stack.push_back(operand);
    if (stack.size() == before) {
      builder.clone(*op, mapping);
      stack.pop_back();
    }
  }
  SmallVector<Value> clones;
  for (Value output : outputs)
    clones.push_back(mapping.lookup(output));
  return clones;
}

} // namespace tl
