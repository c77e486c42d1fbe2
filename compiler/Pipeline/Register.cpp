// The one list of dialects and passes; see the header.
#include "compiler/Pipeline/Register.h"

#include "compiler/Conversion/KernelsToCPU/KernelsToCPU.h"
#include "compiler/Transforms/Passes.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/Transforms/Passes.h"

namespace tl {

void registerAllDialects(mlir::DialectRegistry &registry) {
  registry.insert<mlir::func::FuncDialect, nn::NNDialect, rt::RTDialect,
                  ask::TLDialect>();
  cpu::registerCpuDialects(registry);
}

void registerAllPasses() {
  registerTLPasses();
  mlir::registerTransformsPasses();
}

} // namespace tl
