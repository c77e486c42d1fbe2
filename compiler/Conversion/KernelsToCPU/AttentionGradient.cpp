// nn.attention_grad. A tile is one head of one picture: the gradients of its
// keys and values are sums over its queries, in their order. Queries are taken
// a chunk at a time, so that scratch holds the probabilities of a chunk and not
// of all; they are computed again, which costs less than keeping them.
#include "compiler/Conversion/KernelsToCPU/Emitters.h"
#include "compiler/Conversion/KernelsToCPU/Heads.h"
#include "compiler/Conversion/KernelsToCPU/PictureTiles.h"
#include "compiler/Conversion/KernelsToCPU/RowBlocks.h"
#include "llvm/Support/MathExtras.h"

namespace tl::cpu {

namespace {
/// About so many queries a chunk.
constexpr int64_t kChunk = 64;

struct AttentionGradient {
  HeadShape shape;
  EvenBlocks blocks; ///< of queries, and of keys
  double scale;
  /// Of this tile's head, the first token's: qkv, dy, dqkv.
  Value qkv, dy, dqkv;
  /// Scratch, of all tokens: k^T, v^T `[size][tokens]`, k `[tokens][size]`.
  Value keyColumns = {}, valueColumns = {}, keys = {};
  /// Scratch, of a chunk's queries: q, dy `[rows][size]`; P, dS
  /// `[rows][tokens]`.
  Value queries = {}, gradients = {}, probabilities = {}, scoreGradients = {};

