// One walk in order: what is frozen; then what crosses. See the header.
#include "compiler/Analysis/Frontier.h"

using namespace mlir;

namespace tl {

Frontier::Frontier(Block &block, function_ref<bool(nn::GetOp)> isTrained,
                   function_ref<bool(nn::DropoutOp)> drops,
                   ArrayRef<Operation *> rest) {
  frozen.insert(block.args_begin(), block.args_end());
  auto isFrozenOp = [&](Operation &op) {
    if (llvm::is_contained(rest, &op))
      return false;
    if (auto get = dyn_cast<nn::GetOp>(op))
      return !isTrained(get);
    if (auto dropout = dyn_cast<nn::DropoutOp>(op); dropout && drops(dropout))
      return false;
    return llvm::all_of(op.getOperands(),
                        [&](Value v) { return frozen.contains(v); });
  };
  for (Operation &op : block.without_terminator())
    if (isFrozenOp(op))
      frozen.insert(op.result_begin(), op.result_end());

  llvm::DenseSet<Value> read;
  for (Operation &op : block.without_terminator())
    if (op.getNumResults() && !frozen.contains(op.getResult(0)))
      read.insert(op.operand_begin(), op.operand_end());
  auto add = [&](Value value) {
    if (frozen.contains(value) && read.contains(value) &&
        !value.getDefiningOp<nn::GetOp>())
      crossing.insert(value);
  };
  llvm::for_each(block.getArguments(), add);
  for (Operation &op : block.without_terminator())
    llvm::for_each(op.getResults(), add);
}

} // namespace tl
