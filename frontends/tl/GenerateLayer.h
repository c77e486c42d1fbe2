// One layer of the list as a `tl.layer` with NN operations in it, and its
// parameters.
#pragma once

#include "dialects/TL/TL.h"
#include "frontends/tl/Network.h"

#include "mlir/IR/Builders.h"

namespace tl::frontend {

class LayerGenerator {
public:
  explicit LayerGenerator(mlir::OpBuilder &builder) : b(builder) {}

  /// f32, the batch in front.
  mlir::RankedTensorType tensorType(llvm::ArrayRef<int64_t> shape);
  /// The layer's `nn.parameter`s, each with a random stream of its own.
  void parameters(const Layer &layer, std::optional<int64_t> firstPhase);
  ask::LayerOp layer(const Layer &layer, int64_t index,
                     mlir::ValueRange inputs);

private:
  mlir::Value compute(const Layer &layer, mlir::ValueRange inputs,
                      mlir::Location loc);
  mlir::Value convolution(const Layer &layer, mlir::Value input,
                          mlir::Location loc);
  mlir::Value pool(const Layer &layer, mlir::Value input, mlir::Location loc);
  mlir::Value slice(const Layer &layer, mlir::Value input, mlir::Location loc);
  mlir::Value scaleShift(const Layer &layer, mlir::Value input,
                         mlir::Location loc);
  // GenerateTokenLayer.cpp
  mlir::Value tokenLayer(const Layer &layer, mlir::Value input,
                         mlir::Location loc);
  mlir::Value attend(const Layer &layer, mlir::Value qkv, mlir::Location loc);
  mlir::Value attention(const Layer &layer, mlir::Value input,
                        mlir::Location loc);
  mlir::Value oneOfTokens(const Layer &layer, mlir::Value input,
                          mlir::Location loc);
  mlir::Value batchNorm(const Layer &layer, mlir::Value input,
                        mlir::Location loc);
  mlir::Value activate(const Activation &activation, mlir::Value input,
                       mlir::Location loc);
  mlir::Value get(const Layer &layer, const Parameter &parameter,
                  mlir::Location loc);

  mlir::OpBuilder &b;
  int64_t stream = 0, dropouts = 0;
};

} // namespace tl::frontend
