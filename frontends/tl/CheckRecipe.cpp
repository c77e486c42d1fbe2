// What only the whole model tells: freeze ranges against the layer list, and
// whether loss, output activation, outputs and labels go together.
#include "frontends/tl/Recipe.h"

using namespace llvm;

namespace tl::frontend {

namespace {

class RecipeChecker {
public:
  RecipeChecker(Recipe &recipe, Reporter &reporter)
      : recipe(recipe), reporter(reporter) {}

  void freeze(const LayerRange *range);
  void phases();
  void trainable();
  void classes();

private:
  bool unfreeze(Phase &phase);
  void rates(const Phase &phase);
  void batchNorm(const Phase &phase);
  /// The layers at a place of the list; none for the input.
  ArrayRef<int> layersAt(size_t place) const;
  template <typename Test> bool anyAt(size_t place, Test test) const;
  /// Some layer that trains now satisfies `test`.
  template <typename Test> bool anyTrainable(Test test) const;
  void loss();
  const Layer &outputLayer() const;
  void wrongOutputs(StringRef what);

  Recipe &recipe;
  Reporter &reporter;
  std::vector<StringRef> names;
  std::vector<bool> trains; // one flag a place: in the phase being checked
};

void RecipeChecker::freeze(const LayerRange *range) {
  Backbone &b = recipe.backbone;
  names.assign(b.list.firstIndex, "");
  for (const LayerList::Entry &entry : b.list.entries)
    names.push_back(entry.name);
  // Without a range everything is frozen: the usual first step.
  b.frozen.assign(names.size(), true);
  if (!range)
    return;
  auto frozen = resolveRange(*range, names, reporter);
  if (!frozen)
    return;
  b.frozen = std::move(*frozen);
}

ArrayRef<int> RecipeChecker::layersAt(size_t place) const {
  const LayerList &list = recipe.backbone.list;
  if (place < size_t(list.firstIndex))
    return {};
  return list.entries[place - list.firstIndex].layers;
}

/// Some layer at this place satisfies `test`.
template <typename Test>
bool RecipeChecker::anyAt(size_t place, Test test) const {
  return llvm::any_of(layersAt(place), [&](int layer) {
    return test(recipe.backbone.network.layers[layer]);
  });
}

template <typename Test> bool RecipeChecker::anyTrainable(Test test) const {
  for (size_t place = 0; place < trains.size(); ++place)
    if (trains[place] && anyAt(place, test))
      return true;
  return false;
}

static bool hasWeights(const Layer &layer) { return layer.elements() != 0; }

/// Widens what trains by the phase's range. A range that adds no layer with
/// weights is an error: whoever wrote it expects something to change.
bool RecipeChecker::unfreeze(Phase &phase) {
  phase.unfrozen.clear();
  if (!phase.unfreeze)
    return true;
  auto range = resolveRange(*phase.unfreeze, names, reporter);
  if (!range)
    return false;
  bool adds = false, any = false;
  for (size_t place = 0; place < range->size(); ++place) {
    if (!(*range)[place] || layersAt(place).empty())
      continue;
    any |= anyAt(place, hasWeights);
    adds |= anyAt(place, hasWeights) && !trains[place];
    if (trains[place])
      continue;
    trains[place] = true;
    phase.unfrozen.push_back(int64_t(place));
  }
  if (!adds)
    reporter.error(phase.unfreezeRange)
        << (any ? "every layer with weights in this range is trainable already"
                : "no layer in this range has weights (see tlc --summary)");
  return adds;
}

/// Without a head, the network's own top stands for it.
void RecipeChecker::rates(const Phase &phase) {
  bool topIsHead = !recipe.head;
  auto isHead = [&](const Layer &layer) { return topIsHead && layer.top; };
  if (phase.ownHeadRate && topIsHead && !anyTrainable([&](const Layer &layer) {
        return hasWeights(layer) && isHead(layer);
      }))
    reporter.error(phase.rateRange)
        << "'lr(head:)' is given, but the model has no head and the phase '"
        << phase.name.text << "' trains no layer of the backbone's top";
  if (phase.ownBackboneRate && !anyTrainable([&](const Layer &layer) {
        return hasWeights(layer) && !isHead(layer);
      }))
    reporter.error(phase.rateRange)
        << "'lr(backbone:)' is given, but the phase '" << phase.name.text
        << "' trains no layer of the backbone; unfreeze some, as in unfreeze "
           "backbone[-4:]";
}

void RecipeChecker::batchNorm(const Phase &phase) {
  if (!phase.batchNormRange.file || !phase.batchNormTrain)
    return;
  auto isNorm = [](const Layer &layer) {
    return layer.kind == LayerKind::BatchNorm;
  };
  if (anyTrainable(isNorm) ||
      (recipe.head && any_of(recipe.head->layers, isNorm)))
    return;
  const Network &network = recipe.backbone.network;
  auto norm = find_if(network.layers, isNorm);
  auto diagnostic = reporter.error(phase.batchNormRange);
  diagnostic << "'batch_norm train' is given, but the phase '"
             << phase.name.text << "' trains no batch norm";
  if (norm == network.layers.end())
    diagnostic << ": the backbone '" << recipe.backbone.name << "' has none";
  else
    diagnostic << "; all of them are frozen, such as '" << norm->name << "'";
}

void RecipeChecker::phases() {
  if (!recipe.train)
    return;
  trains = recipe.backbone.frozen;
  trains.flip();
  for (Phase &phase : recipe.train->phases) {
    if (!unfreeze(phase))
      continue;
    rates(phase);
    batchNorm(phase);
  }
}

/// Every phase must have something to train: later ones only add to it.
void RecipeChecker::trainable() {
  if (!recipe.train || recipe.train->phases.empty())
    return;
  if (recipe.head && any_of(recipe.head->layers, hasWeights))
    return;
  trains = recipe.backbone.frozen;
  trains.flip();
  const Phase &first = recipe.train->phases.front();
  for (int64_t place : first.unfrozen)
    trains[place] = true;
  if (anyTrainable(hasWeights))
    return;
  bool later = any_of(recipe.train->phases,
                      [](const Phase &p) { return !p.unfrozen.empty(); });
  reporter.error(later ? first.range : recipe.train->range)
      << "there is nothing to train"
      << (later ? " in the phase '" + first.name.text + "'" : std::string())
      << ": the backbone is frozen and "
      << (recipe.head ? "the head has no weights" : "there is no head");
}

/// The layer that computes the scores: flatten and reshape only hand on.
const Layer &RecipeChecker::outputLayer() const {
  const Network &network = recipe.last();
  int value = network.output;
  while (network.layers[value].kind == LayerKind::Flatten ||
         network.layers[value].kind == LayerKind::Reshape) {
    int before = network.layers[value].inputs[0];
    if (before == kInputValue)
      break;
    value = before;
  }
  return network.layers[value];
}

void RecipeChecker::wrongOutputs(StringRef what) {
  auto diagnostic = reporter.error(recipe.train->lossRange);
  diagnostic << what;
  reporter.note(diagnostic, outputLayer().range, "the outputs come from here");
}

void RecipeChecker::loss() {
  const Train &train = *recipe.train;
  const Network &network = recipe.last();
  const Shape &shape = network.shapeOf(network.output);
  bool binary = train.loss == "binary_crossentropy";
  std::string loss = "'" + train.loss + "' ";
  if (shape.size() != 1)
    return wrongOutputs(
        loss + "wants one number a class, found " + describe(shape) +
        (shape.size() == 2 ? "; put 'first_token' or 'mean_tokens' before "
                             "the last layer"
                           : "; put 'gap' or 'flatten' before the last "
                             "layer, 'dense'"));
  int64_t outputs = shape[0];
  const Layer &layer = outputLayer();
  bool softmax = layer.activation.kind == Activation::Kind::Softmax;
  bool sigmoid = layer.activation.kind == Activation::Kind::Elementwise &&
                 layer.activation.function == nn::ActivationKind::Sigmoid;
  bool none = layer.activation.kind == Activation::Kind::None;
  if (binary && outputs != 1)
    return wrongOutputs(loss + "wants 1 output, found " +
                        std::to_string(outputs) +
                        "; use categorical_crossentropy, or dense(1, sigmoid)");
  if (!binary && outputs < 2)
    return wrongOutputs(
        loss + "wants as many outputs as classes, at least 2, found " +
        std::to_string(outputs) +
        "; use binary_crossentropy for two classes with 1 output");
  if (layer.kind == LayerKind::Dropout)
    return wrongOutputs(loss + "wants the scores of a layer, found dropout "
                               "behind it");
  if (!none && !(binary ? sigmoid : softmax))
    return wrongOutputs(loss + "goes with " + (binary ? "sigmoid" : "softmax") +
                        " or no activation, found " + layer.activation.name);
  recipe.classes = binary ? 2 : outputs;
}

void RecipeChecker::classes() {
  const Network &network = recipe.last();
  const Shape &shape = network.shapeOf(network.output);
  const Layer &layer = outputLayer();
  if (recipe.train && !recipe.train->loss.empty()) {
    loss();
  } else if (shape.size() == 1 &&
             layer.activation.kind == Activation::Kind::Softmax) {
    recipe.classes = shape[0];
  } else if (shape.size() == 1 && shape[0] == 1 &&
             layer.activation.function == nn::ActivationKind::Sigmoid) {
    recipe.classes = 2;
  }
  if (reporter.failed() || recipe.labels.empty() ||
      recipe.classes == int64_t(recipe.labels.size()))
    return;
  if (recipe.classes == 0) {
    reporter.error(recipe.labelsRange)
        << "'labels' name classes, but the model ends in no classifier, such "
           "as dense("
        << recipe.labels.size() << ", softmax)";
    return;
  }
  auto diagnostic = reporter.error(recipe.labelsRange);
  diagnostic << "the model tells " << recipe.classes
             << " classes apart, but 'labels' names " << recipe.labels.size();
  reporter.note(diagnostic, layer.range, "the outputs come from here");
}

} // namespace

void checkRecipe(Recipe &recipe, const LayerRange *freeze, Reporter &reporter) {
  RecipeChecker checker(recipe, reporter);
  checker.freeze(freeze);
  checker.phases();
  if (!reporter.failed())
    checker.trainable();
  checker.classes();
  checkTraining(recipe, reporter);
}

} // namespace tl::frontend
