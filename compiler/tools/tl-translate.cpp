// tl-translate: the frontend on its own, for tests and for looking at what a
// recipe means before any compilation.
//
//   tl-translate --import-tl model.tl              the TL module
//   tl-translate --summary model.tl                the layer table
//   tl-translate --import-tl --split-input-file    each part between lines
//                                                  "// -----" by itself
#include "compiler/tools/Diagnostics.h"
#include "compiler/tools/ImportOnnx.h"
#include "compiler/tools/Summary.h"
#include "dialects/TL/TL.h"
#include "frontends/tl/Frontend.h"

#include "mlir/IR/MLIRContext.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/MemoryBuffer.h"

namespace cl = llvm::cl;
using tl::frontend::FrontendOptions;

static cl::opt<std::string> input(cl::Positional, cl::desc("<model.tl>"),
                                  cl::Required);
static cl::opt<bool> importTl("import-tl", cl::desc("Print the TL module"));
static cl::opt<bool> summary("summary", cl::desc("Print the layer table"));
static cl::opt<bool> split("split-input-file",
                           cl::desc("Read the parts between '// -----'"));
static cl::opt<bool> locations("mlir-print-debuginfo",
                               cl::desc("Print locations"));
static cl::opt<bool> recipe("with-recipe",
                            cl::desc("Print the recipe's text too"));
static cl::opt<std::string> weights("weights", cl::desc("Replace the weights"));
static cl::list<std::string> keep("keep", cl::CommaSeparated,
                                  cl::desc("Values that stay readable"));

static bool translate(llvm::StringRef text, const FrontendOptions &options) {
  mlir::MLIRContext context;
  tl::DiagnosticPrinter printer(&context, llvm::errs());
  auto module = tl::frontend::loadModelText(text, input, options, context);
  if (!module)
    return false;
  if (summary)
    tl::printSummary(*module, llvm::outs());
  if (importTl) {
    // The recipe is the input itself; a test's own CHECK lines would match it.
    if (!recipe)
      for (auto model : module->getOps<tl::ask::ModelOp>())
        model.removeRecipeAttr();
    mlir::OpPrintingFlags flags;
    module->print(llvm::outs(), flags.enableDebugInfo(locations));
    llvm::outs() << "\n";
  }
  return true;
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  cl::ParseCommandLineOptions(argc, argv, "the frontend of tlc\n");
  auto file = llvm::MemoryBuffer::getFileOrSTDIN(input);
  if (!file) {
    llvm::errs() << "tl-translate: error: cannot read '" << input
                 << "': " << file.getError().message() << "\n";
    return 1;
  }
  FrontendOptions options{
      weights, {keep.begin(), keep.end()}, tl::onnxImporter()};
  llvm::StringRef text = (*file)->getBuffer();
  if (!split)
    return translate(text, options) ? 0 : 1;
  // Lines before a part become empty, so that its places stay true.
  bool good = true;
  constexpr llvm::StringLiteral kMarker = "\n// -----";
  for (size_t begin = 0; begin < text.size();) {
    size_t end = std::min(text.find(kMarker, begin), text.size());
    std::string part(text.take_front(begin).count('\n'), '\n');
    part += text.slice(begin, end);
    good &= translate(part, options);
    begin = end == text.size() ? end : end + kMarker.size();
  }
  return good ? 0 : 1;
}
