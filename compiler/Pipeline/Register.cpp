// The one list of dialects and passes; see the header.
#include "compiler/Pipeline/Register.h"

#include "dialects/NN/NN.h"
#include "dialects/RT/RT.h"
#include "dialects/TL/TL.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/Transforms/Passes.h"

namespace tl {

void registerAllDialects(mlir::DialectRegistry &registry) {
  registry.insert<mlir::func::FuncDialect, nn::NNDialect, rt::RTDialect,
                  ask::TLDialect>();
}

void registerAllPasses() { mlir::registerTransformsPasses(); }

} // namespace tl
