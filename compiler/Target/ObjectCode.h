// One kernel from LLVM's dialect to an object file or assembly.
#pragma once

#include "compiler/Conversion/KernelsToCPU/Isa.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/SmallVector.h"

#include <string>

namespace tl {

using ObjectBytes = llvm::SmallVector<char, 0>;

/// Translates, optimises (O3) and generates code. Thread-safe for distinct
/// modules. Errors are diagnostics at the module.
llvm::FailureOr<ObjectBytes> makeObject(mlir::ModuleOp lowered,
                                        const cpu::Isa &isa);

/// The same way, stopped at a text.
enum class ObjectText { Llvm, LlvmOptimized, Assembly };
llvm::FailureOr<std::string> printObject(mlir::ModuleOp lowered,
                                         const cpu::Isa &isa, ObjectText stage);

} // namespace tl
