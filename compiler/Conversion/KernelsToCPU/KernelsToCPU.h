// From an rt.kernel to LLVM's dialect: one module with one function a kernel,
// in the shape that runtime/schema/KernelAbi.h says.
#pragma once

#include "compiler/Conversion/KernelsToCPU/KernelBuilder.h"
#include "dialects/RT/RT.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace tl::cpu {

struct KernelModule {
  mlir::OwningOpRef<mlir::ModuleOp> module;
  rt::GridAttr grid;
  Form form;
};

/// Every dialect and translation that emission, lowering and translation to
/// LLVM IR use. Call on the registry of the context that holds the program.
void registerCpuDialects(mlir::DialectRegistry &registry);

/// Loads those dialects; needed once before kernels are lowered in parallel.
void loadCpuDialects(mlir::MLIRContext &context);

/// The code of one kernel as scf, vector and arith operations. A kernel whose
/// operation has no emitter, or a shape that its emitter cannot do, is an
/// error at the operation.
llvm::FailureOr<KernelModule> emitKernel(rt::KernelOp kernel, const Isa &isa);

/// Lowers what `emitKernel` made to the LLVM dialect.
mlir::LogicalResult lowerKernel(mlir::ModuleOp module);

} // namespace tl::cpu
