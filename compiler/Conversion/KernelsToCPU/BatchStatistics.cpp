// Sums of a channel over all places of a batch: nn.batch_stats and
// nn.batch_norm_grad_affine; and nn.moving_average, which keeps the former.
//
// Tiles are blocks of channels, which are the lanes, so that no two share a
// sum and no thread changes an order. Sums are f64 (Doubles.h). The variance is
// that of values shifted by the channel's first one: in double, a mean a
// million deviations away costs it no digit, and one pass over memory is
// enough.
#include "compiler/Conversion/KernelsToCPU/Doubles.h"
#include "compiler/Conversion/KernelsToCPU/Emitters.h"
#include "compiler/Conversion/KernelsToCPU/PictureTiles.h"
#include "compiler/Conversion/KernelsToCPU/VectorMath.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace tl::cpu {

namespace {
constexpr int64_t kBlock = 32;  ///< channels of a tile
constexpr int64_t kVectors = 2; ///< f32 vectors at once: 4 of f64, 2 sums each

/// Adds one place to sums: where it lies in each buffer, the sums so far.
using AddPlace = llvm::function_ref<Values(llvm::ArrayRef<Value> places,
                                           mlir::ValueRange sums)>;

/// Runs over places. Where only few vectors go at once, two places go together,
/// each with sums of its own, because an addition waits for the one before it.
class PlaceSums {
public:
  PlaceSums(KernelBuilder &b, llvm::ArrayRef<Buffer> buffers,
            llvm::ArrayRef<Piece> pieces, AddPlace add)
      : b(b), buffers(buffers), shape(buffers[0]), add(add),
        together(pieces.size() < kVectors ? 2 : 1) {
    for (int64_t set = 0; set < together; ++set)
      for (Piece piece : pieces)
        zeros.append(2, doubleZero(b, piece.lanes));
  }

  /// Two sums of each piece, over the whole batch.
  Values run() {
    bool halo = llvm::any_of(
        buffers, [](const Buffer &each) { return each.halo.any(); });
    Values sums = halo ? overRows() : overBatch();
    int64_t size = zeros.size() / together;
    for (int64_t i = size; i < int64_t(sums.size()); ++i)
      sums[i % size] = b.addF(sums[i % size], sums[i]);
    sums.truncate(size);
    return sums;
  }

private:
  /// Without a halo the places of a batch lie one after the other.
  Values overBatch() {
    Value count = b.mul(b.batch(), shape.rows * shape.places);
    return overPlaces(Values(buffers.size(), b.constant(0)), count, zeros);
  }

  Values overRows() {
    Value zero = b.constant(0);
    auto row = [&](Value n, Value h, mlir::ValueRange sums) {
      Values starts;
      for (const Buffer &buffer : buffers)
        starts.push_back(b.pixel(buffer, n, h, zero));
      return overPlaces(starts, b.constant(shape.places), sums);
    };
    return b.loop(zero, b.batch(), 1, zeros,
                  [&](Value n, mlir::ValueRange ofBatch) {
                    return b.loop(zero, b.constant(shape.rows), 1, ofBatch,
                                  [&](Value h, mlir::ValueRange sums) {
                                    return row(n, h, sums);
                                  });
                  });
  }

  Values overPlaces(llvm::ArrayRef<Value> starts, Value count,
                    mlir::ValueRange sums) {
    Value whole = b.mul(b.div(count, together), together);
    Values done = b.loop(b.constant(0), whole, together, sums,
                         [&](Value i, mlir::ValueRange carried) {
                           return step(starts, i, together, carried);
                         });
    if (together == 1)
      return done;
    return b.loop(whole, count, 1, done,
                  [&](Value i, mlir::ValueRange carried) {
                    return step(starts, i, 1, carried);
                  });
  }

  /// Adds `count` places from i on, the k-th to the k-th set of sums.
  Values step(llvm::ArrayRef<Value> starts, Value i, int64_t count,
              mlir::ValueRange sums) {
    Values next(sums);
    size_t size = zeros.size() / together;
    for (int64_t k = 0; k < count; ++k) {
      Values places;
      for (Value start : starts)
        places.push_back(b.add(start, b.mul(b.add(i, k), shape.channels)));
      Values added = add(places, sums.slice(k * size, size));
      llvm::copy(added, next.begin() + k * size);
    }
    return next;
  }

  KernelBuilder &b;
  llvm::ArrayRef<Buffer> buffers;
  RowShape shape;
  AddPlace add;
  int64_t together;
  Values zeros;
};

/// The places of the batch as f64.
Value placesOf(KernelBuilder &b, const Buffer &buffer) {
  RowShape shape(buffer);
  return mlir::arith::SIToFPOp::create(
      b, b.getF64Type(), b.mul(b.batch(), shape.rows * shape.places));
}

Value spread(KernelBuilder &b, Value scalar, Value like) {
  return mlir::vector::BroadcastOp::create(b, like.getType(), scalar);
}
} // namespace

