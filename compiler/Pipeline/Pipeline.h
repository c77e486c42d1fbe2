// The compiler, top to bottom: a table of phases and the loop that runs it.
// Everything that can be asked about phases (`--emit`, `--list-phases`,
// `--dump-phases`, `--timing`) is a walk over the same table.
#pragma once

#include "compiler/Conversion/KernelsToCPU/Isa.h"
#include "compiler/Target/CodeImage.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

#include <functional>
#include <string>
#include <vector>

namespace tl {

/// What is being compiled, handed from phase to phase.
struct Compilation {
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::vector<const cpu::Isa *> targets; ///< of the cpu phase
  std::vector<CodeImage> images;         ///< made by the cpu phase
  std::string output;                    ///< model.bin
  std::function<llvm::LogicalResult(Compilation &)> parse; ///< frontend
  std::function<llvm::LogicalResult(Compilation &)> load;  ///< weights
};

struct Phase {
  llvm::StringLiteral name;
  llvm::StringLiteral promise; ///< what holds after it
  llvm::LogicalResult (*run)(Compilation &);
  /// Verifies the promise beyond what the IR's verifiers do; may be null.
  llvm::LogicalResult (*check)(Compilation &);
};

/// The table, in order.
llvm::ArrayRef<Phase> phases();

struct PipelineOptions {
  std::string stopAfter;  ///< a phase's name: print the IR after it and stop
  std::string dumpFolder; ///< write the IR after each phase there
  bool timing = false;    ///< report seconds a phase on stderr
};

/// Runs the phases. With `stopAfter` the IR goes to `os`. Errors are
/// diagnostics; an unknown phase name is one too.
llvm::LogicalResult runPipeline(Compilation &compilation,
                                const PipelineOptions &options,
                                llvm::raw_ostream &os);

} // namespace tl
