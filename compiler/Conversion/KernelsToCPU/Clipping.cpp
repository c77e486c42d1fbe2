// nn.sum_squares and nn.clip_scale: the norm of all gradients together. A tile
// sums one chunk of one gradient in double; the few sums that are left are
// added by one tile in the operands' order, so that the norm depends on no
// thread. Padding of panels is zero and adds nothing.
#include "compiler/Conversion/KernelsToCPU/Doubles.h"
#include "compiler/Conversion/KernelsToCPU/Emitters.h"
#include "compiler/Conversion/KernelsToCPU/VectorMath.h"
#include "dialects/NN/Optimizers.h"

namespace tl::cpu {

// Four sums at once, because each addition waits for the one before it.
llvm::FailureOr<Grid> emitSumSquares(KernelBuilder &b, mlir::Operation *op) {
  auto node = mlir::cast<nn::SumSquaresOp>(op);
  Buffer gradient = b.buffer(node.getGradient());
  Value begin = b.mul(b.tile(), nn::kSumChunk);
  Value chunk = b.at(gradient.pointer, begin);
  Value count = b.min(b.sub(b.constant(gradient.storage.elements), begin),
                      b.constant(nn::kSumChunk));
  int64_t lanes = b.lanes(), round = 4 * lanes;
  Value whole = b.mul(b.div(count, round), round);
  auto addSquare = [&](Value sum, Value x) {
    x = widen(b, x);
    return b.fma(x, x, sum);
  };
  Values sums =
      b.loop(b.constant(0), whole, round, Values(4, doubleZero(b, lanes)),
             [&](Value i, mlir::ValueRange carried) {
               Values next;
               for (auto [k, sum] : llvm::enumerate(carried)) {
                 Value at = b.at(chunk, b.add(i, k * lanes));
                 next.push_back(addSquare(sum, b.load(at, lanes)));
               }
               return next;
             });
  Value total =
      b.sum(b.addF(b.addF(sums[0], sums[1]), b.addF(sums[2], sums[3])));
  total =
      b.loop(whole, count, 1, {total}, [&](Value i, mlir::ValueRange carried) {
        Value x = b.loadScalar(b.at(chunk, i));
        return Values{addSquare(carried[0], x)};
      })[0];
  b.storeScalar(narrow(b, total),
                b.at(b.buffer(node.getResult()).pointer, b.tile()));
  b.describe("sums in double precision, a range a tile");
  return Grid{nn::squareSums(gradient.type), 1, 0, 0};
}

// norm = sqrt(sum); max / max(norm, max), or with `torch`
// min(1, max / (norm + 1e-6)). A NaN in a gradient becomes a NaN of the scale.
llvm::FailureOr<Grid> emitClipScale(KernelBuilder &b, mlir::Operation *op) {
  auto node = mlir::cast<nn::ClipScaleOp>(op);
  Value total = doubleZero(b, 0);
  for (mlir::Value operand : node.getSums()) {
    Buffer sums = b.buffer(operand);
    total = b.loop(b.constant(0), b.constant(sums.storage.elements), 1, {total},
                   [&](Value i, mlir::ValueRange carried) {
                     Value part = b.loadScalar(b.at(sums.pointer, i));
                     return Values{b.addF(carried[0], widen(b, part))};
                   })[0];
  }
  Value norm = sqrt(b, total);
  Value most = b.number(node.getMaxNorm().convertToDouble(), norm);
  Value scale;
  if (node.getTorch()) {
    Value ratio = b.divF(most, b.addF(norm, b.number(1e-6, norm)));
    scale = b.minF(b.number(1, norm), ratio);
  } else {
    scale = b.divF(most, b.maxF(most, norm));
  }
  b.storeScalar(narrow(b, scale), b.buffer(node.getResult()).pointer);
  b.describe("one number");
  return Grid{1, 1, 0, 0};
}

} // namespace tl::cpu
