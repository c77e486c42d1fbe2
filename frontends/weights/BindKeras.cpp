// Keras's side. Old files name layers and weights. Keras 3 files number both:
// layers within their class in the model's order, weights in the order of their
// creation; newer ones carry layers' names besides. Names that Keras made up
// depend on what a session built before: where an old file's do not pair, its
// order does, by which Keras itself loads it. Where a file nests the
// network as one layer of a larger model, its layers share a scope, and what
// lies outside that scope is the larger model's.
#include "frontends/weights/BindMatch.h"
#include "frontends/weights/Message.h"

#include <algorithm>
#include <array>
#include <map>

namespace tl::weights {

namespace {

constexpr std::array<std::string_view, 9> creationOrder = {
    "kernel",          "bias", "gamma",    "beta", "moving_mean",
    "moving_variance", "mean", "variance", "count"};

size_t creationRank(std::string_view role) {
  return static_cast<size_t>(
      std::find(creationOrder.begin(), creationOrder.end(), role) -
      creationOrder.begin());
}

// "DepthwiseConv2D" -> "depthwise_conv2d", as keras/src/utils/naming.py does
// for the classes that the network has.
std::string snakeCase(std::string_view name) {
  std::string snake;
  for (size_t i = 0; i < name.size(); ++i) {
    bool upper = name[i] >= 'A' && name[i] <= 'Z';
    bool afterLower = i > 0 && name[i - 1] >= 'a' && name[i - 1] <= 'z';
    if (upper && afterLower)
      snake += '_';
    snake += static_cast<char>(upper ? name[i] - 'A' + 'a' : name[i]);
  }
  return snake;
}

// The tensors of one layer in the file, by role (a number in Keras 3 files).
struct FileLayer {
  std::string scope;
  std::string layer;
  std::string snakeClass;
  int64_t classIndex = -1;
  std::map<std::string, size_t> byRole;
};

// One layer of the network: places in the request, in creation order.
struct NetworkLayer {
  std::string name;
  std::string snakeClass;
  std::vector<size_t> expected;
  std::vector<std::string> otherNames; // see ExpectedTensor::otherPrefixes
};

// A way to pair layers: for each of the network's the file's, or null.
struct Pairing {
  std::string scope;
  bool byRank = false;
  bool inOrder = false;
  std::vector<const FileLayer *> layers;
  size_t found = 0;
};

class KerasMatcher {
public:
  KerasMatcher(const WeightSource &source, const BindRequest &request)
      : tensors(source.tensors()), request(request) {
    collectFileLayers();
    collectNetworkLayers();
  }

  Matching match() const;

private:
  void collectFileLayers();
  void collectNetworkLayers();
  Pairing pairByName(const std::string &scope, bool parts = false) const;
  Pairing pairByRank(const std::string &scope) const;
  Pairing pairInOrder(const std::string &scope) const;
  Pairing bestPairing() const;
  bool fits(const Pairing &pairing) const;
  const size_t *find(const FileLayer &layer, const NetworkLayer &wanted,
                     size_t place) const;
  Leftover leftover(const SourceTensor &tensor, const Pairing &pairing) const;

