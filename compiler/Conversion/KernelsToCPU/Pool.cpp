// Pooling: nn.max_pool, nn.avg_pool, nn.adaptive_avg_pool, nn.global_avg_pool
// and the gradient of the last. Vectors run over channels. A window is clipped
// to the picture, so that no halo is read: a zero of the halo must not win a
// maximum.
#include "compiler/Conversion/KernelsToCPU/Emitters.h"
#include "compiler/Conversion/KernelsToCPU/PictureTiles.h"
#include "compiler/Conversion/KernelsToCPU/PoolWindows.h"
#include "compiler/Conversion/KernelsToCPU/VectorMath.h"

#include <limits>

namespace tl::cpu {

namespace {
/// Where the window of an output row or column lies.
using Windows = llvm::function_ref<Range(Value output)>;

/// A pooling: its buffers, its geometry, and what makes one number of many.
struct Pooling {
  Buffer x, y;
  Windows rows, columns;
  int64_t area; ///< elements of a window, about: for the size of tiles
  double initial;
  llvm::function_ref<Value(Value accumulated, Value element)> combine;
  llvm::function_ref<Value(Value accumulated, Range rows, Range columns)>
      finish;
};

/// Combines the window's elements of some channels in the order of rows, then
/// columns, and stores the results.
void poolChannels(KernelBuilder &b, const Pooling &p, Range rows, Range columns,
                  Value from, Value to, llvm::ArrayRef<Piece> pieces) {
  Values initial;
  for (Piece piece : pieces)
    initial.push_back(b.splat(p.initial, piece.lanes));
  Values results = b.loop(
      rows.begin, rows.end, 1, initial, [&](Value h, mlir::ValueRange outer) {
        Value row = b.at(from, b.mul(h, p.x.rowStride()));
        return b.loop(
            columns.begin, columns.end, 1, outer,
            [&](Value w, mlir::ValueRange inner) {
              Value place = b.at(row, b.mul(w, p.x.channels()));
              Values next;
              for (auto [piece, value] : llvm::zip(pieces, inner))
                next.push_back(p.combine(
                    value, b.load(b.at(place, piece.offset), piece.lanes)));
              return next;
            });
      });
  for (auto [piece, value] : llvm::zip(pieces, results))
    b.store(p.finish(value, rows, columns), b.at(to, piece.offset));
}

Grid emitPooling(KernelBuilder &b, const Pooling &p) {
  PictureTiles tiles(p.y.height(), p.y.width() * p.y.channels() * p.area);
  tiles.forEach(b, [&](Value picture, Value begin, Value end) {
    Value zero = b.constant(0);
    Value from = b.at(p.x.pointer, b.pixel(p.x, picture, zero, zero));
    b.loop(begin, end, 1, [&](Value oh) {
      Range rows = p.rows(oh);
      b.loop(0, p.y.width(), 1, [&](Value ow) {
        Range columns = p.columns(ow);
        Value to = b.at(p.y.pointer, b.pixel(p.y, picture, oh, ow));
        forEachBlock(b, p.y.channels(),
                     [&](Value c, llvm::ArrayRef<Piece> pieces) {
                       poolChannels(b, p, rows, columns, b.at(from, c),
                                    b.at(to, c), pieces);
                     });
      });
    });
    b.zeroHalo(p.y, picture, begin, end);
  });
  return tiles.grid();
}

/// Pooling with the windows of nn.max_pool and nn.avg_pool, each clipped to the
/// picture; `pooling` lacks those.
template <typename Pool>
Grid emitWindows(KernelBuilder &b, Pool pool, Pooling pooling) {
  auto clip = [&](int d, Value output, int64_t size) -> Range {
    Value start =
        b.add(b.mul(output, pool.getStrides()[d]), -pool.getPads()[2 * d]);
    return {b.max(start, b.constant(0)),
            b.min(b.add(start, pool.getWindow()[d]), b.constant(size))};
  };
  auto rows = [&](Value oh) { return clip(0, oh, pooling.x.height()); };
  auto columns = [&](Value ow) { return clip(1, ow, pooling.x.width()); };
  pooling.rows = rows;
  pooling.columns = columns;
  pooling.area = pool.getWindow()[0] * pool.getWindow()[1];
  return emitPooling(b, pooling);
}

Value elements(KernelBuilder &b, Range rows, Range columns) {
  return b.mul(b.sub(rows.end, rows.begin), b.sub(columns.end, columns.begin));
}

/// A whole number as f32 in every lane of `like`.
Value asFloat(KernelBuilder &b, Value integer, Value like) {
  Value number = mlir::arith::SIToFPOp::create(b, b.getF32Type(), integer);
  auto type = mlir::cast<mlir::VectorType>(like.getType());
  return b.broadcast(number, type.getDimSize(0));
}
} // namespace

llvm::FailureOr<Grid> emitMaxPool(KernelBuilder &b, mlir::Operation *op) {
  auto pool = mlir::cast<nn::MaxPoolOp>(op);
  auto combine = [&](Value most, Value v) { return largerOrNaN(b, most, v); };
  auto finish = [](Value most, Range, Range) { return most; };
  return emitWindows(
      b, pool,
      {b.buffer(pool.getInput()), b.buffer(pool.getResult()), nullptr, nullptr,
       0, -std::numeric_limits<double>::infinity(), combine, finish});
}

llvm::FailureOr<Grid> emitAvgPool(KernelBuilder &b, mlir::Operation *op) {
  auto pool = mlir::cast<nn::AvgPoolOp>(op);
  auto combine = [&](Value sum, Value v) { return b.addF(sum, v); };
  auto finish = [&](Value sum, Range rows, Range columns) {
    if (pool.getCountPadding()) {
      int64_t area = pool.getWindow()[0] * pool.getWindow()[1];
      return b.divF(sum, b.number(double(area), sum));
    }
    return b.divF(sum, asFloat(b, elements(b, rows, columns), sum));
  };
  return emitWindows(b, pool,
                     {b.buffer(pool.getInput()), b.buffer(pool.getResult()),
                      nullptr, nullptr, 0, 0, combine, finish});
}

llvm::FailureOr<Grid> emitAdaptiveAvgPool(KernelBuilder &b,
                                          mlir::Operation *op) {
  auto pool = mlir::cast<nn::AdaptiveAvgPoolOp>(op);
  Buffer x = b.buffer(pool.getInput()), y = b.buffer(pool.getResult());
  auto rows = [&](Value oh) {
    return adaptiveWindow(b, oh, x.height(), y.height());
  };
  auto columns = [&](Value ow) {
    return adaptiveWindow(b, ow, x.width(), y.width());
  };
  auto combine = [&](Value sum, Value v) { return b.addF(sum, v); };
  auto finish = [&](Value sum, Range h, Range w) {
    return b.divF(sum, asFloat(b, elements(b, h, w), sum));
  };
  int64_t area = (x.height() / y.height() + 1) * (x.width() / y.width() + 1);
  return emitPooling(b, {x, y, rows, columns, area, 0, combine, finish});
}

// Each row is summed on its own and the rows' sums are added: shorter chains,
// smaller errors.
llvm::FailureOr<Grid> emitGlobalAvgPool(KernelBuilder &b, mlir::Operation *op) {
  auto pool = mlir::cast<nn::GlobalAvgPoolOp>(op);
  Buffer x = b.buffer(pool.getInput()), y = b.buffer(pool.getResult());
  int64_t places = x.height() * x.width();
  auto sumRow = [&](Value row, llvm::ArrayRef<Piece> pieces) {
    Values zeros;
    for (Piece piece : pieces)
      zeros.push_back(b.splat(0, piece.lanes));
    return b.loop(b.constant(0), b.constant(x.width()), 1, zeros,
                  [&](Value w, mlir::ValueRange sums) {
                    Value place = b.at(row, b.mul(w, x.channels()));
                    Values next;
                    for (auto [piece, sum] : llvm::zip(pieces, sums))
                      next.push_back(b.addF(
                          sum, b.load(b.at(place, piece.offset), piece.lanes)));
                    return next;
                  });
  };
  auto average = [&](Value from, Value to, llvm::ArrayRef<Piece> pieces) {
    Values zeros;
    for (Piece piece : pieces)
      zeros.push_back(b.splat(0, piece.lanes));
    Values sums =
        b.loop(b.constant(0), b.constant(x.height()), 1, zeros,
               [&](Value h, mlir::ValueRange total) {
                 Value row = b.at(from, b.mul(h, x.rowStride()));
                 Values next;
                 for (auto [t, r] : llvm::zip(total, sumRow(row, pieces)))
                   next.push_back(b.addF(t, r));
                 return next;
               });
    for (auto [piece, sum] : llvm::zip(pieces, sums))
      b.store(b.divF(sum, b.number(double(places), sum)),
              b.at(to, piece.offset));
  };
  PictureTiles tiles(1, places * x.channels());
  tiles.forEach(b, [&](Value picture, Value, Value) {
    Value zero = b.constant(0);
    Value from = b.at(x.pointer, b.pixel(x, picture, zero, zero));
    Value to = b.at(y.pointer, b.mul(picture, y.pictureStride()));
    forEachBlock(b, x.channels(), [&](Value c, llvm::ArrayRef<Piece> pieces) {
      average(b.at(from, c), b.at(to, c), pieces);
    });
  });
  return tiles.grid();
}

llvm::FailureOr<Grid> emitGlobalAvgPoolGrad(KernelBuilder &b,
                                            mlir::Operation *op) {
  auto pool = mlir::cast<nn::GlobalAvgPoolGradOp>(op);
  Buffer dy = b.buffer(pool.getGradient()), dx = b.buffer(pool.getResult());
  RowShape shape(dx);
  PictureTiles tiles(shape.rows, shape.rowElements());
  double places = double(shape.rows * shape.places);
  tiles.forEach(b, [&](Value picture, Value begin, Value end) {
    Value from = b.at(dy.pointer, b.mul(picture, dy.pictureStride()));
    b.loop(begin, end, 1, [&](Value h) {
      b.loop(0, shape.places, 1, [&](Value w) {
        Value to = b.at(dx.pointer, b.pixel(dx, picture, h, w));
        b.forEachVector(shape.channels, [&](Value c, int64_t lanes) {
          Value g = b.load(b.at(from, c), lanes);
          b.store(b.divF(g, b.splat(places, lanes)), b.at(to, c));
        });
      });
    });
    b.zeroHalo(dx, picture, begin, end);
  });
  return tiles.grid();
}

} // namespace tl::cpu
