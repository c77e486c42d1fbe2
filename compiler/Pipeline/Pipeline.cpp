// The table of phases. Read it top to bottom: it is the compiler.
#include "compiler/Pipeline/Pipeline.h"

#include "compiler/Pipeline/Checks.h"
#include "compiler/Target/Container.h"
#include "compiler/Transforms/Passes.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"

#include <chrono>

using namespace mlir;

namespace tl {
namespace {

/// Runs passes on the compilation's module.
LogicalResult runPasses(Compilation &compilation,
                        llvm::function_ref<void(PassManager &)> build) {
  PassManager passes(compilation.module->getContext());
  build(passes);
  return passes.run(*compilation.module);
}

LogicalResult parse(Compilation &c) { return c.parse(c); }

LogicalResult load(Compilation &c) { return c.load(c); }

LogicalResult planPhases(Compilation &c) {
  return runPasses(
      c, [](PassManager &passes) { passes.addPass(createConvertTLToNN()); });
}

LogicalResult fold(Compilation &c) {
  return runPasses(c, [](PassManager &passes) {
    passes.addPass(createFoldDropout());
    passes.addPass(createFoldBatchNorm());
    passes.addPass(createDropUnusedParameters());
  });
}

LogicalResult differentiate(Compilation &c) {
  return runPasses(
      c, [](PassManager &passes) { passes.addPass(createDifferentiate()); });
}

LogicalResult fuse(Compilation &c) {
  return runPasses(c, [](PassManager &passes) {
    passes.addPass(createFuseActivations());
    passes.addPass(createFuseResiduals());
    passes.addPass(createFusePadding());
    passes.addPass(createCSEPass());
    passes.addPass(createRematerialise());
    passes.addPass(createAdvanceUpdates());
    passes.addPass(createFuseUpdates());
  });
}

LogicalResult layout(Compilation &c) {
  return runPasses(c, [](PassManager &passes) {
    passes.addPass(createUseWinograd());
    passes.addPass(createFusePools());
    passes.addPass(createAssignLayouts());
  });
}

LogicalResult kernels(Compilation &c) {
  return runPasses(
      c, [](PassManager &passes) { passes.addPass(createConvertNNToRT()); });
}

LogicalResult planMemory(Compilation &c) {
  return runPasses(
      c, [](PassManager &passes) { passes.addPass(createPlanMemory()); });
}

LogicalResult cpu(Compilation &c) {
  for (const tl::cpu::Isa *isa : c.targets) {
    auto image = compileKernels(*c.module, *isa);
    if (failed(image))
      return failure();
    c.images.push_back(std::move(*image));
  }
  return success();
}

LogicalResult emit(Compilation &c) {
  return writeContainer(*c.module, c.images, c.output);
}

constexpr Phase kPhases[] = {
    {"parse", "every layer, shape and freeze range is resolved", parse,
     nullptr},
    {"load", "every frozen weight has values of the right shape", load,
     checkLoaded},
    {"plan-phases", "one function an entry point, cut at the frontier",
     planPhases, checkFrozen},
    {"fold", "no batch norm behind a frozen convolution, no idle dropout", fold,
     checkFolded},
    {"differentiate", "gradients and updates of trained parameters only",
     differentiate, checkDifferentiated},
    {"fuse",
     "activations, additions and padding inside the operations they belong "
     "to, updates right behind their gradients or one with them",
     fuse, checkFused},
    {"layout", "each halo and storage form is in its type", layout,
     checkLayout},
    {"kernels", "entry points are calls of outlined kernels", kernels,
     checkKernels},
    {"plan-memory", "every buffer has an offset; peak memory is known",
     planMemory, checkMemory},
    {"cpu", "one code image for each target", cpu, nullptr},
    {"emit", "model.bin is written", emit, nullptr},
};

void print(ModuleOp module, raw_ostream &os) {
  OpPrintingFlags flags;
  flags.elideLargeElementsAttrs(16).elideLargeResourceString(16);
  module.print(os, flags);
}

LogicalResult dump(Compilation &c, const Phase &phase, size_t index,
                   StringRef folder) {
  std::string path =
      llvm::formatv("{0}/{1:D2}-{2}.mlir", folder, index, phase.name);
  std::error_code error = llvm::sys::fs::create_directories(folder);
  llvm::raw_fd_ostream os(path, error);
  if (error)
    return emitError(UnknownLoc::get(c.module->getContext()))
           << "cannot write '" << path << "': " << error.message();
  print(*c.module, os);
  return success();
}

LogicalResult runPhase(Compilation &c, const Phase &phase) {
  if (failed(phase.run(c)) || failed(verify(*c.module)))
    return failure();
  return phase.check ? phase.check(c) : success();
}
} // namespace

ArrayRef<Phase> phases() { return kPhases; }

LogicalResult runPipeline(Compilation &c, const PipelineOptions &options,
                          raw_ostream &os) {
  for (auto [index, phase] : llvm::enumerate(phases())) {
    auto start = std::chrono::steady_clock::now();
    if (failed(runPhase(c, phase)))
      return failure();
    std::chrono::duration<double> seconds =
        std::chrono::steady_clock::now() - start;
    if (options.timing)
      llvm::errs() << llvm::formatv("{0,-14} {1:f3} s\n", phase.name,
                                    seconds.count());
    if (!options.dumpFolder.empty() &&
        failed(dump(c, phase, index, options.dumpFolder)))
      return failure();
    if (options.stopAfter == phase.name) {
      print(*c.module, os);
      return success();
    }
  }
  return success();
}

} // namespace tl
