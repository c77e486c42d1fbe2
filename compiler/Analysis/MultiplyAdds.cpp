// One line an operation; see the header.
#include "compiler/Analysis/MultiplyAdds.h"

#include "dialects/NN/Winograd.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace tl {

/// Elements of a weight, or of one picture's value.
static uint64_t elements(Value value) {
  uint64_t count = 1;
  for (int64_t extent : cast<ShapedType>(value.getType()).getShape())
    count *= ShapedType::isDynamic(extent) ? 1 : uint64_t(extent);
  return count;
}

/// Places of one picture's value: elements without the channels.
static uint64_t places(Value value) {
  return elements(value) /
         uint64_t(cast<ShapedType>(value.getType()).getShape().back());
}

/// Each of the two products of attention: T x T x C.
static uint64_t tokenPairs(Value qkv) {
  ArrayRef<int64_t> shape = cast<ShapedType>(qkv.getType()).getShape();
  return uint64_t(shape[1]) * shape[1] * shape[2] / 3;
}

// A filter meets each output place once, forward and backward alike.
uint64_t multiplyAdds(Operation *op) {
  return llvm::TypeSwitch<Operation *, uint64_t>(op)
      .Case([](nn::Conv2DOp conv) {
        return places(conv.getResult()) * elements(conv.getFilter());
      })
      // As the convolution that it stands for, so that rates compare.
      .Case([](nn::WinogradConv2DOp conv) {
        uint64_t map = uint64_t(conv.getMapSize(0) * conv.getMapSize(1));
        return map * elements(conv.getFilter()) *
               (nn::winograd::kTaps * nn::winograd::kTaps) /
               nn::winograd::kPlanes;
      })
      .Case([](nn::Conv2DGradInputOp conv) {
        return places(conv.getGradient()) * elements(conv.getFilter());
      })
      .Case([](nn::Conv2DGradFilterOp conv) {
        return places(conv.getGradient()) * elements(conv.getResult());
      })
      .Case([](nn::DenseOp dense) {
        return places(dense.getResult()) * elements(dense.getWeight());
      })
      .Case([](nn::DenseGradInputOp dense) {
        return places(dense.getGradient()) * elements(dense.getWeight());
      })
      .Case([](nn::DenseGradWeightOp dense) {
        return places(dense.getGradient()) * elements(dense.getResult());
      })
      .Case([](nn::DenseUpdateOp dense) {
        return elements(dense.getParameter());
      })
      // q k^T and P v; backward: q k^T again, dv, dP, dq, dk.
      .Case([](nn::AttentionOp a) { return 2 * tokenPairs(a.getQkv()); })
      .Case([](nn::AttentionGradOp a) { return 5 * tokenPairs(a.getQkv()); })
      .Default(uint64_t(0));
}

uint64_t multiplyAdds(rt::CallOp call) {
  auto kernel = SymbolTable::lookupNearestSymbolFrom<rt::KernelOp>(
      call, call.getKernelAttr());
  return multiplyAdds(kernel.getComputation());
}

uint64_t multiplyAdds(rt::EntryOp entry) {
  uint64_t total = 0;
  for (auto call : entry.getBody().front().getOps<rt::CallOp>())
    total += multiplyAdds(call);
  return total;
}

} // namespace tl
