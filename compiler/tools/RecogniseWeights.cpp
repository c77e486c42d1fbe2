// A backbone is asked by elaborating a model around it, with its top where it
// has one; nothing here knows a backbone or a parameter by name. Where a
// backbone's names fit and its shapes do not, the numbers among its parameters
// with a point are varied: a width of a half, of a quarter, ...
#include "compiler/tools/RecogniseWeights.h"

#include "compiler/tools/ExpectedTensors.h"
#include "frontends/tl/Frontend.h"
#include "frontends/tl/Parser.h"
#include "mlir/IR/MLIRContext.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;

namespace tl {
namespace {

struct Candidate {
  std::string name; // "mobilenet(width: 0.25)"
  weights::Fit fit;
};

class Recogniser {
public:
  Recogniser(const weights::WeightSource &file, ArrayRef<int64_t> input)
      : file(file), inputs{{input[0], input[1]}, {224, 224}, {32, 32}},
        silence(&context, [](Diagnostic &) { return success(); }) {}

  Candidate best();

private:
  std::optional<weights::Fit> ask(const std::string &use);
  void vary(const frontend::EmbeddedBackbone &backbone);
  void take(std::string name, const weights::Fit &fit) {
    if (fit.score() > found.fit.score())
      found = {std::move(name), fit};
  }

  const weights::WeightSource &file;
  std::vector<std::pair<int64_t, int64_t>> inputs;
  MLIRContext context{MLIRContext::Threading::DISABLED};
  ScopedDiagnosticHandler silence;
  Candidate found;
};

/// With its top where there is one, at the first size that it can have.
std::optional<weights::Fit> Recogniser::ask(const std::string &use) {
  for (const char *top : {"true", "false"})
    for (auto [height, width] : inputs) {
      std::string text =
          llvm::formatv("model recognise {{ input image({0}, {1}, 3)  "
                        "backbone {2} {{ include_top {3}  weights \"w\"  "
                        "preprocess raw  freeze all } {4} }",
                        height, width, use, top,
                        *top == 't' ? "" : "head { gap  dense(2, softmax) }");
      // The path is in no folder, so that only built-in backbones are found.
      auto module = frontend::loadModelText(
          text, "/dev/null/recognise.tl", frontend::FrontendOptions(), context);
      if (!module)
        continue;
      for (auto model : module->getOps<ask::ModelOp>())
        return weights::measureFit(file, bindRequest(model));
    }
  return std::nullopt;
}

void Recogniser::vary(const frontend::EmbeddedBackbone &backbone) {
  frontend::SourceFile source("backbones/" + backbone.name.str(),
                              backbone.text.str());
  frontend::Reporter reporter(&context);
  auto parsed = frontend::parseFile(source, reporter);
  if (!parsed || !parsed->backbone)
    return;
  for (const frontend::ParameterDecl &parameter :
       parsed->backbone->parameters) {
    const frontend::Expression *value = parameter.defaultValue.get();
    if (!value || value->kind != frontend::Expression::Kind::Real)
      continue;
    for (double factor : {0.25, 0.35, 0.5, 0.75, 1.25, 1.3, 1.4, 1.5, 2.0}) {
      std::string name;
      llvm::raw_string_ostream(name)
          << backbone.name << "(" << parameter.name.text << ": "
          << llvm::format("%g", factor * value->real) << ")";
      if (std::optional<weights::Fit> fit = ask(name))
        take(name, *fit);
    }
  }
}

Candidate Recogniser::best() {
  for (const frontend::EmbeddedBackbone &backbone :
       frontend::embeddedBackbones()) {
    std::optional<weights::Fit> fit = ask(backbone.name.str());
    if (!fit)
      continue;
    take(backbone.name.str(), *fit);
    if (2 * fit->named > fit->expected && fit->fitting < fit->named)
      vary(backbone);
  }
  return found;
}
} // namespace

std::string recogniseWeights(const weights::WeightSource &file,
                             const weights::BindRequest &wanted,
                             ArrayRef<int64_t> input) {
  if (file.convention() == weights::Convention::Own)
    return {};
  Candidate best = Recogniser(file, input).best();
  // A few layers that happen to be called alike say nothing.
  if (best.fit.score() < 0.5 ||
      best.fit.score() <= weights::measureFit(file, wanted).score())
    return {};
  bool whole = best.fit.fitting == best.fit.expected;
  return llvm::formatv(
      "the file's names and shapes {0} those of '{1}' ({2}): {3} of its {4} "
      "tensors are there",
      whole ? "are" : "look like", best.name,
      file.convention() == weights::Convention::Keras ? "Keras" : "torch",
      best.fit.fitting, best.fit.expected);
}

} // namespace tl
