// Files to modules: reads the model, finds its backbone, and runs the steps.
#include "frontends/tl/Frontend.h"

#include "dialects/TL/TL.h"
#include "frontends/tl/MLIRGen.h"
#include "frontends/tl/Parser.h"

#include "mlir/IR/Verifier.h"
#include "llvm/Support/ConvertUTF.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

using namespace mlir;

namespace tl::frontend {

// A recipe has a few hundred lines; it is stored in the container whole.
constexpr uint64_t kLargestFile = 1 << 20;

/// The file's text, or what is wrong with it.
static llvm::ErrorOr<std::string> readText(llvm::StringRef path) {
  uint64_t size = 0;
  if (std::error_code error = llvm::sys::fs::file_size(path, size))
    return error;
  if (size > kLargestFile)
    return std::make_error_code(std::errc::file_too_large);
  auto buffer = llvm::MemoryBuffer::getFile(path);
  if (!buffer)
    return buffer.getError();
  return (*buffer)->getBuffer().str();
}

/// The texts end up in MLIR attributes and in the container: UTF-8 only.
static bool checkText(const SourceFile &file, Reporter &reporter) {
  if (file.text().size() > kLargestFile) {
    reporter.error({&file, 0, 0})
        << "a file must have at most " << kLargestFile << " bytes";
    return false;
  }
  const auto *begin = reinterpret_cast<const llvm::UTF8 *>(file.text().begin());
  const auto *at = begin;
  const auto *end = reinterpret_cast<const llvm::UTF8 *>(file.text().end());
  if (llvm::isLegalUTF8String(&at, end))
    return true;
  size_t offset = at - begin;
  reporter.error({&file, offset, offset + 1}) << "the file must be UTF-8 text";
  return false;
}

namespace {

class Loader {
public:
  Loader(const SourceFile &model, Reporter &reporter)
      : model(model), reporter(reporter) {}

  /// The text of a backbone: a file beside the model first, so that a user may
  /// change a built-in one, then the built-in ones.
  const SourceFile *backbone(const Identifier &name);

  std::string resolve(llvm::StringRef path) const {
    llvm::SmallString<256> full(path);
    if (llvm::sys::path::is_relative(path)) {
      full = llvm::sys::path::parent_path(model.path());
      llvm::sys::path::append(full, path);
    }
    return full.str().str();
  }

private:
  const SourceFile &model;
  Reporter &reporter;
  /// Ranges point into them.
  std::vector<std::unique_ptr<SourceFile>> files;
};

} // namespace

const SourceFile *Loader::backbone(const Identifier &name) {
  std::string path = resolve(name.text + ".tl");
  bool beside = llvm::sys::fs::exists(path) &&
                !llvm::sys::fs::equivalent(path, model.path());
  if (beside) {
    auto text = readText(path);
    if (!text) {
      reporter.error(name.range)
          << "cannot read '" << path << "': " << text.getError().message();
      return nullptr;
    }
    files.push_back(std::make_unique<SourceFile>(path, std::move(*text)));
    return checkText(*files.back(), reporter) ? files.back().get() : nullptr;
  }
  llvm::SmallVector<llvm::StringRef> names;
  for (const EmbeddedBackbone &embedded : embeddedBackbones()) {
    names.push_back(embedded.name);
    if (embedded.name != name.text)
      continue;
    files.push_back(std::make_unique<SourceFile>(
        "backbones/" + name.text + ".tl", embedded.text.str()));
    return files.back().get();
  }
  reporter.error(name.range)
      << "no backbone '" << name.text << "': there is no '" << name.text
      << ".tl' beside this file, and none of the built-in ones "
         "(tlc --list-backbones) has the name"
      << suggestion(name.text, names);
  return nullptr;
}

/// Names in --keep have no place in the file: the model's own stands in.
static void checkKeep(const Recipe &recipe, ArrayRef<std::string> keep,
                      Reporter &reporter) {
  SmallVector<StringRef> names{"features", "logits", "frontier"};
  const Network *networks[] = {&recipe.backbone.network,
                               recipe.head ? &*recipe.head : nullptr};
  for (const Network *network : networks) {
    if (!network)
      continue;
    for (const Layer &layer : network->layers)
      names.push_back(layer.name);
    for (const Tap &tap : network->taps)
      names.push_back(tap.name);
  }
  for (StringRef name : keep)
    if (!llvm::is_contained(names, name))
      reporter.error(recipe.range) << "there is no layer or tap '" << name
                                   << "' to keep" << suggestion(name, names);
}

OwningOpRef<ModuleOp> loadModelText(StringRef text, StringRef path,
                                    const FrontendOptions &options,
                                    MLIRContext &context) {
  context.loadDialect<ask::TLDialect, nn::NNDialect>();
  SourceFile source(path.str(), text.str());
  Reporter reporter(&context);
  if (!checkText(source, reporter))
    return nullptr;
  auto file = parseFile(source, reporter);
  if (!file)
    return nullptr;
  if (!file->model) {
    reporter.error(file->backbone->name.range)
        << "expected a model in this file, found the backbone '"
        << file->backbone->name.text << "'";
    return nullptr;
  }
  Loader loader(source, reporter);
  auto loadNetwork = [&](NetworkRequest &request,
                         std::string &message) -> std::optional<Network> {
    request.path = loader.resolve(request.path);
    return options.importOnnx(request, message);
  };
  NetworkLoader networks = nullptr;
  if (options.importOnnx)
    networks = loadNetwork;
  auto recipe = elaborateModel(
      *file, [&](const Identifier &name) { return loader.backbone(name); },
      reporter, networks);
  if (!recipe)
    return nullptr;
  checkKeep(*recipe, options.keep, reporter);
  if (reporter.failed())
    return nullptr;
  std::string weights = options.weights;
  if (weights.empty() && !recipe->backbone.weights.empty())
    weights = loader.resolve(recipe->backbone.weights);
  if (weights.empty())
    weights = recipe->backbone.networkFile;
  auto module =
      generate(*recipe, {source.text(), weights, options.keep}, &context);
  return succeeded(verify(*module)) ? std::move(module) : nullptr;
}

OwningOpRef<ModuleOp> loadModel(StringRef path, const FrontendOptions &options,
                                MLIRContext &context) {
  auto text = readText(path);
  if (text)
    return loadModelText(*text, path, options, context);
  emitError(UnknownLoc::get(&context))
      << "cannot read '" << path << "': " << text.getError().message();
  return nullptr;
}

} // namespace tl::frontend
