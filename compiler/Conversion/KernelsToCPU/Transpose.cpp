// See the header.
#include "compiler/Conversion/KernelsToCPU/Transpose.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "runtime/schema/WeightForm.h"

namespace tl::cpu {

// After log2(lanes) rounds of interleaving halves, element (i, j) is at (j, i).
void transpose(KernelBuilder &b, Values &vectors) {
  int64_t n = vectors.size();
  llvm::SmallVector<int64_t> low, high;
  for (int64_t i = 0; i < n; ++i) {
    low.push_back(i / 2 + i % 2 * n);
    high.push_back(n / 2 + i / 2 + i % 2 * n);
  }
  for (int64_t round = 1; round < n; round *= 2) {
    Values next;
    for (int64_t i = 0; i < n / 2; ++i)
      for (auto &mask : {low, high})
        next.push_back(mlir::vector::ShuffleOp::create(
            b, vectors[i], vectors[i + n / 2], mask));
    vectors = next;
  }
}

void transposePanel(KernelBuilder &b, Value from, Value to, int64_t rows,
                    int64_t columns) {
  constexpr int64_t width = schema::kPanelWidth;
  int64_t lanes = b.lanes();
  for (int64_t i = 0; i < width; i += lanes)
    for (int64_t o = 0; o < columns; o += lanes) {
      Values vectors;
      for (int64_t r = i; r < i + lanes; ++r)
        vectors.push_back(r < rows ? b.load(b.at(from, r * width + o), lanes)
                                   : b.splat(0, lanes));
      transpose(b, vectors);
      for (int64_t c = o; c < std::min(columns, o + lanes); ++c)
        b.store(vectors[c - o], b.at(to, c * width + i));
    }
}

} // namespace tl::cpu
