// See the header.
#include "compiler/Conversion/KernelsToCPU/Heads.h"

#include "compiler/Conversion/KernelsToCPU/MicroTile.h"
#include "compiler/Conversion/KernelsToCPU/PictureTiles.h"
#include "compiler/Conversion/KernelsToCPU/Transpose.h"
#include "compiler/Conversion/KernelsToCPU/VectorMath.h"
#include "llvm/Support/MathExtras.h"

namespace tl::cpu {

HeadShape::HeadShape(const Isa &isa, const Buffer &qkv, int64_t heads)
    : tokens(qkv.type.getDimSize(1)), heads(heads),
      size(qkv.channels() / 3 / heads), width(qkv.channels() / 3),
      rowStride(qkv.channels()), paddedTokens(llvm::alignTo(tokens, isa.lanes)),
      paddedSize(llvm::alignTo(size, isa.lanes)) {}

Value ScratchAreas::take(KernelBuilder &b, int64_t elements) {
  Value area = b.at(b.scratch(), elements_);
  elements_ += llvm::alignTo(elements, 16);
  return area;
}

/// body(first, count): whole vectors in a loop, then what is left.
static void forEachStep(KernelBuilder &b, int64_t count,
                        llvm::function_ref<void(Value, int64_t)> body) {
  int64_t whole = count / b.lanes() * b.lanes();
  b.loop(0, whole, b.lanes(), [&](Value i) { body(i, b.lanes()); });
  if (whole < count)
    body(b.constant(whole), count - whole);
}

void packRows(KernelBuilder &b, Value from, int64_t stride, Value rows,
              int64_t columns, Value to, int64_t toStride) {
  b.loop(b.constant(0), rows, 1, [&](Value r) {
    Value row = b.at(from, b.mul(r, stride)),
          out = b.at(to, b.mul(r, toStride));
    forEachStep(b, columns, [&](Value c, int64_t active) {
      b.store(b.loadPart(b.at(row, c), b.lanes(), active), b.at(out, c));
    });
  });
}

void packTransposed(KernelBuilder &b, Value from, int64_t stride, int64_t rows,
                    int64_t columns, Value to, int64_t toStride) {
  auto emitSquare = [&](Value r, int64_t height, Value c, int64_t width) {
    Value start = b.at(b.at(from, b.mul(r, stride)), c);
    Values square;
    for (int64_t i = 0; i < b.lanes(); ++i)
      square.push_back(
          i < height ? b.loadPart(b.at(start, i * stride), b.lanes(), width)
                     : b.splat(0, b.lanes()));
    transpose(b, square);
    Value out = b.at(b.at(to, b.mul(c, toStride)), r);
    for (int64_t j = 0; j < width; ++j)
      b.store(square[j], b.at(out, j * toStride));
  };
  forEachStep(b, rows, [&](Value r, int64_t height) {
    forEachStep(b, columns, [&](Value c, int64_t width) {
      emitSquare(r, height, c, width);
    });
  });
}

void multiply(KernelBuilder &b, const Product &p, int64_t height,
              llvm::function_ref<void(int64_t, Value, int64_t, Value)> done) {
  auto emitGroup = [&](Value first, int64_t remaining) {
    MicroTile tile(b, height, p.aRow, plainColumns(b.isa(), remaining),
                   /*maskWeights=*/false, /*weightAlignment=*/4);
    Values sums = tile.add(tile.start(nullptr), p.a, b.at(p.w, first),
                           {{p.depth, p.aStep, p.wStep, p.dynamicDepth}});
    tile.finish(sums, [&](int64_t row, const Column &c, Value sum) {
      done(row, b.add(first, c.output), c.active, sum);
    });
  };
  int64_t width = b.isa().columns, whole = p.columns / width * width;
  b.loop(0, whole, width, [&](Value first) { emitGroup(first, width); });
  if (whole < p.columns)
    emitGroup(b.constant(whole), p.columns - whole);
}

Value exponentials(KernelBuilder &b, Value row, int64_t count) {
  Value largest = maximumOf(b, row, count);
  return sumOver(b, count, [&](Value i, int64_t lanes) {
    Value x = b.load(b.at(row, i), lanes);
    Value e = exp(b, b.subF(x, b.broadcast(largest, lanes)));
    b.store(e, b.at(row, i));
    return e;
  });
}

} // namespace tl::cpu
