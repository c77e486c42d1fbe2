// The reference interpreter of the NN dialect: the oracle of every kernel,
// pass and gradient rule. It is as plain as can be: naive loops over the
// formulas of NNOps.td and NNTrainingOps.td, sums in double, one value at a
// time. Encodings (halos, storage forms) change no value and are ignored.
#pragma once

#include "compiler/Interpreter/Value.h"
#include "dialects/RT/RT.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/StringMap.h"

namespace tl {

class Interpreter {
public:
  struct Options {
    /// Rounds every operation's result to f32, as kernels that store their
    /// results do. Without it values stay double from end to end.
    bool roundToFloat = false;
  };

  Interpreter() = default;
  explicit Interpreter(Options options) : options(options) {}

  /// Values of `nn.parameter` symbols: nn.get reads them, nn.set writes them.
  llvm::StringMap<NNValue> parameters;

  /// Runs a block (of a function or an rt.kernel) and gives the operands of
  /// its last operation, a func.return or rt.return. The batch size is the
  /// first dimension of the inputs whose type leaves it open. Fails with a
  /// diagnostic where an input does not fit its type, an operation is not of
  /// the NN dialect, a parameter has no value or a label is out of range.
  mlir::FailureOr<std::vector<NNValue>> run(mlir::Block &block,
                                            llvm::ArrayRef<NNValue> inputs);
  mlir::FailureOr<std::vector<NNValue>> run(mlir::func::FuncOp function,
                                            llvm::ArrayRef<NNValue> inputs);
  mlir::FailureOr<std::vector<NNValue>> run(rt::KernelOp kernel,
                                            llvm::ArrayRef<NNValue> inputs);

private:
  Options options;
};

} // namespace tl
