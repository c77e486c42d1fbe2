// tl-opt: reads IR, runs passes by their flags, prints IR; for tests.
#include "compiler/Pipeline/Register.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  tl::registerAllDialects(registry);
  tl::registerAllPasses();
  return mlir::asMainReturnCode(mlir::MlirOptMain(
      argc, argv, "optimiser of the transfer learning compiler\n", registry));
}
