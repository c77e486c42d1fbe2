// nn.slice and its gradient. Values of any number of dimensions are walked as
// a picture's outermost dimension (what tiles are cut from), the other ones in
// loops, and in the middle a run: the innermost dimensions that lie in one
// piece on both sides. A class token and a part of the channels are runs of
// channels; whole columns are one run a row.
#include "compiler/Conversion/KernelsToCPU/Emitters.h"
#include "compiler/Conversion/KernelsToCPU/PictureTiles.h"

namespace tl::cpu {

namespace {
/// One dimension of the slice; steps are the elements from one index to the
/// next.
struct Dimension {
  int64_t whole, part;
  int64_t offset, stride;
  int64_t wholeStep, partStep;
};

/// The whole value, the part of it, and how one lies in the other.
class SlicePlan {
public:
  SlicePlan(Buffer whole, Buffer part, llvm::ArrayRef<int64_t> offsets,
            llvm::ArrayRef<int64_t> strides);

  const Dimension &outermost() const { return dimensions.front(); }
  /// Elements behind one index of the outermost dimension.
  int64_t wholeInside() const { return wholeInside_; }
  int64_t partInside() const { return partInside_; }
  bool takesAllInside() const { return run == wholeInside_; }

  /// Where index `i` of the outermost dimension starts.
  Value wholeAt(KernelBuilder &b, Value picture, Value i) const {
    return place(b, whole, picture, b.mul(i, outermost().wholeStep));
  }
  Value partAt(KernelBuilder &b, Value picture, Value i) const {
    return place(b, part, picture, b.mul(i, outermost().partStep));
  }

  /// body(in the whole, in the part) for the start of each run behind one
  /// index of the outermost dimension; the first two say where that lies.
  using Body = llvm::function_ref<void(Value inWhole, Value inPart)>;
  void forEachRun(KernelBuilder &b, Value inWhole, Value inPart, Body body,
                  size_t depth = 1) const;
  int64_t runElements() const { return run; }

private:
  void findRun();
  static Value place(KernelBuilder &b, const Buffer &buffer, Value picture,
                     Value index) {
    index = b.add(index, b.mul(picture, buffer.pictureStride()));
    if (buffer.type.getRank() == 4)
      index = b.add(index, buffer.offset(0, 0));
    return b.at(buffer.pointer, index);
  }

  Buffer whole, part;
  llvm::SmallVector<Dimension> dimensions;
  int64_t wholeInside_ = 1, partInside_ = 1;
  size_t loops;      ///< dimensions that are not part of the run
  int64_t run = 1;   ///< elements in one piece
  int64_t first = 0; ///< of the run in the whole, behind the loops' place
};

SlicePlan::SlicePlan(Buffer wholeBuffer, Buffer partBuffer,
                     llvm::ArrayRef<int64_t> offsets,
                     llvm::ArrayRef<int64_t> strides)
    : whole(std::move(wholeBuffer)), part(std::move(partBuffer)) {
  size_t rank = offsets.size();
  for (size_t d = rank; d-- > 0;) {
    Dimension dimension{whole.type.getDimSize(d + 1),
                        part.type.getDimSize(d + 1),
                        offsets[d],
                        strides[d],
                        wholeInside_,
                        partInside_};
    if (rank == 3 && d == 0) { // from row to row there may be a halo
      dimension.wholeStep = whole.rowStride();
      dimension.partStep = part.rowStride();
    }
    dimensions.insert(dimensions.begin(), dimension);
    if (d == 0 && rank > 1)
      break;
    wholeInside_ *= dimension.whole;
    partInside_ *= dimension.part;
  }
  if (rank == 1) // [N, C] as [N, 1, C]
    dimensions.insert(dimensions.begin(),
                      {1, 1, 0, 1, wholeInside_, partInside_});
  findRun();
}

/// Grows the run from the last dimension outwards while what it has so far
/// covers a whole index of the next on both sides.
void SlicePlan::findRun() {
  for (loops = dimensions.size(); loops > 1; --loops) {
    const Dimension &d = dimensions[loops - 1];
    if (d.stride != 1 || d.wholeStep != run || d.partStep != run)
      return;
    first += d.offset * d.wholeStep;
    run *= d.part;
  }
}

void SlicePlan::forEachRun(KernelBuilder &b, Value inWhole, Value inPart,
                           Body body, size_t depth) const {
  if (depth == loops)
    return body(b.at(inWhole, first), inPart);
  const Dimension &d = dimensions[depth];
  Value from = b.at(inWhole, d.offset * d.wholeStep);
  b.loop(0, d.part, 1, [&](Value i) {
    forEachRun(b, b.at(from, b.mul(i, d.stride * d.wholeStep)),
               b.at(inPart, b.mul(i, d.partStep)), body, depth + 1);
  });
}
} // namespace

llvm::FailureOr<Grid> emitSlice(KernelBuilder &b, mlir::Operation *op) {
  auto slice = mlir::cast<nn::SliceOp>(op);
  Buffer x = b.buffer(slice.getInput()), y = b.buffer(slice.getResult());
  SlicePlan plan(x, y, slice.getOffsets(), slice.getStrides());
  const Dimension &rows = plan.outermost();
  PictureTiles tiles(rows.part, plan.partInside());
  tiles.forEach(b, [&](Value picture, Value begin, Value end) {
    b.loop(begin, end, 1, [&](Value i) {
      Value row = b.add(b.mul(i, rows.stride), rows.offset);
      plan.forEachRun(
          b, plan.wholeAt(b, picture, row), plan.partAt(b, picture, i),
          [&](Value from, Value to) { copy(b, from, to, plan.runElements()); });
    });
    b.zeroHalo(y, picture, begin, end);
  });
  return tiles.grid();
}

// Tiles are cut from dx: each zeroes its rows and then writes what dy has for
// them.
llvm::FailureOr<Grid> emitSliceGrad(KernelBuilder &b, mlir::Operation *op) {
  auto slice = mlir::cast<nn::SliceGradOp>(op);
  Buffer dy = b.buffer(slice.getGradient()), dx = b.buffer(slice.getResult());
  SlicePlan plan(dx, dy, slice.getOffsets(), slice.getStrides());
  const Dimension &rows = plan.outermost();
  PictureTiles tiles(rows.whole, plan.wholeInside());
  tiles.forEach(b, [&](Value picture, Value begin, Value end) {
    b.loop(begin, end, 1, [&](Value row) {
      Value to = plan.wholeAt(b, picture, row);
      // The row of dy that would belong here.
      Value behind = b.max(b.add(row, -rows.offset), b.constant(0));
      Value i = b.min(b.div(behind, rows.stride), b.constant(rows.part - 1));
      Value owner = b.add(b.mul(i, rows.stride), rows.offset);
      Value taken = b.compare(mlir::arith::CmpIPredicate::eq, row, owner);
      auto zero = [&] { b.zero(to, plan.wholeInside()); };
      auto take = [&] {
        plan.forEachRun(b, to, plan.partAt(b, picture, i),
                        [&](Value inWhole, Value inPart) {
                          copy(b, inPart, inWhole, plan.runElements());
                        });
      };
      if (plan.takesAllInside()) {
        b.when(taken, take, zero);
      } else {
        zero();
        b.when(taken, take);
      }
    });
    b.zeroHalo(dx, picture, begin, end);
  });
  return tiles.grid();
}

} // namespace tl::cpu
