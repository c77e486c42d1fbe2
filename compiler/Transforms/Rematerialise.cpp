// Saves memory of training steps with a little arithmetic; Passes.td says when
// and why. What it saves is judged by a plain count: bytes of one picture that
// are alive at each operation. The memory plan decides later what really
// shares memory, but it cannot do better than that count.
#include "compiler/Transforms/Passes.h"
#include "dialects/NN/Storage.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;

namespace tl {
#define GEN_PASS_DEF_REMATERIALISE
#include "compiler/Transforms/Passes.h.inc"

namespace {

/// Longest chain of operations that is run again for one value.
constexpr unsigned kMaxChain = 3;

/// One number a picture (its id, its label) may be kept for longer.
constexpr int64_t kFree = 4;

bool isCheap(Operation *op) {
  return isa_and_nonnull<nn::ActivationOp, nn::BatchNormOp, nn::AddOp,
                         nn::MultiplyOp, nn::ScaleChannelsOp, nn::PadOp,
                         nn::SliceOp, nn::PadChannelsOp, nn::ReshapeOp,
                         nn::DropoutOp>(op);
}

/// Bytes of one picture; 0 for weights and whatever the batch shares.
int64_t pictureBytes(Value value) {
  nn::Storage storage = nn::storageOf(cast<RankedTensorType>(value.getType()));
  return storage.perPicture ? storage.bytes : 0;
}

class StepRematerialiser {
public:
  explicit StepRematerialiser(func::FuncOp step) : block(step.front()) {}

  void run() {
    SmallVector<Value> candidates;
    number();
    for (Operation &op : block) {
      if (&op == backward)
        break;
      if (isCheap(&op) && pictureBytes(op.getResult(0)) &&
          firstBackwardUse(op.getResult(0)))
        candidates.push_back(op.getResult(0));
    }
    for (Value value : candidates)
      recompute(value);
  }

private:
  /// Numbers the operations, and finds where the backward pass begins: at the
  /// gradient of the loss.
  void number() {
    positions.clear();
    backward = nullptr;
    for (Operation &op : block) {
      if (!backward &&
          isa<nn::SoftmaxCrossEntropyGradOp, nn::SigmoidCrossEntropyGradOp>(op))
        backward = &op;
      positions[&op] = int64_t(positions.size());
    }
  }

  int64_t at(Operation *op) const { return positions.lookup(op); }

  bool inBackward(Operation *op) const {
    return backward && at(op) >= at(backward);
  }

  /// The first reader behind the loss; null where there is none, or where the
  /// step gives the value to its caller and so keeps it to the end.
  Operation *firstBackwardUse(Value value) const {
    Operation *first = nullptr;
    for (Operation *user : value.getUsers()) {
      if (user == block.getTerminator())
        return nullptr;
      if (inBackward(user) && (!first || at(user) < at(first)))
        first = user;
    }
    return first;
  }

  int64_t lastUse(Value value) const {
    int64_t last = -1;
    for (Operation *user : value.getUsers())
      last = std::max(last, at(user));
    return last;
  }

  /// The most bytes of a picture alive at one operation.
  int64_t peak() const {
    SmallVector<int64_t> change(positions.size() + 1);
    auto live = [&](Value value, int64_t from) {
      int64_t bytes = pictureBytes(value), last = lastUse(value);
      if (!bytes || last < from)
        return;
      change[from] += bytes;
      change[last + 1] -= bytes;
    };
    for (Value argument : block.getArguments())
      live(argument, 0);
    for (Operation &op : block)
      for (Value result : op.getResults())
        live(result, at(&op));
    int64_t now = 0, most = 0;
    for (int64_t difference : change)
      most = std::max(most, now += difference);
    return most;
  }

  /// Collects what must run again to have `value` at `place`, operands first.
  /// Fails where that needs a value that is neither kept until there nor cheap.
  bool chain(Value value, int64_t place, SmallVectorImpl<Operation *> &ops) {
    Operation *op = value.getDefiningOp();
    if (!isCheap(op) || ops.size() >= kMaxChain)
      return false;
    for (Value operand : op->getOperands())
      if (pictureBytes(operand) > kFree && lastUse(operand) < place &&
          !chain(operand, place, ops))
        return false;
    if (!llvm::is_contained(ops, op))
      ops.push_back(op);
    return ops.size() <= kMaxChain;
  }

  /// Runs the chain again before the first gradient that reads `value`, if
  /// that lowers the peak.
  void recompute(Value value) {
    Operation *first = firstBackwardUse(value);
    SmallVector<Operation *> ops;
    if (!chain(value, at(first), ops))
      return;
    int64_t before = peak();
    OpBuilder builder(first);
    IRMapping mapping;
    SmallVector<Operation *> clones;
    for (Operation *op : ops)
      clones.push_back(builder.clone(*op, mapping));
    Value again = mapping.lookup(value);
    // Clones have no number yet: only gradients are redirected.
    value.replaceUsesWithIf(again, [&](OpOperand &use) {
      return positions.contains(use.getOwner()) && inBackward(use.getOwner());
    });
    number();
    if (peak() < before) {
      for (Operation *op : llvm::reverse(ops))
        if (op->use_empty())
          op->erase();
      number();
      return;
    }
    again.replaceAllUsesWith(value);
    for (Operation *clone : llvm::reverse(clones))
      clone->erase();
    number();
  }

  Block &block;
  Operation *backward = nullptr;
  llvm::DenseMap<Operation *, int64_t> positions;
};

struct Rematerialise : impl::RematerialiseBase<Rematerialise> {
  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      auto entry = function->getAttrOfType<StringAttr>(nn::kEntryAttr);
      if (entry && entry.getValue() == "train_step")
        StepRematerialiser(function).run();
    }
  }
};
} // namespace
} // namespace tl
