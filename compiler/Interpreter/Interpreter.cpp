// The interpreter's loop: binds inputs, finds the batch size, and evaluates
// operations in order. The formulas stand in Layers.cpp and Training.cpp.
#include "compiler/Interpreter/Interpreter.h"

#include "compiler/Interpreter/Evaluate.h"

using namespace mlir;

namespace tl {

namespace {
/// The shape of `type` for a batch; -1 as `batch` means it is not known.
FailureOr<SmallVector<int64_t>> shapeFor(Operation *op, Type type,
                                         int64_t batch) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor)
    return op->emitError() << "the interpreter works on tensors, found "
                           << type;
  SmallVector<int64_t> shape(tensor.getShape());
  for (auto [i, size] : llvm::enumerate(shape)) {
    if (!ShapedType::isDynamic(size))
      continue;
    if (i != 0)
      return op->emitError() << "only the batch may be dynamic, found " << type;
    if (batch < 0)
      return op->emitError("no input says how large the batch is");
    size = batch;
  }
  return shape;
}

/// The batch: the first dimension of each input whose type leaves it open.
FailureOr<int64_t> findBatch(Operation *parent, Block &block,
                             ArrayRef<NNValue> inputs) {
  int64_t batch = -1;
  for (auto [argument, input] : llvm::zip(block.getArguments(), inputs)) {
    auto type = dyn_cast<RankedTensorType>(argument.getType());
    if (!type || type.getRank() == 0 || !type.isDynamicDim(0) ||
        input.shape.empty())
      continue;
    if (batch >= 0 && input.shape[0] != batch)
      return parent->emitError() << "inputs must agree in their batch, found "
                                 << batch << " and " << input.shape[0];
    batch = input.shape[0];
  }
  return batch;
}

LogicalResult bindInputs(Operation *parent, Block &block,
                         ArrayRef<NNValue> inputs, int64_t batch,
                         Frame &frame) {
  for (auto [i, argument] : llvm::enumerate(block.getArguments())) {
    auto shape = shapeFor(parent, argument.getType(), batch);
    if (failed(shape))
      return failure();
    if (*shape != inputs[i].shape) {
      auto error = parent->emitError();
      error << "input " << i << " must be " << argument.getType()
            << ", found [";
      llvm::interleaveComma(inputs[i].shape, error);
      return error << "]";
    }
    frame.values[argument] = inputs[i];
  }
  return success();
}

/// Labels, ids and the step block are integers; only floats are rounded.
void roundToFloat(Operation *op, Frame &frame) {
  for (Value result : op->getResults())
    for (double &element : frame.values.find(result)->second.data)
      element = float(element);
}

LogicalResult evaluateGet(nn::GetOp op, Frame &frame,
                          const llvm::StringMap<NNValue> &parameters) {
  auto found = parameters.find(op.getParameter());
  if (found == parameters.end())
    return op.emitError() << "parameter " << op.getParameterAttr()
                          << " has no value";
  NNValue &result = frame.result(op);
  if (found->second.shape != result.shape)
    return op.emitError() << "the value of parameter " << op.getParameterAttr()
                          << " does not have the shape of " << op.getType();
  result = found->second;
  return success();
}

LogicalResult evaluate(Operation *op, Frame &frame,
                       llvm::StringMap<NNValue> &parameters) {
  if (auto get = dyn_cast<nn::GetOp>(op))
    return evaluateGet(get, frame, parameters);
  if (auto set = dyn_cast<nn::SetOp>(op)) {
    parameters[set.getParameter()] = frame[set.getValue()];
    return success();
  }
  if (isa<nn::Differentiable>(op))
    return evaluateLayer(op, frame);
  if (isa<nn::WinogradFilterOp, nn::WinogradConv2DOp>(op))
    return evaluateWinograd(op, frame);
  return evaluateTraining(op, frame);
}
} // namespace

FailureOr<std::vector<NNValue>> Interpreter::run(Block &block,
                                                 ArrayRef<NNValue> inputs) {
  Operation *parent = block.getParentOp();
  if (inputs.size() != block.getNumArguments())
    return parent->emitError() << "takes " << block.getNumArguments()
                               << " inputs, found " << inputs.size();
  auto batch = findBatch(parent, block, inputs);
  Frame frame;
  if (failed(batch) || failed(bindInputs(parent, block, inputs, *batch, frame)))
    return failure();
  for (Operation &op : block) {
    if (isa<func::ReturnOp, rt::ReturnOp>(op)) {
      std::vector<NNValue> results;
      for (Value value : op.getOperands())
        results.push_back(frame[value]);
      return results;
    }
    for (Value result : op.getResults()) {
      auto shape = shapeFor(&op, result.getType(), *batch);
      if (failed(shape))
        return failure();
      frame.values[result] = NNValue(*shape);
    }
    if (failed(evaluate(&op, frame, parameters)))
      return failure();
    if (options.roundToFloat)
      roundToFloat(&op, frame);
  }
  return parent->emitError("the body does not end with a return");
}

FailureOr<std::vector<NNValue>> Interpreter::run(func::FuncOp function,
                                                 ArrayRef<NNValue> inputs) {
  if (!function.getBody().hasOneBlock())
    return function.emitError("the interpreter runs functions of one block");
  return run(function.getBody().front(), inputs);
}

FailureOr<std::vector<NNValue>> Interpreter::run(rt::KernelOp kernel,
                                                 ArrayRef<NNValue> inputs) {
  return run(*kernel.getBlock(), inputs);
}

} // namespace tl
