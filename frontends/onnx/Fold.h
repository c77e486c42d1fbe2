// Nodes whose inputs are all constants, computed when the model is compiled:
// what exporters write to find out shapes, and arithmetic on weights.
#pragma once

#include "frontends/onnx/Node.h"

namespace tl::onnx {

/// How much folding may produce in all: a small file must not ask for much
/// work or memory.
struct FoldBudget {
  int64_t elements = int64_t(1) << 27;

  bool spend(int64_t count) {
    if (count < 0 || count > elements)
      return false;
    elements -= count;
    return true;
  }
};

/// An operand's constant, or null for one that is left out.
using ConstantOperands = std::vector<const Constant *>;

struct FoldContext {
  const Node &node;
  const ConstantOperands &operands;
  int64_t opset;
  /// The extent that stands for the batch: an `Expand` to it stays 1.
  int64_t batch;
  FoldBudget &budget;
  std::shared_ptr<const Model> model;
  ExternalFiles &external;

  const Constant *operand(size_t i) const {
    return i < operands.size() ? operands[i] : nullptr;
  }
};

/// True for an operator that can be folded.
bool isFoldable(llvm::StringRef op);

/// One constant an output.
Result<std::vector<Constant>> fold(const FoldContext &context);

// FoldShapes.cpp: operators that move values without computing.
using FoldRule = Result<std::vector<Constant>> (*)(const FoldContext &);
FoldRule findShapeRule(llvm::StringRef op);

/// The integers of a constant: an error for other types, and for more than
/// `most`.
Result<std::vector<int64_t>> readIntegers(const Node &node,
                                          const Constant &constant,
                                          size_t most = kHighestRank);

/// The axes of an operator that takes them as an attribute or, from some
/// version on, as an input; negative ones made positive. Nothing if absent.
Result<std::optional<std::vector<size_t>>>
readAxes(const Node &node, const Constant *operand, size_t rank);
/// One axis, made positive.
Result<size_t> readAxis(const Node &node, int64_t axis, size_t rank);

/// The values of a constant with its elements in another order: element i of
/// the result is element `from(i)`.
Result<Constant> gathered(const FoldContext &context, const Constant &constant,
                          Extents shape,
                          llvm::function_ref<int64_t(int64_t)> from);

/// The shape that `Reshape` makes of one with so many elements: 0 copies, -1 is
/// what remains.
Result<Extents> resolveReshape(const Node &node, const Extents &from,
                               const std::vector<int64_t> &wanted);

/// Row-major index to coordinates and back.
Extents coordinates(int64_t index, const Extents &shape);
/// Dimensions of extent 1 repeat; missing ones are in front.
int64_t broadcastIndex(const Extents &at, const Extents &shape);

} // namespace tl::onnx
