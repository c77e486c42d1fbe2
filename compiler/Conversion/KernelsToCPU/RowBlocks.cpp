// See the header.
#include "compiler/Conversion/KernelsToCPU/RowBlocks.h"

#include "llvm/Support/MathExtras.h"

namespace tl::cpu {

void forEachRowBlock(KernelBuilder &b, Value count, int64_t rows,
                     llvm::function_ref<void(Value, int64_t)> body) {
  Value done = b.mul(b.div(count, rows), rows);
  b.loop(b.constant(0), done, rows, [&](Value row) { body(row, rows); });
  if (rows == 1)
    return;
  for (int64_t height = llvm::PowerOf2Ceil(rows) / 2; height; height /= 2) {
    Value fits = b.compare(mlir::arith::CmpIPredicate::sge, b.sub(count, done),
                           b.constant(height));
    b.when(fits, [&] { body(done, height); });
    done = b.add(done, b.select(fits, b.constant(height), b.constant(0)));
  }
}

} // namespace tl::cpu