// With k the channel's first value and S, Q the sums of x - k and its square:
// mean = k + S / M, variance = (Q - S^2 / M) / M.
llvm::FailureOr<Grid> emitBatchStats(KernelBuilder &b, mlir::Operation *op) {
  auto node = mlir::cast<nn::BatchStatsOp>(op);
  Buffer x = b.buffer(node.getInput());
  Value mean = b.buffer(node.getMean()).pointer;
  Value variance = b.buffer(node.getVariance()).pointer;
  Value places = placesOf(b, x);
  auto reduce = [&](Value c, llvm::ArrayRef<Piece> pieces) {
    auto load = [&](Value place, Piece piece) {
      Value i = b.add(b.add(place, c), piece.offset);
      return widen(b, b.load(b.at(x.pointer, i), piece.lanes));
    };
    Values firsts;
    for (Piece piece : pieces)
      firsts.push_back(load(b.constant(x.offset(0, 0)), piece));
    auto add = [&](llvm::ArrayRef<Value> place, mlir::ValueRange sums) {
      Values next;
      for (auto [i, piece] : llvm::enumerate(pieces)) {
        Value shifted = b.subF(load(place[0], piece), firsts[i]);
        next.push_back(b.addF(sums[2 * i], shifted));
        next.push_back(b.fma(shifted, shifted, sums[2 * i + 1]));
      }
      return next;
    };
    Values sums = PlaceSums(b, x, pieces, add).run();
    for (auto [i, piece] : llvm::enumerate(pieces)) {
      Value count = spread(b, places, sums[2 * i]);
      Value shift = b.divF(sums[2 * i], count);
      Value square =
          b.subF(b.divF(sums[2 * i + 1], count), b.mulF(shift, shift));
      Value at = b.add(c, piece.offset);
      b.store(narrow(b, b.addF(firsts[i], shift)), b.at(mean, at));
      square = b.maxF(b.number(0, square), square); // a NaN stays
      b.store(narrow(b, square), b.at(variance, at));
    }
  };
  return forEachChannelBlock(b, x.channels(), kBlock, reduce, kVectors);
}

llvm::FailureOr<Grid> emitBatchNormGradAffine(KernelBuilder &b,
                                              mlir::Operation *op) {
  auto node = mlir::cast<nn::BatchNormGradAffineOp>(op);
  Buffer dy = b.buffer(node.getGradient()), x = b.buffer(node.getInput());
  Value mean = b.buffer(node.getMean()).pointer;
  Value variance = b.buffer(node.getVariance()).pointer;
  Value gamma = b.buffer(node.getGamma()).pointer;
  Value beta = b.buffer(node.getBeta()).pointer;
  double epsilon = node.getEpsilon().convertToDouble();
  auto reduce = [&](Value c, llvm::ArrayRef<Piece> pieces) {
    auto load = [&](Value pointer, Value place, Piece piece) {
      Value i = b.add(b.add(place, c), piece.offset);
      return b.load(b.at(pointer, i), piece.lanes);
    };
    Values means;
    for (Piece piece : pieces)
      means.push_back(load(mean, b.constant(0), piece));
    auto add = [&](llvm::ArrayRef<Value> place, mlir::ValueRange sums) {
      Values next;
      for (auto [i, piece] : llvm::enumerate(pieces)) {
        Value g = load(dy.pointer, place[0], piece);
        Value centred = b.subF(load(x.pointer, place[1], piece), means[i]);
        next.push_back(b.addF(sums[2 * i], widen(b, b.mulF(g, centred))));
        next.push_back(b.addF(sums[2 * i + 1], widen(b, g)));
      }
      return next;
    };
    Values sums = PlaceSums(b, {dy, x}, pieces, add).run();
    for (auto [i, piece] : llvm::enumerate(pieces)) {
      Value at = b.add(c, piece.offset);
      Value square = b.load(b.at(variance, at), piece.lanes);
      Value deviation = sqrt(b, b.addF(square, b.number(epsilon, square)));
      b.store(b.divF(narrow(b, sums[2 * i]), deviation), b.at(gamma, at));
      b.store(narrow(b, sums[2 * i + 1]), b.at(beta, at));
    }
  };
  return forEachChannelBlock(b, dy.channels(), kBlock, reduce, kVectors);
}

// In place; of the input only the number of its places is read.
llvm::FailureOr<Grid> emitMovingAverage(KernelBuilder &b, mlir::Operation *op) {
  auto node = mlir::cast<nn::MovingAverageOp>(op);
  b.describe("vectors, in place");
  Value old = b.buffer(node.getOld()).pointer;
  Value fresh = b.buffer(node.getBatch()).pointer;
  Value result = b.buffer(node.getResult()).pointer;
  double momentum = node.getMomentum().convertToDouble();
  Value places = placesOf(b, b.buffer(node.getInput()));
  Value share = b.number(1 - momentum, places);
  if (node.getUnbiased()) { // M / (M - 1), for M = 1 M
    Value others =
        b.maxF(b.subF(places, b.number(1, places)), b.number(1, places));
    share = b.mulF(share, b.divF(places, others));
  }
  share = narrow(b, share);
  b.forEachVector(b.buffer(node.getOld()).channels(), [&](Value c,
                                                          int64_t lanes) {
    Value kept = b.mulF(b.load(b.at(old, c), lanes), b.splat(momentum, lanes));
    Value sum =
        b.fma(b.load(b.at(fresh, c), lanes), b.broadcast(share, lanes), kept);
    b.store(sum, b.at(result, c));
  });
  return Grid{1, 1, 0, 0};
}

} // namespace tl::cpu
