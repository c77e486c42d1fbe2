// One sum over a call's buffers; see the header.
#include "compiler/Analysis/Traffic.h"

#include "dialects/NN/Storage.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;

namespace tl {

static nn::Storage storageOf(Value buffer) {
  return nn::storageOf(cast<rt::BufferType>(buffer.getType()).getTensor());
}

Traffic trafficOf(rt::CallOp call) {
  auto kernel = SymbolTable::lookupNearestSymbolFrom<rt::KernelOp>(
      call, call.getKernelAttr());
  Traffic traffic;
  llvm::SetVector<Value> inputs(call.getInputs().begin(),
                                call.getInputs().end());
  // Of its third operand only the batch's size is read.
  if (isa<nn::MovingAverageOp>(kernel.getComputation()))
    inputs.remove(call.getInputs()[2]);
  for (Value input : inputs) {
    nn::Storage storage = storageOf(input);
    (storage.perPicture ? traffic.read : traffic.shared) += storage.bytes;
  }
  auto write = [&](Value output) {
    nn::Storage storage = storageOf(output);
    (storage.perPicture ? traffic.written : traffic.shared) += storage.bytes;
  };
  llvm::for_each(call.getOutputs(), write);
  for (unsigned i : llvm::seq<unsigned>(kernel.getReturned().size()))
    if (int64_t argument = kernel.getInPlaceArgument(i); argument >= 0)
      write(call.getInputs()[argument]);
  return traffic;
}

} // namespace tl
