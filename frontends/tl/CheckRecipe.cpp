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
  void unfreeze();
  void trainable();
  void classes();

private:
  void loss();
  const Layer &outputLayer() const;
  void wrongOutputs(StringRef what);

  Recipe &recipe;
  Reporter &reporter;
  std::vector<StringRef> names;
};

void RecipeChecker::freeze(const LayerRange *range) {
  Backbone &b = recipe.backbone;
  names.assign(b.list.firstIndex, "");
  for (int layer : b.list.order)
    names.push_back(b.network.layers[layer].name);
  // Without a range everything is frozen: the usual first step.
  b.frozen.assign(names.size(), true);
  if (!range)
    return;
  auto frozen = resolveRange(*range, names, reporter);
  if (!frozen)
    return;
  b.frozen = std::move(*frozen);
  for (size_t i = 0; i < b.list.order.size(); ++i) {
    const Layer &layer = b.network.layers[b.list.order[i]];
    if (b.frozen[i + b.list.firstIndex] || layer.elements() == 0)
      continue;
    reporter.notSupported(range->range, "unfrozen backbone layers");
    return;
  }
}

void RecipeChecker::unfreeze() {
  if (!recipe.train)
    return;
  for (const Phase &phase : recipe.train->phases)
    if (phase.unfreeze && resolveRange(*phase.unfreeze, names, reporter))
      reporter.notSupported(phase.unfreezeRange, "unfreeze");
}

void RecipeChecker::trainable() {
  if (!recipe.train)
    return;
  if (recipe.head)
    for (const Layer &layer : recipe.head->layers)
      if (layer.elements() != 0)
        return;
  reporter.error(recipe.train->range)
      << "there is nothing to train: the backbone is frozen and "
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
                           : "; end the head with 'dense'"));
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
  checker.unfreeze();
  checker.trainable();
  checker.classes();
}

} // namespace tl::frontend
