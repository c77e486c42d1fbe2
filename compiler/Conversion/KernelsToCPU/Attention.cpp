// nn.attention: softmax(scale q k^T) v, head by head. The scores of a block of
// queries lie in scratch, never the whole matrix; they are shifted by their
// maximum, and the sum of a row divides its result, not its probabilities. Keys
// are copied in columns and values in rows first: every block of queries reads
// them, and in qkv the tokens of a head lie far apart.
#include "compiler/Conversion/KernelsToCPU/Emitters.h"
#include "compiler/Conversion/KernelsToCPU/Heads.h"
#include "compiler/Conversion/KernelsToCPU/RowBlocks.h"
#include "llvm/Support/MathExtras.h"

namespace tl::cpu {

namespace {
struct Attention {
  HeadShape shape;
  double scale;
  Value queries, y; ///< of this tile's head, the first token's
  /// Scratch: `[size][tokens]`, `[tokens][size]`.
  Value keys, values;
  /// Scratch, of a block of queries: `[rows][tokens]`, `[rows]`.
  Value scores, scales;
};
/// Queries of one tile: more tiles than heads where there are many tokens.
constexpr int64_t kQueries = 256;
} // namespace

/// `height` queries from `row` on.
static void emitQueries(KernelBuilder &b, const Attention &a, Value row,
                        int64_t height) {
  const HeadShape &s = a.shape;
  Product scores{.a = b.at(a.queries, b.mul(row, s.rowStride)),
                 .aRow = s.rowStride,
                 .aStep = 1,
                 .w = a.keys,
                 .wStep = s.paddedTokens,
                 .columns = s.tokens,
                 .depth = s.size};
  multiply(b, scores, height, [&](int64_t r, Value j, int64_t, Value sum) {
    b.store(b.mulF(sum, b.number(a.scale, sum)),
            b.at(b.at(a.scores, r * s.paddedTokens), j));
  });
  b.loop(0, height, 1, [&](Value r) {
    Value sum =
        exponentials(b, b.at(a.scores, b.mul(r, s.paddedTokens)), s.tokens);
    b.storeScalar(b.divF(b.number(1, sum), sum), b.at(a.scales, r));
  });
  Product weighted{.a = a.scores,
                   .aRow = s.paddedTokens,
                   .aStep = 1,
                   .w = a.values,
                   .wStep = s.paddedSize,
                   .columns = s.size,
                   .depth = s.tokens};
  Value y = b.at(a.y, b.mul(row, s.width));
  multiply(
      b, weighted, height, [&](int64_t r, Value d, int64_t active, Value sum) {
        Value scale = b.loadBroadcast(b.at(a.scales, r), b.lanes());
        b.storePart(b.mulF(sum, scale), b.at(b.at(y, r * s.width), d), active);
      });
}

llvm::FailureOr<Grid> emitAttention(KernelBuilder &b, mlir::Operation *op) {
  auto attention = mlir::cast<nn::AttentionOp>(op);
  Buffer qkv = b.buffer(attention.getQkv());
  Buffer y = b.buffer(attention.getResult());
  HeadShape s(b.isa(), qkv, attention.getHeads());
  b.describe("two matrix products a head");
  EvenBlocks blocks(s.tokens, b.isa().rows);
  int64_t parts = llvm::divideCeil(s.tokens, kQueries);
  Value part = b.rem(b.tile(), parts), place = b.div(b.tile(), parts);
  Value picture = b.div(place, s.heads);
  Value channel = b.mul(b.rem(place, s.heads), s.size);
  Value first =
      b.at(qkv.pointer, b.add(b.mul(picture, qkv.pictureStride()), channel));
  ScratchAreas scratch;
  Attention a{
      s,
      attention.getScale().convertToDouble(),
      first,
      b.at(y.pointer, b.add(b.mul(picture, y.pictureStride()), channel)),
      scratch.take(b, s.size * s.paddedTokens),
      scratch.take(b, s.tokens * s.paddedSize),
      scratch.take(b, blocks.tallest() * s.paddedTokens),
      scratch.take(b, blocks.tallest())};
  packTransposed(b, b.at(first, s.width), s.rowStride, s.tokens, s.size, a.keys,
                 s.paddedTokens);
  packRows(b, b.at(first, 2 * s.width), s.rowStride, b.constant(s.tokens),
           s.size, a.values, s.paddedSize);
  int64_t share = llvm::divideCeil(blocks.count(), parts);
  Value begin = b.mul(part, share);
  Value end = b.min(b.add(begin, share), b.constant(blocks.count()));
  blocks.forEach(b, begin, end, [&](Value row, int64_t height) {
    emitQueries(b, a, row, height);
  });
  return Grid{0, 1, s.heads * parts, scratch.bytes()};
}

} // namespace tl::cpu
