// All kernels of a program as machine code of one ISA: a flat image that runs
// at any address once it is copied into executable memory. It imports nothing,
// has no relocations and no writable data; what would break that is an error
// here, never a surprise at run time.
#pragma once

#include "compiler/Conversion/KernelsToCPU/KernelsToCPU.h"

#include <string>
#include <vector>

namespace tl {

struct CodeImage {
  struct Kernel {
    std::string name;
    uint64_t offset; ///< entry point, bytes from the start of the image
    rt::GridAttr grid;
    uint64_t fingerprint; ///< of what the code was made from; never 0
  };

  std::string isa;             ///< Isa::name
  std::vector<uint8_t> bytes;  ///< to be placed at a multiple of 4096
  std::vector<Kernel> kernels; ///< in the order of the program
};

/// Stages of code generation that can be shown (`tlc --emit`).
enum class CodeStage { Vector, Llvm, LlvmOptimized, Assembly };

/// Compiles every rt.kernel of `program`, several at a time where the context
/// allows threads. The context must know `cpu::registerCpuDialects`. Errors are
/// diagnostics at the kernel's operation.
llvm::FailureOr<CodeImage> compileKernels(mlir::ModuleOp program,
                                          const cpu::Isa &isa);

/// The text of one stage of one kernel.
llvm::FailureOr<std::string> printKernel(rt::KernelOp kernel,
                                         const cpu::Isa &isa, CodeStage stage);

} // namespace tl
