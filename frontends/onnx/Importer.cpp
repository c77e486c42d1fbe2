// From the file to the first node's operands, and from the last value to the
// network; see the header.
#include "frontends/onnx/Importer.h"

#include "frontends/weights/Message.h"

namespace tl::onnx {

using frontend::Layer;
using frontend::LayerKind;
using frontend::Shape;
using weights::inQuotes;
using weights::shapeText;

// An open batch gets an extent that no other dimension has, a prime: shapes
// that an exporter computes from it stay recognisable through any arithmetic.
// Small enough that an index of each element can be a constant (torch's
// as_strided).
constexpr int64_t kOpenBatch = 4093;
constexpr size_t kMostLayers = 100000;
// One picture's numbers, as in the language: 2^31 are 8 GiB.
constexpr int64_t kLargestValue = int64_t(1) << 31;
constexpr int64_t kMostWeights = int64_t(1) << 32;

Draft::Draft(LayerKind kind, const char *kerasClass,
             llvm::ArrayRef<int> inputs) {
  layer.kind = kind;
  layer.kerasClass = kerasClass;
  layer.inputs.assign(inputs.begin(), inputs.end());
}

void Draft::parameter(const char *role, Shape shape, frontend::Initializer init,
                      Reader reader) {
  layer.parameters.push_back({role, std::move(shape), init});
  readers[role] = std::move(reader);
}

void Draft::fixed(const char *role, Shape shape, double value) {
  layer.parameters.push_back({role,
                              std::move(shape),
                              {frontend::Initializer::Kind::Fill, value},
                              true});
}

Importer::Importer(std::shared_ptr<const Model> model,
                   const ImportOptions &options)
    : model(std::move(model)), options(options),
      graph(this->model->proto.graph()),
      external(std::make_shared<ExternalFiles>(this->model->path)) {}

const Item *Importer::item(const std::string &name) const {
  auto found = items.find(name);
  return name.empty() || found == items.end() ? nullptr : &found->second;
}

const Constant *Importer::constant(const std::string &name) const {
  const Item *found = item(name);
  return found ? std::get_if<Constant>(found) : nullptr;
}

const Value *Importer::value(const std::string &name) const {
  const Item *found = item(name);
  return found ? std::get_if<Value>(found) : nullptr;
}

Result<Value> Importer::operand(const Node &node, size_t i) const {
  if (const Value *found = value(node.input(i)))
    return *found;
  return node.error("expected a value that depends on the picture as operand " +
                    std::to_string(i));
}

Result<Constant> Importer::constantOperand(const Node &node, size_t i,
                                           const char *what) const {
  if (const Constant *found = constant(node.input(i)))
    return *found;
  return node.error(std::string("expected a constant as its ") + what);
}

const Node *Importer::producer(const std::string &name) const {
  auto found = producers.find(name);
  return found == producers.end() ? nullptr : found->second;
}

bool Importer::isExclusive(std::string name) const {
  const Value *own = value(name);
  if (!own || own->layer == frontend::kInputValue)
    return false;
  // Back through nodes that only gave the layer's result another name.
  while (true) {
    const Node *node = producer(name);
    if (!node || uses.at(name) != 1)
      return false;
    const std::string *before = nullptr;
    for (size_t i = 0; i < node->inputs(); ++i)
      if (const Value *input = value(node->input(i));
          input && input->layer == own->layer)
        before = &node->input(i);
    if (!before)
      return true;
    name = *before;
  }
}

Status Importer::constants() {
  for (const pb::TensorProto &tensor : graph.initializer()) {
    auto constant = Constant::read(tensor, model, *external);
    if (!constant)
      return constant.error();
    items[tensor.name()] = std::move(*constant);
  }
  return weights::Done{};
}

/// The one input that is no initializer, with its shape; an open extent is 0.
Status Importer::findInput() {
  const pb::ValueInfoProto *found = nullptr;
  for (const pb::ValueInfoProto &input : graph.input()) {
    if (item(input.name()))
      continue;
    if (found)
      return Error{"expected one input, found " + inQuotes(found->name()) +
                   " and " + inQuotes(input.name())};
    found = &input;
  }
  if (!found || !found->type().has_tensor_type() ||
      found->type().tensor_type().elem_type() != pb::TensorProto::FLOAT)
    return Error{"expected one input of type float"};
  Extents shape;
  for (const auto &dim : found->type().tensor_type().shape().dim())
    shape.push_back(dim.has_dim_value() ? dim.dim_value() : 0);
  if (countElements(shape) < 0 || countElements(shape) > kLargestValue)
    return Error{"the input " + inQuotes(found->name()) + " has the shape " +
                 shapeText(shape)};
  if (shape.empty() || shape.size() > 8)
    return Error{"the input " + inQuotes(found->name()) +
                 " must have 1 to 8 dimensions"};
  return inputLayout(*found, std::move(shape));
}

/// Pictures are [N, C, H, W], or [N, H, W, C] where only that fits.
Status Importer::inputLayout(const pb::ValueInfoProto &info, Extents shape) {
  batch = shape[0] = shape[0] ? shape[0] : kOpenBatch;
  if (options.picture) {
    auto [height, width, channels] = *options.picture;
    auto fits = [&](Extents wanted) {
      for (size_t i = 0; i < 4; ++i)
        if (shape.size() != 4 || (shape[i] != 0 && shape[i] != wanted[i]))
          return false;
      return true;
    };
    if (fits({batch, channels, height, width}))
      shape = {batch, channels, height, width};
    else if (fits({batch, height, width, channels}))
      input = Layout::plain({batch, height, width, channels});
    else
      return Error{"the input " + inQuotes(info.name()) + " has the shape " +
                   shapeText(shape) +
                   " (0: open), which does not fit an image "
                   "of " +
                   std::to_string(height) + "x" + std::to_string(width) + "x" +
                   std::to_string(channels)};
    if (!input.rank())
      input = Layout::picture(batch, channels, height, width);
  } else if (llvm::is_contained(shape, 0)) {
    return Error{"the input " + inQuotes(info.name()) + " has open extents"};
  } else if (options.whole) {
    shape.insert(shape.begin(), batch = 1);
    input = Layout::plain(shape);
    network.inputShape = {input.perPicture()};
    std::vector<bool> first(shape.size(), false);
    first[0] = true;
    input = input.dropped(first);
    items[info.name()] = Value{frontend::kInputValue, input};
    return weights::Done{};
  } else if (shape.size() == 4 && !options.channelsLast) {
    input = Layout::picture(batch, shape[1], shape[2], shape[3]);
  } else {
    input = Layout::plain(shape);
  }
  network.inputShape = naturalShape(input);
  items[info.name()] = Value{frontend::kInputValue, input};
  return weights::Done{};
}

/// The value that the network ends with: by its own name or its node's.
Status Importer::findOutput() {
  if (options.output.empty()) {
    if (graph.output_size() != 1) {
      std::string names;
      for (const auto &output : graph.output())
        names += (names.empty() ? "" : ", ") + inQuotes(output.name());
      return Error{"the graph has " + std::to_string(graph.output_size()) +
                   " outputs (" + names +
                   "); say which, as in onnx(\"...\", "
                   "output: \"NAME\")"};
    }
    outputName = graph.output(0).name();
    return weights::Done{};
  }
  std::vector<llvm::StringRef> names;
  for (const Node &node : nodes) {
    if (node.outputs() == 0)
      continue;
    names.push_back(node.name());
    if (node.name() == options.output)
      outputName = node.output(0);
  }
  if (outputName.empty() && producers.count(options.output))
    outputName = options.output;
  if (outputName.empty())
    return Error{"there is no node or value " + inQuotes(options.output) +
                 frontend::suggestion(options.output, names)};
  return weights::Done{};
}

/// What the output depends on, and how often each value is used there.
void Importer::markNeeded() {
  std::unordered_set<std::string> wanted{outputName};
  uses[outputName] = 1;
  for (auto node = nodes.rbegin(); node != nodes.rend(); ++node) {
    bool is = false;
    for (size_t i = 0; i < node->outputs(); ++i)
      is |= !node->output(i).empty() && wanted.count(node->output(i));
    if (!is)
      continue;
    needed.insert(&*node);
    for (size_t i = 0; i < node->inputs(); ++i)
      if (!node->input(i).empty()) {
        wanted.insert(node->input(i));
        ++uses[node->input(i)];
      }
  }
}

bool Importer::areConstant(const Node &node) const {
  for (size_t i = 0; i < node.inputs(); ++i)
    if (!node.input(i).empty() && !constant(node.input(i)))
      return false;
  return true;
}

Status Importer::foldNode(const Node &node) {
  ConstantOperands operands;
  for (size_t i = 0; i < node.inputs(); ++i)
    operands.push_back(constant(node.input(i)));
  auto results =
      fold({node, operands, model->opset, batch, budget, model, *external});
  if (!results)
    return results.error();
  for (size_t i = 0; i < results->size() && i < node.outputs(); ++i)
    items[node.output(i)] = (*results)[i];
  return weights::Done{};
}

Status Importer::apply(const Node &node) {
  if (pattern(node))
    return weights::Done{};
  for (size_t i = 0; i < node.inputs(); ++i)
    if (const Item *found = item(node.input(i)))
      if (const Error *failure = std::get_if<Error>(found))
        return *failure;
  for (size_t i = 0; i < node.inputs(); ++i)
    if (node.isOnnx() && placeSums(node.input(i)))
      return sumPlaces(node);
  if (node.isOnnx() && isFoldable(node.op()) && areConstant(node))
    return foldNode(node);
  Rule rule = node.isOnnx() ? findRule(node.op()) : nullptr;
  if (!rule)
    return node.error("this operator is not supported");
  return (this->*rule)(node);
}

void Importer::visit(const Node &node) {
  current = &node;
  named = false;
  Status status = apply(node);
  for (size_t i = 0; i < node.outputs(); ++i) {
    if (node.output(i).empty())
      continue;
    if (const Value *result = value(node.output(i));
        status && result &&
        (result->layout.rank() > kHighestRank ||
         result->layout.perPicture() > kLargestValue))
      status = node.error("a value of " + shapeText(result->layout.shape()) +
                          " is too large");
    if (const Constant *result = constant(node.output(i));
        status && result && result->shape().size() > kHighestRank)
      status = node.error("too many dimensions");
    if (!status)
      items[node.output(i)] = status.error();
    else if (!item(node.output(i)))
      items[node.output(i)] = node.error(
          "the output " + inQuotes(node.output(i)) + " is not supported");
  }
}

int Importer::append(const Node &node, Draft draft) {
  Layer &layer = draft.layer;
  std::string name = node.name();
  if (named)
    name += "/" + llvm::StringRef(layer.kerasClass).lower();
  while (!taken.insert(name).second)
    name = node.name() + "/" + std::to_string(++numbers[node.name()] + 1);
  named = true;
  layer.name = name;
  layer.baseName = name;
  layer.range = layer.nameRange = options.range;
  for (int one : layer.inputs)
    layer.inputShapes.push_back(network.shapeOf(one));
  network.layers.push_back(std::move(layer));
  readers.push_back(std::move(draft.readers));
  return int(network.layers.size()) - 1;
}

int Importer::shaped(const Node &node, int layer, Shape shape) {
  if (network.shapeOf(layer) == shape)
    return layer;
  auto [entry, fresh] = reshapes.try_emplace(
      {layer, std::vector<int64_t>(shape.begin(), shape.end())}, 0);
  if (!fresh)
    return entry->second;
  // The node's own name is for its own layer.
  bool before = std::exchange(named, true);
  Draft draft(LayerKind::Reshape, "Reshape", layer);
  draft.layer.shape = std::move(shape);
  entry->second = append(node, std::move(draft));
  named = before;
  return entry->second;
}

Shape Importer::naturalShape(const Layout &layout) const {
  if (auto size = layout.asPicture())
    return {(*size)[0], (*size)[1], (*size)[2]};
  size_t rank = layout.rank();
  if (rank > 1 && rank <= 4 && Layout::plain(layout.shape()) == layout) {
    Shape shape;
    for (size_t i = 1; i < rank; ++i)
      shape.push_back(layout.extent(i));
    return shape;
  }
  if (rank == 3 && layout.batchFirst() && layout.isInnermost(1, true))
    return {layout.extent(2), layout.extent(1)};
  return {layout.perPicture()};
}

Result<int> Importer::picture(const Node &node, const Value &value) {
  auto size = value.layout.asPicture();
  if (!size)
    return node.error("expected pictures [N, C, H, W], found " +
                      shapeText(value.layout.shape()) +
                      (value.layout.rank() == 4
                           ? ", whose values would have to move in memory"
                           : ""));
  return shaped(node, value.layer, {(*size)[0], (*size)[1], (*size)[2]});
}

Result<Importer::PictureOperand> Importer::pictureOperand(const Node &node) {
  auto value = operand(node, 0);
  if (!value)
    return value.error();
  auto layer = picture(node, *value);
  if (!layer)
    return layer.error();
  return PictureOperand{*value, *layer};
}

/// Layers that the output does not need, left behind by patterns, go.
void Importer::prune(int &output) {
  std::vector<bool> alive(network.layers.size(), false);
  if (output != frontend::kInputValue)
    alive[output] = true;
  for (int i = int(network.layers.size()) - 1; i >= 0; --i)
    for (int one : network.layers[i].inputs)
      if (alive[i] && one != frontend::kInputValue)
        alive[one] = true;
  std::vector<int> place(network.layers.size(), frontend::kInputValue);
  std::vector<Layer> layers;
  auto moved = [&](int layer) {
    return layer == frontend::kInputValue ? layer : place[layer];
  };
  std::vector<std::map<std::string, Reader>> left;
  for (size_t i = 0; i < network.layers.size(); ++i) {
    if (!alive[i])
      continue;
    place[i] = int(layers.size());
    Layer &layer = layers.emplace_back(std::move(network.layers[i]));
    left.push_back(std::move(readers[i]));
    for (int &one : layer.inputs)
      one = moved(one);
  }
  network.layers = std::move(layers);
  readers = std::move(left);
  output = moved(output);
  // Nodes that are no layer of their own are second names of one.
  for (const Node &node : nodes)
    if (const Value *found = value(node.output(0));
        found && found->layer != frontend::kInputValue && alive[found->layer] &&
        needed.count(&node) && taken.insert(node.name()).second)
      network.taps.push_back({node.name(), place[found->layer], options.range});
}

Result<Import> Importer::finish() {
  const Item *end = item(outputName);
  if (!end)
    return Error{"the value " + inQuotes(outputName) + " is not computed"};
  if (const Error *failure = std::get_if<Error>(end))
    return *failure;
  const Value *last = std::get_if<Value>(end);
  if (!last)
    return Error{"the output " + inQuotes(outputName) +
                 (std::holds_alternative<Constant>(*end)
                      ? " does not depend on the picture alone"
                      : " is a part of a pattern that is one layer")};
  Import result;
  result.input = input;
  result.output = last->layout;
  result.openBatch = batch == kOpenBatch;
  int output = last->layer;
  if (const Node *node = producer(outputName))
    output = shaped(*node, output, naturalShape(last->layout));
  prune(output);
  network.output = output;
  for (size_t i = 0; i < network.layers.size(); ++i)
    for (const frontend::Parameter &parameter : network.layers[i].parameters)
      if (!parameter.fixed)
        result.tensors.push_back(
            {network.layers[i].name + "." + parameter.role,
             Extents(parameter.shape.begin(), parameter.shape.end()),
             readers[i].at(parameter.role)});
  // A weight that many nodes share becomes one a layer.
  int64_t values = 0;
  for (const ImportedTensor &tensor : result.tensors)
    if (values += countElements(tensor.shape); values > kMostWeights)
      return Error{"the layers would have more than " +
                   std::to_string(kMostWeights) + " weights"};
  result.network = std::move(network);
  result.external = external;
  return result;
}

Result<Import> Importer::run() {
  for (const pb::NodeProto &node : graph.node())
    nodes.emplace_back(node);
  for (const Node &node : nodes)
    for (size_t i = 0; i < node.outputs(); ++i)
      producers[node.output(i)] = &node;
  for (auto step :
       {&Importer::findOutput, &Importer::constants, &Importer::findInput})
    if (Status status = (this->*step)(); !status)
      return status.error();
  markNeeded();
  for (const Node &node : nodes) {
    if (!needed.count(&node))
      continue;
    if (network.layers.size() > kMostLayers)
      return Error{"more than " + std::to_string(kMostLayers) + " layers"};
    visit(node);
  }
  return finish();
}

} // namespace tl::onnx
