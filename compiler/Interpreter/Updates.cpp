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

LogicalResult evaluate(UpdateOp op, Frame &f) {
  schema::StepBlock block = stepBlock(f[op.getStep()]);
  StepScalars step{op.getRate() ? block.backboneRate : block.learningRate,
                   block.biasCorrection1, block.biasCorrection2,
                   block.emaMomentum};
  const NNValue &gradient = f[op.getGradient()];
  double scale = op.getScale() ? f[op.getScale()].data[0] : 1;
  for (size_t i = 0; i < gradient.data.size(); ++i) {
    double parameter = f[op.getParameter()].data[i];
    SmallVector<double> slots;
    for (Value slot : op.getSlots())
      slots.push_back(f[slot].data[i]);
    nn::evaluateUpdate(op.getOptimizer(), step, scale * gradient.data[i],
                       parameter, slots);
    f.result(op, 0).data[i] = parameter;
    for (auto [s, slot] : llvm::enumerate(slots))
      f.result(op, 1 + s).data[i] = slot;
  }
  return success();
}
} // namespace

LogicalResult evaluateUpdate(Operation *op, Frame &frame) {
  return TypeSwitch<Operation *, LogicalResult>(op)
      .Case<SumSquaresOp, ClipScaleOp, UpdateOp>(
          [&](auto update) { return evaluate(update, frame); });
}

} // namespace tl
