// nn.max_pool_grad, nn.avg_pool_grad, nn.adaptive_avg_pool_grad. Tiles are cut
// from dx, whose rows they own: a window that reaches over several tiles is
// looked at by each of them, and each writes its own rows. So no two tiles
// share an element, and an element's sum runs over its windows in their order.
// Vectors run over channels; halos of x and dy are never read.
#include "compiler/Conversion/KernelsToCPU/Emitters.h"
#include "compiler/Conversion/KernelsToCPU/PictureTiles.h"
#include "compiler/Conversion/KernelsToCPU/PoolWindows.h"

#include <limits>

namespace tl::cpu {

namespace {
/// Windows along height or width.
struct Axis {
  int64_t window, stride, before; ///< before: of the padding
  int64_t inputs, outputs;

  /// The inputs in window `output`, clipped to the picture.
  Range inputsOf(KernelBuilder &b, Value output) const {
    Value start = b.add(b.mul(output, stride), -before);
    return {b.max(start, b.constant(0)),
            b.min(b.add(start, window), b.constant(inputs))};
  }
  /// The windows that hold any input of [begin, end).
  Range windowsOf(KernelBuilder &b, Value begin, Value end) const {
    // The first window ends behind `begin`, the last starts before `end`.
    Value first = b.max(b.add(begin, before - window + stride), b.constant(0));
    Value last = b.add(end, before - 1);
    return {b.div(first, stride),
            b.min(b.add(b.div(last, stride), 1), b.constant(outputs))};
  }
};

struct Geometry {
  template <typename Pool>
  Geometry(Pool op, const Buffer &dx, const Buffer &dy)
      : rows{op.getWindow()[0], op.getStrides()[0], op.getPads()[0],
             dx.height(), dy.height()},
        columns{op.getWindow()[1], op.getStrides()[1], op.getPads()[2],
                dx.width(), dy.width()} {}
  int64_t area() const { return rows.window * columns.window; }

  Axis rows, columns;
};

/// A whole number as f32 in every lane.
Value asFloat(KernelBuilder &b, Value integer, int64_t lanes) {
  return b.broadcast(mlir::arith::SIToFPOp::create(b, b.getF32Type(), integer),
                     lanes);
}

/// The windows of one max_pool_grad: finds the winner, gives it dy.
class MaxWindows {
public:
  MaxWindows(const Geometry &geometry, const Buffer &x, const Buffer &dx)
      : geometry(geometry), x(x), dx(dx) {}

  /// Adds `dy` to the first largest element of a window, channel by channel,
  /// where that lies in `owned`. `from` and `to` are place (0, 0) of the
  /// picture in x and dx, `dy` the window's.
  void give(KernelBuilder &b, Range h, Range w, Range owned, Value from,
            Value to, Value dy, llvm::ArrayRef<Piece> pieces) const {
    Values winners = find(b, h, w, from, pieces);
    Value begin = b.max(h.begin, owned.begin), end = b.min(h.end, owned.end);
    b.loop(begin, end, 1, [&](Value row) {
      b.loop(w.begin, w.end, 1, [&](Value column) {
        Value place = at(b, to, dx, row, column);
        for (auto [piece, winner] : llvm::zip(pieces, winners)) {
          Value here = number(b, b.sub(row, h.begin), b.sub(column, w.begin),
                              piece.lanes);
          Value part = b.select(
              b.compareF(mlir::arith::CmpFPredicate::OEQ, here, winner),
              b.load(b.at(dy, piece.offset), piece.lanes),
              b.splat(0, piece.lanes));
          Value sum = b.at(place, piece.offset);
          b.store(b.addF(b.load(sum, piece.lanes), part), sum);
        }
      });
    });
  }

private:
  static Value at(KernelBuilder &b, Value picture, const Buffer &buffer,
                  Value h, Value w) {
    return b.at(picture, b.add(b.mul(h, buffer.rowStride()),
                               b.mul(w, buffer.channels())));
  }
  /// The number of an element within its window, as f32 in every lane: exact,
  /// since windows have at most 2^24 elements.
  Value number(KernelBuilder &b, Value h, Value w, int64_t lanes) const {
    return asFloat(b, b.add(b.mul(h, geometry.columns.window), w), lanes);
  }