  const std::vector<SourceTensor> &tensors;
  const BindRequest &request;
  std::vector<FileLayer> fileLayers;
  // Outer scopes sort before the ones inside them.
  std::map<std::string, std::vector<const FileLayer *>> byScope;
  std::vector<NetworkLayer> networkLayers;
};

void KerasMatcher::collectFileLayers() {
  std::map<std::string, size_t> byKey;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const SourceTensor &tensor = tensors[i];
    std::string key = tensor.scope + '\n' + tensor.layer + '\n' +
                      tensor.snakeClass + '\n' +
                      std::to_string(tensor.classIndex);
    auto [at, isNew] = byKey.try_emplace(key, fileLayers.size());
    if (isNew)
      fileLayers.push_back({tensor.scope,
                            tensor.layer,
                            tensor.snakeClass,
                            tensor.classIndex,
                            {}});
    fileLayers[at->second].byRole.try_emplace(tensor.role, i);
  }
  byScope[""];
  for (const FileLayer &layer : fileLayers)
    byScope[layer.scope].push_back(&layer);
}

void KerasMatcher::collectNetworkLayers() {
  std::map<std::string_view, size_t> byName;
  for (size_t i = 0; i < request.expected.size(); ++i) {
    const ExpectedTensor &expected = request.expected[i];
    auto [at, isNew] = byName.try_emplace(expected.layer, networkLayers.size());
    if (isNew)
      networkLayers.push_back({expected.layer,
                               snakeCase(expected.kerasClass),
                               {},
                               expected.otherPrefixes});
    networkLayers[at->second].expected.push_back(i);
  }
  for (NetworkLayer &layer : networkLayers)
    std::sort(layer.expected.begin(), layer.expected.end(),
              [&](size_t a, size_t b) {
                return std::pair(creationRank(request.expected[a].role), a) <
                       std::pair(creationRank(request.expected[b].role), b);
              });
}

// With `parts` also in the scopes inside this one.
Pairing KerasMatcher::pairByName(const std::string &scope, bool parts) const {
  Pairing pairing{scope, false, false, {}, 0};
  std::map<std::string_view, const FileLayer *> byName;
  // A group whose one inner name is not its own may be a nested model of one
  // layer or a renamed layer; its own name is tried last.
  for (const FileLayer *layer : byScope.at(scope))
    if (!layer->layer.empty())
      byName.try_emplace(layer->layer, layer);
  if (scope.empty())
    for (const auto &[group, layers] : byScope)
      if (layers.size() == 1 && layers[0]->classIndex < 0)
        byName.try_emplace(group, layers[0]);
  for (const FileLayer &layer : fileLayers)
    if (parts && !layer.layer.empty() &&
        (scope.empty() || layer.scope.starts_with(scope + "/")))
      byName.try_emplace(layer.layer, &layer);
  for (const NetworkLayer &wanted : networkLayers) {
    auto found = byName.find(wanted.name);
    for (const std::string &other : wanted.otherNames)
      if (found == byName.end())
        found = byName.find(other);
    pairing.layers.push_back(found == byName.end() ? nullptr : found->second);
    pairing.found += found != byName.end();
  }
  return pairing;
}

Pairing KerasMatcher::pairByRank(const std::string &scope) const {
  Pairing pairing{scope, true, false, {}, 0};
  std::map<std::string_view, std::vector<const FileLayer *>> byClass;
  for (const FileLayer *layer : byScope.at(scope))
    if (layer->classIndex >= 0)
      byClass[layer->snakeClass].push_back(layer);
  for (auto &[name, layers] : byClass)
    std::sort(layers.begin(), layers.end(),
              [](const FileLayer *a, const FileLayer *b) {
                return a->classIndex < b->classIndex;
              });
  std::map<std::string_view, size_t> next;
  for (const NetworkLayer &wanted : networkLayers) {
    const std::vector<const FileLayer *> &layers = byClass[wanted.snakeClass];
    size_t rank = next[wanted.snakeClass]++;
    pairing.layers.push_back(rank < layers.size() ? layers[rank] : nullptr);
    pairing.found += rank < layers.size();
  }
  return pairing;
}

// As Keras loads old files: the first layer with weights is the first of the
// file, whatever it is called.
Pairing KerasMatcher::pairInOrder(const std::string &scope) const {
  Pairing pairing{scope, false, true, {}, 0};
  for (const FileLayer *layer : byScope.at(scope))
    if (layer->classIndex < 0 && pairing.found < networkLayers.size()) {
      pairing.layers.push_back(layer);
      ++pairing.found;
    }
  return pairing;
}

// Names decide if they pair at least as many layers as ranks do; of several
// scopes the one that pairs the most, the outermost among equals. The order
// decides where neither pairs all and every tensor has its shape in it.
Pairing KerasMatcher::bestPairing() const {
  Pairing best = pairByName("");
  for (const auto &[scope, layers] : byScope)
    if (Pairing pairing = pairByName(scope); pairing.found > best.found)
      best = std::move(pairing);
  // A part of the network may be a network of its own (Keras's Sequential).
  if (Pairing pairing = pairByName(best.scope, true);
      pairing.found > best.found)
    best = std::move(pairing);
  for (const auto &[scope, layers] : byScope)
    if (Pairing pairing = pairByRank(scope); pairing.found > best.found)
      best = std::move(pairing);
  if (best.found == networkLayers.size())
    return best;
  for (const auto &[scope, layers] : byScope)
    if (Pairing pairing = pairInOrder(scope); fits(pairing))
      return pairing;
  return best;
}

// Where the layer's `place`-th tensor lies in the file.
const size_t *KerasMatcher::find(const FileLayer &layer,
                                 const NetworkLayer &wanted,
                                 size_t place) const {
  const ExpectedTensor &expected = request.expected[wanted.expected[place]];
  bool numbered = layer.classIndex >= 0;
  auto found =
      layer.byRole.find(numbered ? std::to_string(place) : expected.role);
  if (found == layer.byRole.end() && !numbered && expected.role == "kernel" &&
      expected.kerasClass == "DepthwiseConv2D")
    found = layer.byRole.find("depthwise_kernel");
  // The only weight of a layer may have any name (LayerScale's is "variable",
  // perhaps with a number).
  if (found == layer.byRole.end() && wanted.expected.size() == 1 &&
      layer.byRole.size() == 1 && expected.role == "scale")
    found = layer.byRole.begin();
  return found == layer.byRole.end() ? nullptr : &found->second;
}

Leftover KerasMatcher::leftover(const SourceTensor &tensor,
                                const Pairing &pairing) const {
  const std::string &scope = pairing.scope;
  if (tensor.ofHead)
    return Leftover::Optional;
  if (pairing.inOrder && tensor.scope == scope) {
    bool used = std::any_of(
        pairing.layers.begin(), pairing.layers.end(),
        [&](const auto *layer) { return layer->layer == tensor.layer; });
    return used || request.optionalLayers.empty() ? Leftover::Extra
                                                  : Leftover::Optional;
  }
  bool inside = scope.empty() || tensor.scope == scope ||
                tensor.scope.starts_with(scope + "/");
  if (!inside || isAmong(request.optionalLayers, tensor.layer, '/') ||
      isAmong(request.optionalLayers, tensor.scope, '/'))
    return Leftover::Optional;
  // A Keras 3 file without (fitting) names cannot say which layers follow the
  // network's; those after its last one of a class are taken for the optional
  // ones.
  bool nameless =
      tensor.classIndex >= 0 && (tensor.layer.empty() || pairing.byRank);
  bool ofUsedLayer = std::any_of(
      pairing.layers.begin(), pairing.layers.end(), [&](const auto *layer) {
        return layer && layer->scope == tensor.scope &&
               layer->snakeClass == tensor.snakeClass &&
               layer->classIndex == tensor.classIndex;
      });
  if (nameless && !ofUsedLayer && !request.optionalLayers.empty())
    return Leftover::Optional;
  return Leftover::Extra;
}

// Sets the wanted shape and whether `tensor`, if any, has it. Keras stores
// every kernel in canonical order; a depthwise one has [.., C, M] for canonical
// [.., 1, C * M], the same values in the same order.
void checkShape(const ExpectedTensor &expected, const SourceTensor *tensor,
                Counterpart &counterpart) {
  std::vector<int64_t> shape = expected.shape;
  if (expected.kerasClass == "DepthwiseConv2D" && expected.role == "kernel" &&
      shape.size() == 4) {
    std::string wanted = shapeText(std::span(shape).first(2));
    wanted.pop_back();
    counterpart.wantedShape =
        wanted + ", C, M] with C x M = " + std::to_string(shape[3]);
    counterpart.fits = tensor && tensor->shape.size() == 4 &&
                       tensor->shape[0] == shape[0] &&
                       tensor->shape[1] == shape[1] &&
                       tensor->shape[2] * tensor->shape[3] == shape[3];
    return;
  }
  // A count is a number by itself.
  if (expected.role == "count")
    shape.clear();
  counterpart.wantedShape = shapeText(shape);
  counterpart.fits = tensor && tensor->shape == shape;
}

// Every layer is there, and each of its tensors with its shape.
bool KerasMatcher::fits(const Pairing &pairing) const {
  if (pairing.found != networkLayers.size())
    return false;
  for (size_t k = 0; k < networkLayers.size(); ++k)
    for (size_t place = 0; place < networkLayers[k].expected.size(); ++place) {
      const size_t *index = find(*pairing.layers[k], networkLayers[k], place);
      Counterpart counterpart;
      checkShape(request.expected[networkLayers[k].expected[place]],
                 index ? &tensors[*index] : nullptr, counterpart);
      if (!counterpart.fits)
        return false;
    }
  return true;
}

Matching KerasMatcher::match() const {
  Pairing pairing = bestPairing();
  Matching matching;
  matching.counterparts.resize(request.expected.size());
  for (size_t k = 0; k < networkLayers.size(); ++k) {
    const NetworkLayer &wanted = networkLayers[k];
    const FileLayer *layer = pairing.layers[k];
    for (size_t place = 0; place < wanted.expected.size(); ++place) {
      const ExpectedTensor &expected = request.expected[wanted.expected[place]];
      Counterpart &counterpart = matching.counterparts[wanted.expected[place]];
      counterpart.wanted = expected.layer + "/" + expected.role;
      const size_t *index = layer ? find(*layer, wanted, place) : nullptr;
      if (index)
        counterpart.index = *index;
      checkShape(expected, index ? &tensors[*index] : nullptr, counterpart);
    }
  }
  for (const SourceTensor &tensor : tensors) {
    matching.leftovers.push_back(leftover(tensor, pairing));
    bool named = !tensor.layer.empty();
    matching.shown.push_back(named ? tensor.layer + "/" + tensor.role
                                   : tensor.name);
  }
  return matching;
}

} // namespace

Matching matchKeras(const WeightSource &source, const BindRequest &request) {
  return KerasMatcher(source, request).match();
}

} // namespace tl::weights
