// The model's tree to a Recipe: input, labels, the backbone and its file, the
// head. Each part needs the shapes of the one before it.
#include "frontends/tl/Parser.h"
#include "frontends/tl/Recipe.h"

using namespace llvm;

namespace tl::frontend {

namespace {

class ModelElaborator {
public:
  ModelElaborator(const FileDecl &file, BackboneLoader load,
                  NetworkLoader loadNetwork, Reporter &reporter)
      : file(file), load(load), loadNetwork(loadNetwork), reporter(reporter),
        reader(reporter, none) {}

  std::optional<Recipe> run();

private:
  bool input(const Item *item);
  bool isGrey() const { return recipe.input[2] == 1; }
  void greyAugment(Augment &augment);
  void labels(const Item &item);
  bool backbone(const BackboneUse &use);
  bool backboneSettings(const BackboneUse &use);
  void precision(const Item &item);
  std::optional<FileDecl> parseBackbone(const SourceFile &source,
                                        const Identifier &name);
  bool backboneFile(const BackboneUse &use, const Scope &caller,
                    const FileDecl &decl);
  bool importedBackbone(const BackboneUse &use);
  bool sameBackbone(const BackboneUse &use, const Scope &scope);
  bool backboneLayers(const BackboneUse &use, Scope scope,
                      const BackboneDecl &decl, const Blocks &blocks);
  bool backbonePreprocess(const BackboneDecl &decl,
                          const StringMap<const Item *> &settings);
  bool publishedPreprocess(const StringMap<const Item *> &settings);
  bool backboneSize();
  bool head(const Item &item);