  /// The numbers of the first largest elements, a vector a piece.
  Values find(KernelBuilder &b, Range h, Range w, Value from,
              llvm::ArrayRef<Piece> pieces) const {
    Values best; // of each piece the largest so far, then its number
    for (Piece piece : pieces) {
      best.push_back(
          b.splat(-std::numeric_limits<double>::infinity(), piece.lanes));
      best.push_back(b.splat(0, piece.lanes));
    }
    best = b.loop(h.begin, h.end, 1, best, [&](Value row, auto outer) {
      return b.loop(w.begin, w.end, 1, outer, [&](Value column, auto inner) {
        return step(b, at(b, from, x, row, column), b.sub(row, h.begin),
                    b.sub(column, w.begin), inner, pieces);
      });
    });
    Values numbers;
    for (size_t i = 0; i < pieces.size(); ++i)
      numbers.push_back(best[2 * i + 1]);
    return numbers;
  }

  /// A NaN beats every number and stays, as in nn.max_pool.
  Values step(KernelBuilder &b, Value place, Value h, Value w,
              mlir::ValueRange best, llvm::ArrayRef<Piece> pieces) const {
    using mlir::arith::CmpFPredicate;
    Values next;
    for (auto [i, piece] : llvm::enumerate(pieces)) {
      Value most = best[2 * i], winner = best[2 * i + 1];
      Value v = b.load(b.at(place, piece.offset), piece.lanes);
      Value wins = mlir::arith::AndIOp::create(
          b, b.compareF(CmpFPredicate::UGT, v, most),
          b.compareF(CmpFPredicate::ORD, most, most));
      next.push_back(b.select(wins, v, most));
      next.push_back(b.select(wins, number(b, h, w, piece.lanes), winner));
    }
    return next;
  }

