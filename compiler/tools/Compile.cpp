// From options to a Compilation, and through the pipeline.
#include "compiler/tools/Compile.h"

#include "compiler/Pipeline/Register.h"
#include "compiler/tools/Diagnostics.h"
#include "compiler/tools/ExpectedTensors.h"
#include "compiler/tools/Explain.h"
#include "compiler/tools/ImportOnnx.h"
#include "compiler/tools/ListBackbones.h"
#include "compiler/tools/LoadWeights.h"
#include "compiler/tools/PlanSummary.h"
#include "compiler/tools/Summary.h"
#include "frontends/tl/Frontend.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;

namespace tl {
namespace {

LogicalResult parseModel(Compilation &c, const CompileOptions &options,
                         MLIRContext &context) {
  frontend::FrontendOptions frontendOptions;
  frontendOptions.keep = options.keep;
  frontendOptions.importOnnx = onnxImporter();
  c.module = frontend::loadModel(options.model, frontendOptions, context);
  if (!c.module)
    return failure();
  return success();
}

/// Opens what --weights, or else the recipe, says.
FailureOr<WeightOrigin> openWeights(ask::ModelOp model, StringRef option) {
  ask::BackboneOp backbone = model.getBackbone();
  WeightOrigin origin;
  StringRef path = option.empty() ? backbone.getWeights().value_or("") : option;
  if (path.empty()) {
    backbone.emitError() << "backbone '" << backbone.getName()
                         << "' has no weights: write `weights \"FILE\"` in it, "
                            "or pass --weights FILE or --weights random:SEED; "
                            "only `freeze none` trains without";
    return failure();
  }
  StringRef seed = path;
  if (seed.consume_front("random:")) {
    uint64_t value;
    if (seed.getAsInteger(10, value)) {
      emitError(UnknownLoc::get(backbone.getContext()))
          << "expected a whole number after 'random:', found '" << seed << "'";
      return failure();
    }
    origin.seed = value;
    return origin;
  }
  auto file = isOnnxWeights(backbone, path)
                  ? openOnnxWeights(model, path)
                  : weights::openWeightSource(path.str());
  if (!file) {
    if (option.empty())
      backbone.emitError() << file.message();
    else
      emitError(UnknownLoc::get(backbone.getContext())) << file.message();
    return failure();
  }
  origin.file = std::move(*file);
  return origin;
}

/// A network that trains from its first step on needs no file: it starts from
/// initial values, drawn with the run's seed.
bool startsFromScratch(ask::BackboneOp backbone, StringRef option) {
  return option.empty() && !backbone.getWeights() &&
         backbone.getFrozen().empty();
}

LogicalResult loadPhase(Compilation &c, const CompileOptions &options) {
  for (auto model : c.module->getOps<ask::ModelOp>()) {
    ask::BackboneOp backbone = model.getBackbone();
    if (startsFromScratch(backbone, options.weights)) {
      recordSources(model, std::nullopt);
      continue;
    }
    auto origin = openWeights(model, options.weights);
    if (failed(origin))
      return failure();
    std::optional<weights::Convention> convention;
    if (origin->file)
      convention = origin->file->convention();
    recordSources(model, convention);
    if (failed(loadWeights(*c.module, *origin)))
      return failure();
  }
  // Reading .h5 forks; only now may threads start.
  c.module->getContext()->enableMultithreading();
  return success();
}

LogicalResult chooseTargets(Compilation &c, const CompileOptions &options,
                            DiagnosticPrinter &printer) {
  std::vector<std::string> names = options.targets;
  if (names.empty())
    names = {"x86-64-v3", "x86-64-v4"};
  for (std::string name : names) {
    std::replace(name.begin(), name.end(), '-', '_');
    const cpu::Isa *isa = cpu::findIsa(name);
    if (!isa) {
      printer.error("no target '" + llvm::Twine(name) +
                    "'; targets are x86-64, x86-64-v3 and x86-64-v4");
      return failure();
    }
    if (!llvm::is_contained(c.targets, isa))
      c.targets.push_back(isa);
  }
  return success();
}

LogicalResult checkUsage(const CompileOptions &options,
                         DiagnosticPrinter &printer) {
  if (options.model.empty()) {
    printer.error("expected a recipe: tlc MODEL.tl -o OUT.bin");
    return failure();
  }
  StringRef stop = options.pipeline.stopAfter;
  if (!stop.empty() && llvm::none_of(phases(), [&](const Phase &phase) {
        return phase.name == stop;
      })) {
    printer.error("no phase '" + stop + "'; --list-phases prints their names");
    return failure();
  }
  if (options.output.empty() && stop.empty() && !options.summary &&
      !options.explain) {
    printer.error("expected -o OUT.bin, --emit=PHASE, --summary or --explain");
    return failure();
  }
  if (options.json && !options.explain) {
    printer.error("--json says how --explain or --list-backbones prints: give "
                  "it with one of them");
    return failure();
  }
  // The file is renamed into place: that must not replace a device or a pipe.
  llvm::sys::fs::file_status there;
  if (!options.output.empty() &&
      !llvm::sys::fs::status(options.output, there) &&
      !llvm::sys::fs::is_regular_file(there)) {
    printer.error("cannot write '" + llvm::Twine(options.output) +
                  "': it is there and no regular file");
    return failure();
  }
  if (!options.output.empty() &&
      llvm::sys::fs::equivalent(options.output, options.model)) {
    printer.error("the output would overwrite the recipe '" +
                  llvm::Twine(options.model) + "'");
    return failure();
  }
  return success();
}

/// A copy of the program with its memory planned, for what it costs. Weights do
/// not matter for that: any will do.
FailureOr<OwningOpRef<ModuleOp>> planCopy(ModuleOp module) {
  Compilation plan;
  plan.parse = [&](Compilation &c) {
    c.module = module.clone();
    return success();
  };
  plan.load = [](Compilation &c) {
    WeightOrigin anySeed;
    anySeed.seed = 0;
    return loadWeights(*c.module, anySeed);
  };
  PipelineOptions planned;
  planned.stopAfter = "plan-memory";
  if (failed(runPipeline(plan, planned, llvm::nulls())))
    return failure();
  return std::move(plan.module);
}

/// What --summary and --explain say.
LogicalResult printFacts(const CompileOptions &options, Compilation &c) {
  if (options.summary)
    printSummary(*c.module, llvm::outs());
  bool trains = llvm::any_of(c.module->getOps<ask::ModelOp>(),
                             [](ask::ModelOp m) { return bool(m.getTrain()); });
  if (!options.explain && !trains)
    return success();
  auto planned = planCopy(*c.module);
  if (failed(planned))
    return failure();
  if (options.summary)
    printPlan(**planned, llvm::outs());
  if (!options.explain)
    return success();
  auto entries = explain(**planned, c.targets);
  if (failed(entries))
    return failure();
  (options.json ? printJson : printText)(*entries, llvm::outs());
  return success();
}

LogicalResult run(const CompileOptions &options, MLIRContext &context,
                  DiagnosticPrinter &printer) {
  Compilation c;
  if (failed(checkUsage(options, printer)) ||
      failed(chooseTargets(c, options, printer)))
    return failure();
  c.output = options.output;
  c.parse = [&](Compilation &c) { return parseModel(c, options, context); };
  c.load = [&](Compilation &c) { return loadPhase(c, options); };
  if (options.summary || options.explain) {
    if (failed(c.parse(c)) || failed(printFacts(options, c)))
      return failure();
    if (options.output.empty() && options.pipeline.stopAfter.empty())
      return success();
  }
  return runPipeline(c, options.pipeline, llvm::outs());
}
} // namespace

int compile(const CompileOptions &options) {
  if (options.listPhases) {
    for (const Phase &phase : phases())
      llvm::outs() << llvm::formatv("{0,-14} {1}\n", phase.name, phase.promise);
    return 0;
  }
  DialectRegistry registry;
  registerAllDialects(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  context.loadAllAvailableDialects();
  context.printOpOnDiagnostic(false); // the user's file is the source, not IR
  DiagnosticPrinter printer(&context, llvm::errs());
  // A built-in backbone that does not elaborate is our bug.
  if (options.listBackbones)
    return printBackbones(context, options.json, llvm::outs()) ? 0 : 2;
  if (succeeded(run(options, context, printer)))
    return 0;
  return printer.sawInternalError() ? 2 : 1;
}

} // namespace tl
