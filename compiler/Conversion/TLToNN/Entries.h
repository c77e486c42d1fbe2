// Writes the entry points of a model into its module: extract, predict,
// evaluate, train_step, tap. Each is a function that starts at the pixels or at
// a cut and holds the part of the network that its outputs need.
#pragma once

#include "compiler/Conversion/TLToNN/Cuts.h"
#include "compiler/Conversion/TLToNN/Trainability.h"

namespace tl {

class EntryWriter {
public:
  EntryWriter(mlir::ModuleOp module, ask::ModelOp model, const Network &network,
              const Cuts &cuts, const Trainability &trainability)
      : module(module), model(model), network(network), cuts(cuts),
        trainability(trainability), builder(module.getContext()) {}

  /// Pixels to `values`. `phase`: no parameter that this phase or one before it
  /// trains may be read; none: no trained parameter at all.
  void extract(llvm::StringRef name, llvm::ArrayRef<mlir::Value> values,
               std::optional<int64_t> phase);
  void predict();
  void evaluate(const Cut &cut);
  void trainStep(ask::PhaseOp phase, int64_t index);
  /// Pixels to one value.
  void tap(llvm::StringRef name, mlir::Value value);

private:
  using Named = std::pair<std::string, mlir::Value>;
  using NamedType = std::pair<std::string, mlir::Type>;

  mlir::func::FuncOp begin(const llvm::Twine &name, llvm::StringRef kind,
                           llvm::ArrayRef<NamedType> inputs);
  void finish(mlir::func::FuncOp function, llvm::ArrayRef<Named> outputs);
  llvm::SmallVector<NamedType> inputs(const Cut &cut);
  NamedType vector(llvm::StringRef name, mlir::Type element);
  mlir::Value input(mlir::func::FuncOp function, llvm::StringRef name);
  /// The logits, from a cut that is the function's first inputs.
  mlir::Value logits(mlir::func::FuncOp function, const Cut &cut);
  mlir::Value scores(mlir::Value logits);
  mlir::Value loss(mlir::func::FuncOp function, mlir::Value logits);
  void trainBatchNorms(mlir::func::FuncOp function, int64_t phase);

  mlir::ModuleOp module;
  ask::ModelOp model;
  const Network &network;
  const Cuts &cuts;
  const Trainability &trainability;
  mlir::OpBuilder builder;
};

} // namespace tl