  const FileDecl &file;
  BackboneLoader load;
  NetworkLoader loadNetwork;
  Reporter &reporter;
  Scope none;
  ValueReader reader;
  Recipe recipe;
  const LayerRange *freeze = nullptr;
  /// `preprocess published` in the model.
  const Item *published = nullptr;
  /// Settings of a name for another backbone, which stand before its own.
  const Items *ofName = nullptr;
};

bool ModelElaborator::input(const Item *item) {
  if (!item) {
    reporter.error(recipe.range)
        << "a model needs its input, as in input image(224, 224, 3)";
    return false;
  }
  const Expression &e = *item->values[0];
  if (e.kind != Expression::Kind::Call || e.text != "image") {
    reporter.error(e.range)
        << "expected image(height, width, channels) for 'input'";
    return false;
  }
  static constexpr ArgumentRule kRules[] = {
      {"height", true}, {"width", true}, {"channels", true}};
  auto arguments =
      bindArguments("image", e.range, e.arguments, kRules, 3, none, reporter);
  if (!arguments)
    return false;
  for (const ArgumentRule &rule : kRules) {
    auto extent =
        reader.integer((*arguments)[rule.name], rule.name, 1, 1 << 14);
    if (!extent)
      return false;
    recipe.input.push_back(*extent);
  }
  if (recipe.input[2] == 3 || isGrey())
    return true;
  reader.expected((*arguments)["channels"], "1 (grey) or 3 (RGB)", "channels");
  return false;
}

/// A grey picture has no colour to change: `saturation` and `hue` are errors,
/// and `color` is brightness and contrast, as torchvision's ColorJitter is.
void ModelElaborator::greyAugment(Augment &augment) {
  if (augment.ofColour)
    reporter.error(augment.ofColour->range)
        << "'" << augment.ofColour->text
        << "' changes colours, found an input of 1 channel";
  augment.saturation = 0;
}

void ModelElaborator::labels(const Item &item) {
  recipe.labelsRange = item.range;
  StringMap<SourceRange> seen;
  for (const ExpressionPtr &e : item.values) {
    auto value = evaluate(*e, none, reporter);
    auto label = value ? reader.string(*value, "labels") : std::nullopt;
    if (!label)
      continue;
    // A label is the name of a folder of pictures.
    if (label->empty() || *label == "." || *label == ".." ||
        StringRef(*label).contains('/'))
      reader.expected(*value, "the name of a folder", "labels");
    auto [entry, fresh] = seen.try_emplace(*label, e->range);
    if (!fresh) {
      auto diagnostic = reporter.error(e->range);
      diagnostic << "the label \"" << *label << "\" is given twice";
      reporter.note(diagnostic, entry->second, "it is given here");
    }
    recipe.labels.push_back(*label);
  }
}

void ModelElaborator::precision(const Item &item) {
  auto value = evaluate(*item.values[0], none, reporter);
  auto word =
      value ? reader.word(*value, "precision", {"f32", "tf32", "bf16", "int8"})
            : std::nullopt;
  if (word && *word != "f32")
    reporter.notSupported(item.range, "precision " + *word);
}

bool ModelElaborator::backboneSettings(const BackboneUse &use) {
  auto settings = collectSettings(use.items, {}, reporter);
  Backbone &b = recipe.backbone;
  if (const Item *item = settings.lookup("weights"))
    if (auto value = evaluate(*item->values[0], none, reporter))
      if (auto path = reader.string(*value, "weights")) {
        b.weights = *path;
        if (path->empty())
          reader.expected(*value, "a file's path", "weights");
      }
  if (const Item *item = settings.lookup("include_top"))
    if (auto value = evaluate(*item->values[0], none, reporter))
      b.includeTop = reader.boolean(*value, "include_top").value_or(false);
  if (const Item *item = settings.lookup("precision"))
    precision(*item);
  if (const Item *item = settings.lookup("freeze"))
    freeze = &*item->layers;
  if (const Item *item = settings.lookup("preprocess")) {
    const Expression &value = *item->values[0];
    if (value.kind == Expression::Kind::Name && value.text == "published") {
      published = item;
      return true;
    }
    auto preprocess = readPreprocess(*item, recipe.input, reporter);
    if (!preprocess)
      return false;
    b.preprocess = std::move(*preprocess);
  }
  return true;
}

bool ModelElaborator::backbone(const BackboneUse &use) {
  recipe.backbone.name = use.name.text;
  recipe.backbone.range = use.range;
  if (!backboneSettings(use))
    return false;
  if (use.name.text == "onnx")
    return importedBackbone(use);
  std::string note = "the backbone '" + use.name.text + "' is used here";
  if (file.backbone) {
    if (file.backbone->name.text == use.name.text) {
      Reporter::Within within(reporter, use.range, note);
      return backboneFile(use, none, file);
    }
    reporter.error(file.backbone->name.range)
        << "the model uses the backbone '" << use.name.text << "', not '"
        << file.backbone->name.text << "'";
    return false;
  }
  const SourceFile *source = load(use.name);
  if (!source)
    return false; // the loader said why, at the name
  Reporter::Within within(reporter, use.range, note);
  auto decl = parseBackbone(*source, use.name);
  return decl && backboneFile(use, none, *decl);
}

/// `backbone onnx("file.onnx", output: "name")`: the layers of an ONNX file, in
/// the order of their execution.
bool ModelElaborator::importedBackbone(const BackboneUse &use) {
  static constexpr ArgumentRule kRules[] = {{"file", true}, {"output"}};
  auto arguments = bindArguments("onnx", use.range, use.arguments, kRules, 1,
                                 none, reporter);
  if (!arguments)
    return false;
  NetworkRequest request{"", recipe.input, "", use.range};
  for (auto [name, text] :
       {std::pair<StringRef, std::string *>{"file", &request.path},
        {"output", &request.output}})
    if (auto found = arguments->find(name); found != arguments->end()) {
      auto read = reader.string(found->second, name);
      if (!read)
        return false;
      *text = *read;
      if (text->empty()) {
        reader.expected(found->second, "a name", name);
        return false;
      }
    }
  Backbone &b = recipe.backbone;
  if (b.preprocess.name.empty()) {
    reporter.error(use.range)
        << "an ONNX file says no preprocessing; add 'preprocess' to the "
           "backbone: caffe, torch, tf, raw or custom(...)";
    return false;
  }
  std::string message;
  std::optional<Network> network;
  if (loadNetwork)
    network = loadNetwork(request, message);
  else
    message = "this program reads no ONNX";
  if (!network) {
    reporter.error(use.range) << message;
    return false;
  }
  b.network = std::move(*network);
  b.networkFile = request.path;
  b.networkOutput = request.output;
  if (b.network.layers.empty()) {
    reporter.error(use.range) << "the network has no layers";
    return false;
  }
  b.convention = Convention::Torch;
  StringMap<SourceRange> taken;
  nameLayers(b.network, taken, reporter);
  b.list = listLayers(b.network, b.convention);
  return !reporter.failed();
}

/// The file, which must hold the backbone of that name.
std::optional<FileDecl> ModelElaborator::parseBackbone(const SourceFile &source,
                                                       const Identifier &name) {
  auto decl = parseFile(source, reporter);
  if (!decl || (decl->backbone && decl->backbone->name.text == name.text))
    return decl;
  SourceRange place =
      decl->backbone ? decl->backbone->name.range : decl->model->name.range;
  reporter.error(place) << "expected the backbone '" << name.text
                        << "' in this file, found the "
                        << (decl->backbone ? "backbone '" : "model '")
                        << place.file->text().slice(place.begin, place.end)
                        << "'";
  return std::nullopt;
}

/// As the weights' source prepares pictures to measure them.
bool ModelElaborator::publishedPreprocess(
    const StringMap<const Item *> &settings) {
  Backbone &b = recipe.backbone;
  const Item *item = settings.lookup("published");
  if (!item) {
    reporter.error(published->range)
        << "the backbone '" << b.name
        << "' does not say how its published weights were measured";
    return false;
  }
  int64_t size = b.facts.imageSize;
  if (recipe.input[0] != size || recipe.input[1] != size) {
    reporter.error(published->range)
        << "the weights of '" << b.name << "' were measured on pictures of "
        << size << "x" << size << ", found an input of " << recipe.input[0]
        << "x" << recipe.input[1];
    return false;
  }
  auto preprocess = readPreprocess(*item, recipe.input, reporter);
  if (preprocess)
    b.preprocess = std::move(*preprocess);
  return preprocess.has_value();
}

/// The file's preset, unless the model says another.
bool ModelElaborator::backbonePreprocess(
    const BackboneDecl &decl, const StringMap<const Item *> &settings) {
  Backbone &b = recipe.backbone;
  const Item *item = settings.lookup("preprocess");
  if (published)
    return publishedPreprocess(settings);
  if (!b.preprocess.name.empty()) {
    // What a backbone says may be of three channels; and no published weights
    // are of grey networks, so that there is none to be warned of.
    if (!item || isGrey())
      return true;
    auto own = readPreprocess(*item, recipe.input, reporter);
    if (own && !own->sameValues(b.preprocess))
      b.otherPreset = own->name;
    return own.has_value();
  }
  if (!item) {
    reporter.error(decl.name.range)
        << "the backbone '" << b.name << "' says no preprocessing; add "
        << "'preprocess' here or in the model: caffe, torch, tf, raw or "
           "custom(...)";
    return false;
  }
  auto preprocess = readPreprocess(*item, recipe.input, reporter);
  if (preprocess)
    b.preprocess = std::move(*preprocess);
  return preprocess.has_value();
}

bool ModelElaborator::backboneFile(const BackboneUse &use, const Scope &caller,
                                   const FileDecl &decl) {
  const BackboneDecl &backbone = *decl.backbone;
  Blocks blocks = collectBlocks(decl, reporter);
  if (reporter.failed())
    return false;
  auto scope = bindParameters(use.name.text, use.range, use.arguments,
                              backbone.parameters, caller, reporter);
  if (!scope)
    return false;
  if (!backbone.sameAs)
    return backboneLayers(use, std::move(*scope), backbone, blocks);
  ofName = &backbone.items;
  return sameBackbone(*backbone.sameAs, *scope);
}

/// `backbone resnet20 = resnet_cifar(depth: 20)`: one step, no chains, so that
/// names cannot go in a circle.
bool ModelElaborator::sameBackbone(const BackboneUse &use, const Scope &scope) {
  const SourceFile *source = load(use.name);
  if (!source)
    return false;
  Reporter::Within within(reporter, use.range,
                          "the backbone '" + use.name.text + "' is named here");
  auto decl = parseBackbone(*source, use.name);
  if (!decl)
    return false;
  if (!decl->backbone->sameAs)
    return backboneFile(use, scope, *decl);
  reporter.error(decl->backbone->name.range)
      << "expected layers in the backbone '" << use.name.text
      << "', found another name, '" << decl->backbone->sameAs->name.text << "'";
  return false;
}

/// Windows that would not fit are refused before the first layer is tried.
bool ModelElaborator::backboneSize() {
  int64_t least = recipe.backbone.facts.leastSize;
  if (recipe.input[0] >= least && recipe.input[1] >= least)
    return true;
  reporter.error(recipe.backbone.range)
      << "the backbone '" << recipe.backbone.name
      << "' needs pictures of at least " << least << "x" << least
      << ", found an input of " << recipe.input[0] << "x" << recipe.input[1];
  return false;
}

bool ModelElaborator::backboneLayers(const BackboneUse &use, Scope scope,
                                     const BackboneDecl &decl,
                                     const Blocks &blocks) {
  Backbone &b = recipe.backbone;
  auto settings = collectSettings(decl.items, {}, reporter);
  if (ofName)
    for (const auto &entry : collectSettings(*ofName, {}, reporter))
      settings[entry.getKey()] = entry.getValue();
  if (reporter.failed() || !readFacts(settings, scope, reporter, b.facts) ||
      !backboneSize())
    return false;
  for (auto [name, extent] :
       {std::pair<StringRef, int64_t>{"input_height", recipe.input[0]},
        {"input_width", recipe.input[1]}}) {
    Value value{Value::Kind::Integer, use.range};
    value.integer = extent;
    scope[name] = std::move(value);
  }
  Value withTop{Value::Kind::Bool, use.range};
  withTop.integer = b.includeTop;
  scope["include_top"] = std::move(withTop);
  if (const Item *item = settings.lookup("convention")) {
    auto convention = readConvention(*item, reporter);
    if (!convention)
      return false;
    b.convention = *convention;
  }
  if (!backbonePreprocess(decl, settings))
    return false;
  b.network.inputShape = recipe.input;
  Elaborator elaborator(blocks, b.convention, Elaborator::Place::Backbone,
                        reporter);
  if (!elaborator.run(decl.body, scope, b.network))
    return false;
  const Item *topItem = settings.lookup("top");
  if (b.includeTop && !topItem) {
    reporter.error(use.range) << "'include_top' is given, but the backbone '"
                              << b.name << "' has no top";
    return false;
  }
  size_t base = b.network.layers.size();
  if (b.includeTop && !elaborator.run(topItem->statements, scope, b.network))
    return false;
  for (size_t i = base; i < b.network.layers.size(); ++i)
    b.network.layers[i].top = true;
  if (b.network.layers.empty()) {
    reporter.error(decl.name.range)
        << "the backbone '" << b.name << "' has no layers";
    return false;
  }
  StringMap<SourceRange> taken;
  nameLayers(b.network, taken, reporter);
  if (!b.includeTop && topItem) {
    auto names = elaborator.names(topItem->statements, scope, b.network.layers);
    if (!names)
      return false;
    b.otherLayers = std::move(*names);
  }
  if (const Item *item = settings.lookup("ignore"))
    if (!readStrings(*item, scope, reporter, b.otherLayers))
      return false;
  b.list = listLayers(b.network, b.convention);
  return !reporter.failed();
}

bool ModelElaborator::head(const Item &item) {
  recipe.headRange = item.range;
  Network &head = recipe.head.emplace();
  const Network &backbone = recipe.backbone.network;
  head.inputShape = backbone.shapeOf(backbone.output);
  Blocks blocks = collectBlocks(file, reporter);
  Convention convention =
      recipe.train ? recipe.train->convention : Convention::Keras;
  Elaborator elaborator(blocks, convention, Elaborator::Place::Head, reporter);
  if (!elaborator.run(item.statements, none, head))
    return false;
  if (head.layers.empty()) {
    reporter.error(item.range) << "a head needs at least one layer";
    return false;
  }
  StringMap<SourceRange> taken;
  for (const Layer &layer : backbone.layers)
    taken.try_emplace(layer.name, layer.nameRange);
  for (const Tap &tap : backbone.taps)
    taken.try_emplace(tap.name, tap.range);
  nameLayers(head, taken, reporter);
  return true;
}

std::optional<Recipe> ModelElaborator::run() {
  const ModelDecl &model = *file.model;
  recipe.name = model.name.text;
  recipe.range = model.range;
  auto settings = collectSettings(model.items, {}, reporter);
  if (model.backbones.empty())
    reporter.error(model.range)
        << "a model needs a backbone, as in backbone vgg16 { freeze all }";
  for (size_t i = 1; i < model.backbones.size(); ++i) {
    auto diagnostic = reporter.error(model.backbones[i].range);
    diagnostic << "a model has one backbone, found a second one";
    reporter.note(diagnostic, model.backbones[0].range, "the first is here");
  }
  if (!input(settings.lookup("input")) || model.backbones.size() != 1)
    return std::nullopt;
  if (const Item *item = settings.lookup("labels"))
    labels(*item);
  if (const Item *item = settings.lookup("train"))
    recipe.train = readTrain(*item, reporter);
  if (isGrey() && recipe.train && recipe.train->augment)
    greyAugment(*recipe.train->augment);
  if (!backbone(model.backbones[0]))
    return std::nullopt;
  if (const Item *item = settings.lookup("head"); item && !head(*item))
    return std::nullopt;
  if (!recipe.head && !recipe.backbone.includeTop) {
    reporter.error(model.range)
        << "a model needs a head, as in head { gap }, or 'include_top true' "
           "in its backbone";
    return std::nullopt;
  }
  checkRecipe(recipe, freeze, reporter);
  if (reporter.failed())
    return std::nullopt;
  return std::move(recipe);
}

} // namespace

std::optional<Recipe> elaborateModel(const FileDecl &file, BackboneLoader load,
                                     Reporter &reporter,
                                     NetworkLoader loadNetwork) {
  return ModelElaborator(file, load, loadNetwork, reporter).run();
}

} // namespace tl::frontend
