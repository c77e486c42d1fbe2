// The order of the list and the names of layers; see the header.
#include "frontends/tl/Network.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringMap.h"

#include <numeric>

using namespace llvm;

namespace tl::frontend {

std::string describe(ArrayRef<int64_t> shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i)
    text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + "]";
}

int64_t Parameter::elements() const {
  return std::accumulate(shape.begin(), shape.end(), int64_t(1),
                         std::multiplies<int64_t>());
}

int64_t Layer::elements() const {
  int64_t sum = 0;
  for (const Parameter &parameter : parameters)
    if (!parameter.fixed)
      sum += parameter.elements();
  return sum;
}

// Keras walks from the output: a layer gets its number when it is first met,
// before its inputs, first input first. Layers that the output does not need
// are no part of the list there; here they cannot occur, since every layer
// takes what the one before it gave. The walk keeps its own stack: a network
// may be thousands of layers deep.
static std::vector<int> kerasOrder(const Network &network) {
  size_t count = network.layers.size();
  std::vector<int> met(count, -1), depth(count, 0);
  int next = 0;
  std::vector<int> stack{network.output};
  while (!stack.empty()) {
    int value = stack.back();
    stack.pop_back();
    if (value == kInputValue || met[value] != -1)
      continue;
    met[value] = next++;
    for (int input : llvm::reverse(network.layers[value].inputs))
      stack.push_back(input);
  }
  // Execution order is topological: consumers come later.
  for (int i = int(count) - 1; i >= 0; --i)
    for (int input : network.layers[i].inputs)
      if (input != kInputValue)
        depth[input] = std::max(depth[input], depth[i] + 1);
  std::vector<int> order(count);
  std::iota(order.begin(), order.end(), 0);
  llvm::sort(order, [&](int a, int b) {
    return depth[a] != depth[b] ? depth[a] > depth[b] : met[a] < met[b];
  });
  return order;
}

LayerList listLayers(const Network &network, Convention convention) {
  std::vector<int> order(network.layers.size());
  std::iota(order.begin(), order.end(), 0);
  LayerList list;
  if (convention == Convention::Keras) {
    order = kerasOrder(network);
    list.firstIndex = 1;
  }
  StringMap<size_t> groups;
  for (int layer : order) {
    const Layer &one = network.layers[layer];
    if (!one.group.empty()) {
      auto [place, fresh] = groups.try_emplace(one.group, list.entries.size());
      if (!fresh) {
        list.entries[place->second].layers.push_back(layer);
        continue;
      }
    }
    list.entries.push_back({one.group.empty() ? one.name : one.group, {layer}});
  }
  return list;
}

void nameLayers(Network &network, StringMap<SourceRange> &taken,
                Reporter &reporter) {
  auto claim = [&](StringRef name, SourceRange range) {
    auto [entry, fresh] = taken.try_emplace(name, range);
    if (fresh)
      return;
    auto diagnostic = reporter.error(range);
    diagnostic << "the name '" << name << "' is taken by another layer";
    reporter.note(diagnostic, entry->second, "it is given here");
  };
  for (Layer &layer : network.layers)
    if (!layer.name.empty())
      claim(layer.name, layer.nameRange);
  for (Tap &tap : network.taps)
    claim(tap.name, tap.range);
  // Made-up names give way to given ones.
  StringMap<unsigned> numbers;
  for (Layer &layer : network.layers) {
    if (!layer.name.empty())
      continue;
    unsigned &number = numbers[layer.baseName];
    do {
      layer.name = layer.baseName;
      if (number != 0)
        layer.name += "_" + std::to_string(number);
      ++number;
    } while (!taken.try_emplace(layer.name, layer.range).second);
    layer.nameRange = layer.range;
  }
}

} // namespace tl::frontend