  const Geometry &geometry;
  const Buffer &x, &dx;
};
} // namespace

// Two passes over a window: the first finds the winner, the second adds dy
// where it stands.
llvm::FailureOr<Grid> emitMaxPoolGrad(KernelBuilder &b, mlir::Operation *op) {
  auto pool = mlir::cast<nn::MaxPoolGradOp>(op);
  Buffer dy = b.buffer(pool.getGradient()), x = b.buffer(pool.getInput());
  Buffer dx = b.buffer(pool.getResult());
  Geometry geometry(pool, dx, dy);
  MaxWindows windows(geometry, x, dx);
  int64_t row = dx.width() * dx.channels();
  PictureTiles tiles(dx.height(), row * 4);
  tiles.forEach(b, [&](Value picture, Value begin, Value end) {
    Value none = b.constant(0);
    Value from = b.at(x.pointer, b.pixel(x, picture, none, none));
    Value to = b.at(dx.pointer, b.pixel(dx, picture, none, none));
    b.loop(begin, end, 1,
           [&](Value h) { b.zero(b.at(to, b.mul(h, dx.rowStride())), row); });
    Range oh = geometry.rows.windowsOf(b, begin, end);
    b.loop(oh.begin, oh.end, 1, [&](Value h) {
      b.loop(0, dy.width(), 1, [&](Value w) {
        Range rows = geometry.rows.inputsOf(b, h);
        Range columns = geometry.columns.inputsOf(b, w);
        Value gradient = b.at(dy.pointer, b.pixel(dy, picture, h, w));
        forEachBlock(
            b, dx.channels(), [&](Value c, llvm::ArrayRef<Piece> pieces) {
              windows.give(b, rows, columns, {begin, end}, b.at(from, c),
                           b.at(to, c), b.at(gradient, c), pieces);
            });
      });
    });
    b.zeroHalo(dx, picture, begin, end);
  });
  return tiles.grid();
}

namespace {
/// The gradient of a mean: each element of dx gathers dy / count from the
/// windows that hold it.
struct Shares {
  Buffer dy, dx;
  /// The windows that hold a row, a column of dx.
  llvm::function_ref<Range(Value place)> rows, columns;
  /// The elements that window (h, w) divides by, in every lane.
  llvm::function_ref<Value(Value h, Value w, int64_t lanes)> count;
};

/// The sum of dy / count over the windows [oh) x [ow), for some channels.
Values sumOfShares(KernelBuilder &b, const Shares &shares, Value from, Range oh,
                   Range ow, llvm::ArrayRef<Piece> pieces) {
  const Buffer &dy = shares.dy;
  Values zeros;
  for (Piece piece : pieces)
    zeros.push_back(b.splat(0, piece.lanes));
  return b.loop(oh.begin, oh.end, 1, zeros, [&](Value h, auto outer) {
    return b.loop(ow.begin, ow.end, 1, outer, [&](Value w, auto sums) {
      Value place =
          b.at(from, b.add(b.mul(h, dy.rowStride()), b.mul(w, dy.channels())));
      Values next;
      for (auto [piece, sum] : llvm::zip(pieces, sums)) {
        Value share = b.divF(b.load(b.at(place, piece.offset), piece.lanes),
                             shares.count(h, w, piece.lanes));
        next.push_back(b.addF(sum, share));
      }
      return next;
    });
  });
}

Grid emitShares(KernelBuilder &b, const Shares &shares) {
  const Buffer &dy = shares.dy, &dx = shares.dx;
  PictureTiles tiles(dx.height(), dx.width() * dx.channels() * 4);
  tiles.forEach(b, [&](Value picture, Value begin, Value end) {
    Value none = b.constant(0);
    Value from = b.at(dy.pointer, b.pixel(dy, picture, none, none));
    b.loop(begin, end, 1, [&](Value h) {
      Range oh = shares.rows(h);
      b.loop(0, dx.width(), 1, [&](Value w) {
        Range ow = shares.columns(w);
        Value to = b.at(dx.pointer, b.pixel(dx, picture, h, w));
        forEachBlock(
            b, dx.channels(), [&](Value c, llvm::ArrayRef<Piece> pieces) {
              Values sums =
                  sumOfShares(b, shares, b.at(from, c), oh, ow, pieces);
              for (auto [piece, sum] : llvm::zip(pieces, sums))
                b.store(sum, b.at(b.at(to, c), piece.offset));
            });
      });
    });
    b.zeroHalo(dx, picture, begin, end);
  });
  return tiles.grid();
}

Value elements(KernelBuilder &b, Range rows, Range columns, int64_t lanes) {
  return asFloat(
      b, b.mul(b.sub(rows.end, rows.begin), b.sub(columns.end, columns.begin)),
      lanes);
}
} // namespace

llvm::FailureOr<Grid> emitAvgPoolGrad(KernelBuilder &b, mlir::Operation *op) {
  auto pool = mlir::cast<nn::AvgPoolGradOp>(op);
  Buffer dy = b.buffer(pool.getGradient()), dx = b.buffer(pool.getResult());
  Geometry geometry(pool, dx, dy);
  auto rows = [&](Value h) {
    return geometry.rows.windowsOf(b, h, b.add(h, 1));
  };
  auto columns = [&](Value w) {
    return geometry.columns.windowsOf(b, w, b.add(w, 1));
  };
  auto count = [&](Value h, Value w, int64_t lanes) {
    if (pool.getCountPadding())
      return b.splat(double(geometry.area()), lanes);
    return elements(b, geometry.rows.inputsOf(b, h),
                    geometry.columns.inputsOf(b, w), lanes);
  };
  return emitShares(b, {dy, dx, rows, columns, count});
}

llvm::FailureOr<Grid> emitAdaptiveAvgPoolGrad(KernelBuilder &b,
                                              mlir::Operation *op) {
  auto pool = mlir::cast<nn::AdaptiveAvgPoolGradOp>(op);
  Buffer dy = b.buffer(pool.getGradient()), dx = b.buffer(pool.getResult());
  auto rows = [&](Value h) {
    return adaptiveWindow(b, h, dy.height(), dx.height());
  };
  auto columns = [&](Value w) {
    return adaptiveWindow(b, w, dy.width(), dx.width());
  };
  auto count = [&](Value h, Value w, int64_t lanes) {
    return elements(b, adaptiveWindow(b, h, dx.height(), dy.height()),
                    adaptiveWindow(b, w, dx.width(), dy.width()), lanes);
  };
  return emitShares(b, {dy, dx, rows, columns, count});
}

} // namespace tl::cpu
