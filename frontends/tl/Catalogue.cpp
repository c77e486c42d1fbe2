// Elaborates each built-in backbone once, in the smallest model that uses it;
// see the header.
#include "frontends/tl/Catalogue.h"

#include "frontends/tl/Frontend.h"
#include "frontends/tl/Parser.h"
#include "frontends/tl/Recipe.h"

#include "llvm/Support/Regex.h"

using namespace llvm;

namespace tl::frontend {

// Where a file says no size: that of most networks for ImageNet.
constexpr int64_t kUsualSize = 224;

static StringRef textOf(SourceRange range) {
  return range.file->text().slice(range.begin, range.end);
}

/// "VGG16 as Keras has it" of "// VGG16 as Keras has it: see vgg_keras.tl."
static std::string titleOf(StringRef text) {
  text.consume_front("// ");
  return text.take_until([](char c) { return c == ':' || c == '\n'; }).str();
}

/// The first one that a file names.
static std::string paperOf(StringRef text) {
  SmallVector<StringRef> matches;
  return Regex("arXiv:[0-9]{4}\\.[0-9]{4,5}").match(text, &matches)
             ? matches[0].str()
             : "";
}

/// Products with weights, and of tokens with each other; sums of a kernel's
/// window, as the frameworks count them.
static int64_t multiplyAdds(const Layer &layer) {
  if (layer.shape.empty())
    return 0;
  int64_t places = 1, sum = 0;
  for (int64_t extent : ArrayRef(layer.shape).drop_back())
    places *= extent;
  for (const Parameter &parameter : layer.parameters)
    if (StringRef(parameter.role).ends_with("kernel"))
      sum += parameter.elements() * places;
  if (layer.kind == LayerKind::Attention ||
      layer.kind == LayerKind::SelfAttention)
    sum += 2 * places * places * layer.shape.back();
  return sum;
}

namespace {

class Lister {
public:
  explicit Lister(mlir::MLIRContext &context) : reporter(&context) {}

  std::optional<CatalogueEntry> list(const EmbeddedBackbone &embedded);

private:
  const SourceFile *source(StringRef name);
  const Item *find(StringRef keyword) const;
  bool elaborate(CatalogueEntry &entry);

  Reporter reporter;
  std::vector<std::unique_ptr<SourceFile>> files; // ranges point into them
  /// The file at hand, and that of the backbone whose name it gives.
  std::optional<FileDecl> own, other;
};

} // namespace

const SourceFile *Lister::source(StringRef name) {
  for (const EmbeddedBackbone &embedded : embeddedBackbones())
    if (embedded.name == name)
      return files
          .emplace_back(std::make_unique<SourceFile>(
              ("backbones/" + name + ".tl").str(), embedded.text.str()))
          .get();
  return nullptr;
}

/// The file's own item, else the other's.
const Item *Lister::find(StringRef keyword) const {
  for (const auto *file : {&own, &other})
    if (*file)
      for (const Item &item : (*file)->backbone->items)
        if (item.keyword.text == keyword)
          return &item;
  return nullptr;
}

bool Lister::elaborate(CatalogueEntry &entry) {
  std::string size =
      std::to_string(entry.imageSize ? entry.imageSize : kUsualSize);
  SourceFile model(
      "", "model m { input image(" + size + ", " + size + ", 3)  backbone " +
              entry.name + " {" +
              (entry.top ? "include_top true }" : "}  head { gap }") + " }");
  auto file = parseFile(model, reporter);
  auto recipe =
      file ? elaborateModel(
                 *file,
                 [&](const Identifier &name) { return source(name.text); },
                 reporter)
           : std::nullopt;
  if (!recipe)
    return false;
  const Backbone &backbone = recipe->backbone;
  entry.convention =
      backbone.convention == Convention::Keras ? "keras" : "torch";
  entry.licence = backbone.facts.licence;
  entry.weightsFrom = backbone.facts.weightsFrom;
  entry.leastSize = backbone.facts.leastSize;
  entry.layers = backbone.list.size();
  for (const Layer &layer : backbone.network.layers) {
    entry.parameters += layer.elements();
    entry.multiplyAdds += multiplyAdds(layer);
  }
  return true;
}

std::optional<CatalogueEntry> Lister::list(const EmbeddedBackbone &embedded) {
  own = parseFile(*source(embedded.name), reporter);
  if (!own || !own->backbone)
    return std::nullopt;
  std::string texts = embedded.text.str();
  if (const auto &same = own->backbone->sameAs) {
    const SourceFile *file = source(same->name.text);
    other = file ? parseFile(*file, reporter) : std::nullopt;
    if (!other || !other->backbone)
      return std::nullopt;
    texts += file->text();
  }
  CatalogueEntry entry;
  entry.name = embedded.name.str();
  entry.use = entry.name;
  for (const ParameterDecl &parameter : own->backbone->parameters) {
    entry.use += entry.use == entry.name ? "(" : ", ";
    entry.use += parameter.name.text;
    if (parameter.defaultValue)
      entry.use += ": " + textOf(parameter.defaultValue->range).str();
  }
  entry.use += entry.use == entry.name ? "" : ")";
  entry.title = titleOf(embedded.text);
  entry.paper = paperOf(texts);
  for (auto [keyword, text] :
       {std::pair<StringRef, std::string *>{"preprocess", &entry.preprocess},
        {"published", &entry.published}})
    if (const Item *item = find(keyword))
      *text = textOf(item->values[0]->range).str();
  if (const Item *item = find("image_size"))
    entry.imageSize = item->values[0]->integer;
  entry.top = find("top") != nullptr;
  if (!elaborate(entry))
    return std::nullopt;
  return entry;
}

std::optional<std::vector<CatalogueEntry>>
listBackbones(mlir::MLIRContext &context) {
  std::vector<CatalogueEntry> entries;
  for (const EmbeddedBackbone &embedded : embeddedBackbones()) {
    auto entry = Lister(context).list(embedded);
    if (!entry)
      return std::nullopt;
    entries.push_back(std::move(*entry));
  }
  return entries;
}

} // namespace tl::frontend
