// The formulas of clipping and of optimizer updates (dialects/NN/
// NNTrainingOps.td), one function each. The rules themselves stand in
// dialects/NN/Optimizers.cpp.
#include "compiler/Interpreter/Evaluate.h"

#include "dialects/NN/Optimizers.h"
#include "dialects/NN/Storage.h"
#include "runtime/schema/WeightForm.h"
#include "llvm/ADT/TypeSwitch.h"

#include <algorithm>
#include <cmath>

using namespace mlir;
using namespace tl::nn;

namespace tl {

namespace {
/// The one place where the interpreter asks how a value lies in memory: chunks
/// are of stored elements.
LogicalResult evaluate(SumSquaresOp op, Frame &f) {
  const NNValue &gradient = f[op.getGradient()];
  auto form =
      schema::Form(formOf(cast<RankedTensorType>(op.getGradient().getType())));
  auto shape =
      schema::formShape({gradient.shape.begin(), gradient.shape.end()});
  for (size_t i = 0; i < gradient.data.size(); ++i) {
    int64_t stored =
        schema::formIndex(form, shape, i / shape.outputs, i % shape.outputs);
    f.result(op).data[stored / kSumChunk] +=
        gradient.data[i] * gradient.data[i];
  }
  return success();
}

LogicalResult evaluate(ClipScaleOp op, Frame &f) {
  double sum = 0, most = op.getMaxNorm().convertToDouble();
  for (Value sums : op.getSums())
    for (double part : f[sums].data)
      sum += part;
  double norm = std::sqrt(sum);
  f.result(op).data[0] = op.getTorch() ? std::min(most / (norm + 1e-6), 1.0)
                                       : most / std::max(norm, most);
  return success();
}

/// By the unscaled `gradient`, one number an element of the parameter.
template <typename Update>
void apply(Update op, const std::vector<double> &gradient, Frame &f) {
  schema::StepBlock block = stepBlock(f[op.getStep()]);
  StepScalars step{op.getRate() ? block.backboneRate : block.learningRate,
                   block.biasCorrection1, block.biasCorrection2,
                   block.emaMomentum};
  for (size_t i = 0; i < gradient.size(); ++i) {
    double parameter = f[op.getParameter()].data[i];
    SmallVector<double> slots;
    for (Value slot : op.getSlots())
      slots.push_back(f[slot].data[i]);
    nn::evaluateUpdate(op.getOptimizer(), step, gradient[i], parameter, slots);
    f.result(op, 0).data[i] = parameter;
    for (auto [s, slot] : llvm::enumerate(slots))
      f.result(op, 1 + s).data[i] = slot;
  }
}

LogicalResult evaluate(UpdateOp op, Frame &f) {
  std::vector<double> gradient = f[op.getGradient()].data;
  if (op.getScale())
    for (double &element : gradient)
      element *= f[op.getScale()].data[0];
  apply(op, gradient, f);
  return success();
}

LogicalResult evaluate(DenseUpdateOp op, Frame &f) {
  const NNValue &x = f[op.getInput()], &dy = f[op.getGradient()];
  int64_t rows = x.shape[1], columns = dy.shape[1];
  std::vector<double> gradient(rows * columns);
  for (int64_t n = 0; n < x.shape[0]; ++n)
    for (int64_t k = 0; k < rows; ++k)
      for (int64_t m = 0; m < columns; ++m)
        gradient[k * columns + m] +=
            x.data[n * rows + k] * dy.data[n * columns + m];
  apply(op, gradient, f);
  return success();
}
} // namespace

LogicalResult evaluateUpdate(Operation *op, Frame &frame) {
  return TypeSwitch<Operation *, LogicalResult>(op)
      .Case<SumSquaresOp, ClipScaleOp, UpdateOp, DenseUpdateOp>(
          [&](auto update) { return evaluate(update, frame); });
}

} // namespace tl
