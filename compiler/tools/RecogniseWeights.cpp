// A backbone is asked by elaborating a model around it, with its top where it
// has one and without; nothing here knows a backbone or a parameter by name. A
// family is asked through its members.
// Where a backbone's names fit and its shapes do not, the numbers among its
// parameters with a point are varied: a width of a half, of a quarter, ...
#include "compiler/tools/RecogniseWeights.h"

#include "compiler/tools/ExpectedTensors.h"
#include "frontends/tl/Frontend.h"
#include "frontends/tl/Parser.h"
#include "mlir/IR/MLIRContext.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"

#include <deque>

using namespace mlir;

namespace tl {
namespace {

/// How well a file fits a backbone.
struct Answer {
  weights::Fit fit;
  bool top = false;
  bool ofOwner = false; // the framework's own network, not one that knows its
                        // files too

  /// The better, the more a file is like the backbone's own.
  std::pair<double, bool> rank() const { return {fit.score(), ofOwner}; }
};

struct Candidate {
  std::string name; // "'mobilenet(width: 0.25)'", or several that fit as well
  Answer answer;
};

StringRef ownerOf(const weights::WeightSource &file) {
  return file.convention() == weights::Convention::Keras ? "keras" : "torch";
}

class Recogniser {
public:
  Recogniser(const weights::WeightSource &file, ArrayRef<int64_t> input)
      : file(file), inputs{{input[0], input[1]}, {224, 224}, {32, 32}},
        silence(&context, [](Diagnostic &) { return success(); }) {}

  std::string recognise(const weights::Fit &asked);

private:
  std::optional<Answer> ask(const std::string &use);
  std::optional<Answer> ask(const std::string &use, bool top);
  void askAll();
  void vary(StringRef backbone, const frontend::BackboneDecl &declaration);
  void take(const std::string &name, const Answer &answer) {
    if (answer.fit.nameScore() > likeliest.answer.fit.nameScore())
      likeliest = {"'" + name + "'", answer};
    if (answer.rank() > found.answer.rank())
      found = {"'" + name + "'", answer};
    else if (answer.rank() == found.answer.rank() && answer.fit.score() == 1)
      found.name += " and '" + name + "'";
  }

  const weights::WeightSource &file;
  std::vector<std::pair<int64_t, int64_t>> inputs;
  MLIRContext context{MLIRContext::Threading::DISABLED};
  ScopedDiagnosticHandler silence;
  // By names and shapes, and by names alone.
  Candidate found, likeliest;
};

/// With its top or without, whichever fits better.
std::optional<Answer> Recogniser::ask(const std::string &use) {
  std::optional<Answer> whole = ask(use, true), base = ask(use, false);
  bool better = base && (!whole || base->fit.score() > whole->fit.score());
  return better ? base : whole;
}

/// At the first size that it can have.
std::optional<Answer> Recogniser::ask(const std::string &use, bool top) {
  // Tokens have no average over places, so that a head may want none.
  llvm::SmallVector<const char *> heads = {"head { gap  dense(2, softmax) }",
                                           "head { dense(2, softmax) }"};
  if (top)
    heads = {""};
  for (auto [height, width] : inputs)
    for (const char *head : heads) {
      std::string text = llvm::formatv(
          "model recognise {{ input image({0}, {1}, 3)  backbone {2} {{ "
          "include_top {3}  weights \"w\"  preprocess raw  freeze all } {4} }",
          height, width, use, top ? "true" : "false", head);
      // The path is in no folder, so that only built-in backbones are found.
      auto module = frontend::loadModelText(
          text, "/dev/null/recognise.tl", frontend::FrontendOptions(), context);
      if (!module)
        continue;
      for (auto model : module->getOps<ask::ModelOp>()) {
        auto convention = model.getBackbone()->getAttrOfType<StringAttr>(
            frontend::kConventionAttr);
        return Answer{weights::measureFit(file, bindRequest(model)), top,
                      convention && convention.getValue() == ownerOf(file)};
      }
    }
  return std::nullopt;
}

void Recogniser::vary(StringRef backbone,
                      const frontend::BackboneDecl &declaration) {
  for (const frontend::ParameterDecl &parameter : declaration.parameters) {
    const frontend::Expression *value = parameter.defaultValue.get();
    if (!value || value->kind != frontend::Expression::Kind::Real)
      continue;
    for (double factor : {0.25, 0.35, 0.5, 0.75, 1.25, 1.3, 1.4, 1.5, 2.0}) {
      std::string name;
      llvm::raw_string_ostream(name)
          << backbone << "(" << parameter.name.text << ": "
          << llvm::format("%g", factor * value->real) << ")";
      if (std::optional<Answer> answer = ask(name))
        take(name, *answer);
    }
  }
}

void Recogniser::askAll() {
  // What is parsed points into its source.
  std::deque<frontend::SourceFile> sources;
  std::vector<frontend::FileDecl> files;
  llvm::StringSet<> families;
  frontend::Reporter reporter(&context);
  for (const frontend::EmbeddedBackbone &backbone :
       frontend::embeddedBackbones()) {
    sources.emplace_back("backbones/" + backbone.name.str(),
                         backbone.text.str());
    auto parsed = frontend::parseFile(sources.back(), reporter);
    if (!parsed || !parsed->backbone)
      continue;
    if (const auto &same = parsed->backbone->sameAs)
      families.insert(same->name.text);
    files.push_back(std::move(*parsed));
  }
  for (const frontend::FileDecl &parsed : files) {
    const frontend::BackboneDecl &declaration = *parsed.backbone;
    const std::string &name = declaration.name.text;
    std::optional<Answer> answer;
    if (families.contains(name) || !(answer = ask(name)))
      continue;
    take(name, *answer);
    const weights::Fit &fit = answer->fit;
    if (2 * fit.named > fit.expected && fit.fitting < fit.named)
      vary(name, declaration);
  }
}

std::string Recogniser::recognise(const weights::Fit &asked) {
  askAll();
  const weights::Fit &fit = found.answer.fit;
  const char *owner =
      file.convention() == weights::Convention::Keras ? "Keras" : "torch";
  // A few layers that happen to be called alike say nothing.
  if (fit.score() >= 0.5 && fit.score() > asked.score())
    return llvm::formatv(
        "the file's names and shapes {0} those of {1} ({2}){3}: {4} of its {5} "
        "tensors are there",
        fit.fitting == fit.expected ? "are" : "look like", found.name, owner,
        found.answer.top ? "" : " without its top", fit.fitting, fit.expected);
  if (asked.score() >= 0.5)
    return {};
  if (likeliest.answer.fit.nameScore() >= 0.5)
    return llvm::formatv("the file's names look like those of {0} ({1}), but "
                         "not its shapes: it is of another width or variant",
                         likeliest.name, owner);
  return "the file's names are those of no network that is built in ('tlc "
         "--list-backbones' lists them)";
}
} // namespace

std::string recogniseWeights(const weights::WeightSource &file,
                             const weights::BindRequest &wanted,
                             ArrayRef<int64_t> input) {
  if (file.convention() == weights::Convention::Own)
    return {};
  return Recogniser(file, input).recognise(weights::measureFit(file, wanted));
}

} // namespace tl