  int64_t blocksPerChunk() const {
    return std::max<int64_t>(1, kChunk / blocks.tallest());
  }
  int64_t chunks() const {
    return llvm::divideCeil(blocks.count(), blocksPerChunk());
  }
};
} // namespace

/// P = softmax(scale q k^T) of `height` queries, from row `local` of the chunk.
static void emitProbabilities(KernelBuilder &b, const AttentionGradient &a,
                              Value local, int64_t height) {
  const HeadShape &s = a.shape;
  Value p = b.at(a.probabilities, b.mul(local, s.paddedTokens));
  Product scores{.a = b.at(a.queries, b.mul(local, s.paddedSize)),
                 .aRow = s.paddedSize,
                 .aStep = 1,
                 .w = a.keyColumns,
                 .wStep = s.paddedTokens,
                 .columns = s.tokens,
                 .depth = s.size};
  multiply(b, scores, height, [&](int64_t r, Value j, int64_t, Value sum) {
    b.store(b.mulF(sum, b.number(a.scale, sum)),
            b.at(b.at(p, r * s.paddedTokens), j));
  });
  b.loop(0, height, 1, [&](Value r) {
    Value row = b.at(p, b.mul(r, s.paddedTokens));
    Value sum = exponentials(b, row, s.tokens);
    b.forEachVector(s.tokens, [&](Value j, int64_t lanes) {
      Value e = b.load(b.at(row, j), lanes);
      b.store(b.divF(e, b.broadcast(sum, lanes)), b.at(row, j));
    });
  });
}

/// scale dS, dS = P (dP - sum(dP P)) with dP = dy v^T, of the same queries.
static void emitScoreGradients(KernelBuilder &b, const AttentionGradient &a,
                               Value local, int64_t height) {
  const HeadShape &s = a.shape;
  Value start = b.mul(local, s.paddedTokens);
  Value p = b.at(a.probabilities, start), ds = b.at(a.scoreGradients, start);
  Product products{.a = b.at(a.gradients, b.mul(local, s.paddedSize)),
                   .aRow = s.paddedSize,
                   .aStep = 1,
                   .w = a.valueColumns,
                   .wStep = s.paddedTokens,
                   .columns = s.tokens,
                   .depth = s.size};
  multiply(b, products, height, [&](int64_t r, Value j, int64_t, Value sum) {
    b.store(sum, b.at(b.at(ds, r * s.paddedTokens), j));
  });
  b.loop(0, height, 1, [&](Value r) {
    Value probabilities = b.at(p, b.mul(r, s.paddedTokens));
    Value row = b.at(ds, b.mul(r, s.paddedTokens));
    Value sum = sumOver(b, s.tokens, [&](Value j, int64_t lanes) {
      return b.mulF(b.load(b.at(row, j), lanes),
                    b.load(b.at(probabilities, j), lanes));
    });
    b.forEachVector(s.tokens, [&](Value j, int64_t lanes) {
      Value centred =
          b.subF(b.load(b.at(row, j), lanes), b.broadcast(sum, lanes));
      Value scaled = b.mulF(b.load(b.at(probabilities, j), lanes),
                            b.splat(a.scale, lanes));
      b.store(b.mulF(scaled, centred), b.at(row, j));
    });
  });
}

/// dq = scale dS k of `height` queries from `row` on.
static void emitQueryGradients(KernelBuilder &b, const AttentionGradient &a,
                               Value row, Value local, int64_t height) {
  const HeadShape &s = a.shape;
  Product product{.a = b.at(a.scoreGradients, b.mul(local, s.paddedTokens)),
                  .aRow = s.paddedTokens,
                  .aStep = 1,
                  .w = a.keys,
                  .wStep = s.paddedSize,
                  .columns = s.size,
                  .depth = s.tokens};
  Value dq = b.at(a.dqkv, b.mul(row, s.rowStride));
  multiply(b, product, height,
           [&](int64_t r, Value d, int64_t active, Value sum) {
             b.storePart(sum, b.at(b.at(dq, r * s.rowStride), d), active);
           });
}

/// The chunk's part of a sum over queries, for `height` keys from `key` on:
/// of = P, with = dy: dv = P^T dy; of = dS, with = q: dk = scale dS^T q.
static void emitKeySums(KernelBuilder &b, const AttentionGradient &a, Value of,
                        Value with, Value rows, Value key, int64_t height,
                        Value result) {
  const HeadShape &s = a.shape;
  Product product{.a = b.at(of, key),
                  .aRow = 1,
                  .aStep = s.paddedTokens,
                  .w = with,
                  .wStep = s.paddedSize,
                  .columns = s.size,
                  .depth = 0,
                  .dynamicDepth = rows};
  Value out = b.at(result, b.mul(key, s.rowStride));
  multiply(b, product, height,
           [&](int64_t r, Value d, int64_t active, Value sum) {
             Value to = b.at(b.at(out, r * s.rowStride), d);
             if (a.chunks() > 1)
               sum = b.addF(b.loadPart(to, b.lanes(), active), sum);
             b.storePart(sum, to, active);
           });
}

static void emitChunk(KernelBuilder &b, const AttentionGradient &a,
                      Value chunk) {
  const HeadShape &s = a.shape;
  Value begin = b.mul(chunk, a.blocksPerChunk());
  Value end =
      b.min(b.add(begin, a.blocksPerChunk()), b.constant(a.blocks.count()));
  Value first = a.blocks.firstRow(b, begin);
  Value rows = b.sub(a.blocks.firstRow(b, end), first);
  packRows(b, b.at(a.qkv, b.mul(first, s.rowStride)), s.rowStride, rows, s.size,
           a.queries, s.paddedSize);
  packRows(b, b.at(a.dy, b.mul(first, s.width)), s.width, rows, s.size,
           a.gradients, s.paddedSize);
  a.blocks.forEach(b, begin, end, [&](Value row, int64_t height) {
    Value local = b.sub(row, first);
    emitProbabilities(b, a, local, height);
    emitScoreGradients(b, a, local, height);
    emitQueryGradients(b, a, row, local, height);
  });
  Value none = b.constant(0), all = b.constant(a.blocks.count());
  Value dk = b.at(a.dqkv, s.width), dv = b.at(a.dqkv, 2 * s.width);
  a.blocks.forEach(b, none, all, [&](Value key, int64_t height) {
    emitKeySums(b, a, a.scoreGradients, a.queries, rows, key, height, dk);
    emitKeySums(b, a, a.probabilities, a.gradients, rows, key, height, dv);
  });
}

/// Copies what all chunks read, and zeroes what they add to.
static void prepare(KernelBuilder &b, const AttentionGradient &a) {
  const HeadShape &s = a.shape;
  Value k = b.at(a.qkv, s.width), v = b.at(a.qkv, 2 * s.width);
  packTransposed(b, k, s.rowStride, s.tokens, s.size, a.keyColumns,
                 s.paddedTokens);
  packTransposed(b, v, s.rowStride, s.tokens, s.size, a.valueColumns,
                 s.paddedTokens);
  packRows(b, k, s.rowStride, b.constant(s.tokens), s.size, a.keys,
           s.paddedSize);
  if (a.chunks() > 1)
    b.loop(0, s.tokens, 1, [&](Value key) {
      Value row = b.at(a.dqkv, b.mul(key, s.rowStride));
      b.zero(b.at(row, s.width), s.size);
      b.zero(b.at(row, 2 * s.width), s.size);
    });
}

llvm::FailureOr<Grid> emitAttentionGrad(KernelBuilder &b, mlir::Operation *op) {
  auto gradient = mlir::cast<nn::AttentionGradOp>(op);
  Buffer qkv = b.buffer(gradient.getQkv());
  Buffer dy = b.buffer(gradient.getGradient());
  Buffer dqkv = b.buffer(gradient.getResult());
  HeadShape s(b.isa(), qkv, gradient.getHeads());
  Value picture = b.div(b.tile(), s.heads);
  Value channel = b.mul(b.rem(b.tile(), s.heads), s.size);
  auto own = [&](const Buffer &buffer) {
    return b.at(buffer.pointer,
                b.add(b.mul(picture, buffer.pictureStride()), channel));
  };
  b.describe("five matrix products a head");
  EvenBlocks blocks(s.tokens, b.isa().rows);
  AttentionGradient a{s,        blocks,  gradient.getScale().convertToDouble(),
                      own(qkv), own(dy), own(dqkv)};
  int64_t rows = a.blocksPerChunk() * blocks.tallest();
  ScratchAreas scratch;
  for (Value *columns : {&a.keyColumns, &a.valueColumns})
    *columns = scratch.take(b, s.size * s.paddedTokens);
  a.keys = scratch.take(b, s.tokens * s.paddedSize);
  for (Value *part : {&a.queries, &a.gradients})
    *part = scratch.take(b, rows * s.paddedSize);
  for (Value *matrix : {&a.probabilities, &a.scoreGradients})
    *matrix = scratch.take(b, rows * s.paddedTokens);
  prepare(b, a);
  b.loop(0, a.chunks(), 1, [&](Value chunk) { emitChunk(b, a, chunk); });
  return Grid{0, 1, s.heads, scratch.bytes()};
}

} // namespace tl::cpu
