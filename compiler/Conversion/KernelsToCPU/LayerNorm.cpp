// nn.layer_norm and its gradients. A row is the channels of one place, in one
// piece: mean and variance in two passes (differences from the mean, so that a
// large mean costs no digits), then the values. The gradients compute both
// again: a row is read anyway, and nothing has to be kept for them.
#include "compiler/Conversion/KernelsToCPU/Emitters.h"
#include "compiler/Conversion/KernelsToCPU/PictureTiles.h"
#include "compiler/Conversion/KernelsToCPU/VectorMath.h"
#include "llvm/Support/MathExtras.h"

namespace tl::cpu {

namespace {
/// Of one row: its mean, and 1 / sqrt(variance + epsilon). Scalars.
struct Normal {
  Value mean, scale;
  /// (x - mean) scale
  Value apply(KernelBuilder &b, Value x, int64_t lanes) const {
    return b.mulF(b.subF(x, b.broadcast(mean, lanes)),
                  b.broadcast(scale, lanes));
  }
};

Value load(KernelBuilder &b, Value pointer, Value index, int64_t lanes) {
  return b.load(b.at(pointer, index), lanes);
}

/// The mean of term(index, lanes) over the channels.
Value meanOf(KernelBuilder &b, int64_t channels,
             llvm::function_ref<Value(Value, int64_t)> term) {
  Value sum = sumOver(b, channels, term);
  return b.divF(sum, b.number(double(channels), sum));
}

Normal normalOf(KernelBuilder &b, Value row, int64_t channels,
                const llvm::APFloat &epsilon) {
  Value mean = meanOf(b, channels, [&](Value c, int64_t lanes) {
    return load(b, row, c, lanes);
  });
  Value variance = meanOf(b, channels, [&](Value c, int64_t lanes) {
    Value centred = b.subF(load(b, row, c, lanes), b.broadcast(mean, lanes));
    return b.mulF(centred, centred);
  });
  Value deviation =
      sqrt(b, b.addF(variance, b.number(epsilon.convertToDouble(), variance)));
  return {mean, b.divF(b.number(1, deviation), deviation)};
}
} // namespace

llvm::FailureOr<Grid> emitLayerNorm(KernelBuilder &b, mlir::Operation *op) {
  auto norm = mlir::cast<nn::LayerNormOp>(op);
  Buffer x = b.buffer(norm.getInput()), y = b.buffer(norm.getResult());
  Value gamma = b.buffer(norm.getGamma()).pointer;
  Value beta = b.buffer(norm.getBeta()).pointer;
  int64_t channels = y.channels();
  return forEachPlace(b, y, {x}, [&](Value to, llvm::ArrayRef<Value> from) {
    Normal normal = normalOf(b, from[0], channels, norm.getEpsilon());
    b.forEachVector(channels, [&](Value c, int64_t lanes) {
      Value value = normal.apply(b, load(b, from[0], c, lanes), lanes);
      b.store(b.fma(value, load(b, gamma, c, lanes), load(b, beta, c, lanes)),
              b.at(to, c));
    });
  });
}

// g = dy gamma; dx = r (g - mean(g) - xhat mean(g xhat))
llvm::FailureOr<Grid> emitLayerNormGradInput(KernelBuilder &b,
                                             mlir::Operation *op) {
  auto norm = mlir::cast<nn::LayerNormGradInputOp>(op);
  Buffer dy = b.buffer(norm.getGradient()), x = b.buffer(norm.getInput());
  Buffer dx = b.buffer(norm.getResult());
  Value gamma = b.buffer(norm.getGamma()).pointer;
  int64_t channels = dx.channels();
  auto emitRow = [&](Value to, llvm::ArrayRef<Value> from) {
    Normal normal = normalOf(b, from[1], channels, norm.getEpsilon());
    auto scaled = [&](Value c, int64_t lanes) {
      return b.mulF(load(b, from[0], c, lanes), load(b, gamma, c, lanes));
    };
    auto normed = [&](Value c, int64_t lanes) {
      return normal.apply(b, load(b, from[1], c, lanes), lanes);
    };
    Value mean = meanOf(b, channels, scaled);
    Value along = meanOf(b, channels, [&](Value c, int64_t lanes) {
      return b.mulF(scaled(c, lanes), normed(c, lanes));
    });
    b.forEachVector(channels, [&](Value c, int64_t lanes) {
      Value g = b.subF(scaled(c, lanes), b.broadcast(mean, lanes));
      g = b.subF(g, b.mulF(normed(c, lanes), b.broadcast(along, lanes)));
      b.store(b.mulF(g, b.broadcast(normal.scale, lanes)), b.at(to, c));
    });
  };
  return forEachPlace(b, dx, {dy, x}, emitRow);
}

namespace {
/// The sums over all places of the batch, for the channels of one tile.
struct GradAffine {
  Buffer dy, x;
  Value dgamma, dbeta;
  llvm::APFloat epsilon;
};
/// Rows whose statistics lie in scratch at a time: `[kRows][mean, scale]`. The
/// sums of so many rows are added up in order, so that no chain of additions
/// is as long as the batch.
constexpr int64_t kRows = 64;
/// Every tile reads all of x for the statistics: few tiles, of wide blocks.
constexpr int64_t kChannels = 256;
} // namespace

static void emitStatistics(KernelBuilder &b, const GradAffine &g, Value first,
                           Value count) {
  b.loop(b.constant(0), count, 1, [&](Value row) {
    Normal normal = normalOf(b, placeAt(b, g.x, b.add(first, row)),
                             g.x.channels(), g.epsilon);
    Value to = b.at(b.scratch(), b.mul(row, 2));
    b.storeScalar(normal.mean, to);
    b.storeScalar(normal.scale, b.at(to, 1));
  });
}

/// Adds the rows' part to the sums of the channels of `pieces` from `c` on.
static void emitAffineSums(KernelBuilder &b, const GradAffine &g, Value first,
                           Value count, Value c, llvm::ArrayRef<Piece> pieces) {
  Values zeros; // dgamma, then dbeta
  for (int i = 0; i < 2; ++i)
    for (Piece piece : pieces)
      zeros.push_back(b.splat(0, piece.lanes));
  auto addRow = [&](Value row, mlir::ValueRange carried) {
    Values sums(carried);
    Value at = b.at(b.scratch(), b.mul(row, 2));
    Normal normal{b.loadScalar(at), b.loadScalar(b.at(at, 1))};
    Value index = b.add(first, row);
    Value dy = b.at(placeAt(b, g.dy, index), c);
    Value x = b.at(placeAt(b, g.x, index), c);
    for (auto [i, piece] : llvm::enumerate(pieces)) {
      Value gradient = b.load(b.at(dy, piece.offset), piece.lanes);
      Value value = normal.apply(b, b.load(b.at(x, piece.offset), piece.lanes),
                                 piece.lanes);
      Value &beta = sums[pieces.size() + i];
      sums[i] = b.fma(gradient, value, sums[i]);
      beta = b.addF(beta, gradient);
    }
    return sums;
  };
  Values sums = b.loop(b.constant(0), count, 1, zeros, addRow);
  auto finish = [&](bool start) {
    for (auto [i, sum] : llvm::enumerate(sums)) {
      const Piece &piece = pieces[i % pieces.size()];
      Value to = b.at(i < pieces.size() ? g.dgamma : g.dbeta, c);
      to = b.at(to, piece.offset);
      b.store(start ? sum : b.addF(b.load(to, piece.lanes), sum), to);
    }
  };
  b.when(
      b.equal(first, 0), [&] { finish(true); }, [&] { finish(false); });
}

// Tiles are blocks of channels; none shares a sum.
llvm::FailureOr<Grid> emitLayerNormGradAffine(KernelBuilder &b,
                                              mlir::Operation *op) {
  auto norm = mlir::cast<nn::LayerNormGradAffineOp>(op);
  GradAffine g{b.buffer(norm.getGradient()), b.buffer(norm.getInput()),
               b.buffer(norm.getGamma()).pointer,
               b.buffer(norm.getBeta()).pointer, norm.getEpsilon()};
  int64_t channels = g.x.channels();
  int64_t blocks = llvm::divideCeil(channels, kChannels);
  int64_t rest = channels - (blocks - 1) * kChannels;
  Value own = b.mul(b.tile(), kChannels), rows = countPlaces(b, g.x);
  b.loop(b.constant(0), rows, kRows, [&](Value first) {
    Value count = b.min(b.constant(kRows), b.sub(rows, first));
    emitStatistics(b, g, first, count);
    auto sumBlock = [&](int64_t width) {
      forEachBlock(b, width, [&](Value c, llvm::ArrayRef<Piece> pieces) {
        emitAffineSums(b, g, first, count, b.add(own, c), pieces);
      });
    };
    if (blocks == 1 || rest == kChannels)
      sumBlock(rest);
    else
      b.when(
          b.equal(b.tile(), blocks - 1), [&] { sumBlock(rest); },
          [&] { sumBlock(kChannels); });
  });
  b.describe("vectors, a block of channels a tile, whole batch");
  return Grid{blocks, 1, 0, kRows * 2 * 4};
}

} // namespace tl::cpu
