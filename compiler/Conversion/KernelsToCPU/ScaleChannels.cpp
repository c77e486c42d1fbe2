// nn.multiply, nn.scale_channels, nn.rescale and nn.standardize: an operation
// or two an element, bound by memory. The factors of the channels are laid out
// in the scratch so often that whole vectors run through places of few channels
// (the three of a picture).
#include "compiler/Conversion/KernelsToCPU/Emitters.h"
#include "compiler/Conversion/KernelsToCPU/PictureTiles.h"
#include "compiler/Conversion/KernelsToCPU/VectorMath.h"
#include "llvm/Support/MathExtras.h"

namespace tl::cpu {

namespace {
/// One row of factors: those of the channels, repeated until a vector fits in
/// any place of it.
class Pattern {
public:
  Pattern(KernelBuilder &b, int64_t channels)
      : b(b), channels(channels),
        length(channels < b.lanes() ? channels * b.lanes() : channels) {}

  /// Fills row `row` with factor(c), vectors of channels at a time.
  void fill(int64_t row,
            llvm::function_ref<Value(Value c, int64_t lanes)> factor) {
    Value start = b.at(b.scratch(), row * length);
    b.forEachVector(channels, [&](Value c, int64_t lanes) {
      Value value = factor(c, lanes);
      b.loop(0, length, channels,
             [&](Value copy) { b.store(value, b.at(start, b.add(copy, c))); });
    });
  }
  /// The same with one constant a channel.
  void fillNumbers(int64_t row, llvm::ArrayRef<float> numbers) {
    Value start = b.at(b.scratch(), row * length);
    b.loop(0, length, channels, [&](Value copy) {
      for (auto [c, number] : llvm::enumerate(numbers))
        b.storeScalar(b.splat(number, 0), b.at(start, b.add(copy, c)));
    });
  }
  Value load(int64_t row, Value place, int64_t lanes) {
    return b.load(b.at(b.at(b.scratch(), row * length), place), lanes);
  }
  /// body(element within the row, place in the pattern, lanes).
  void forEach(int64_t elements,
               llvm::function_ref<void(Value, Value, int64_t)> body) {
    int64_t whole = elements / length * length;
    b.loop(0, whole, length, [&](Value start) {
      b.forEachVector(length, [&](Value place, int64_t lanes) {
        body(b.add(start, place), place, lanes);
      });
    });
    b.forEachVector(elements - whole, [&](Value place, int64_t lanes) {
      body(b.add(place, whole), place, lanes);
    });
  }
  int64_t bytes(int64_t rows) const {
    return llvm::alignTo(rows * length * 4, 64);
  }

private:
  KernelBuilder &b;
  int64_t channels, length;
};

/// y = function(x, place in the pattern, lanes), row by row.
Grid applyPattern(KernelBuilder &b, Pattern &pattern, const Buffer &y,
                  const Buffer &x, int64_t rows,
                  llvm::function_ref<Value(Value, Value, int64_t)> function) {
  Grid grid = forEachRow(
      b, y, {x}, [&](Value to, llvm::ArrayRef<Value> from, int64_t elements) {
        pattern.forEach(elements, [&](Value i, Value place, int64_t lanes) {
          Value value = b.load(b.at(from[0], i), lanes);
          b.store(function(value, place, lanes), b.at(to, i));
        });
      });
  grid.scratch = pattern.bytes(rows);
  return grid;
}

/// The gate of a picture multiplies each of its places.
Grid multiplyPlaces(KernelBuilder &b, const Buffer &x, const Buffer &gate,
                    const Buffer &y) {
  RowShape shape(y);
  PictureTiles tiles(shape.rows, shape.rowElements());
  tiles.forEach(b, [&](Value picture, Value begin, Value end) {
    Value zero = b.constant(0);
    Value factors = b.at(gate.pointer, b.pixel(gate, picture, zero, zero));
    b.loop(begin, end, 1, [&](Value h) {
      Value from = b.at(x.pointer, b.pixel(x, picture, h, zero));
      Value to = b.at(y.pointer, b.pixel(y, picture, h, zero));
      b.loop(0, shape.rowElements(), shape.channels, [&](Value place) {
        b.forEachVector(shape.channels, [&](Value c, int64_t lanes) {
          Value i = b.add(place, c);
          b.store(b.mulF(b.load(b.at(from, i), lanes),
                         b.load(b.at(factors, c), lanes)),
                  b.at(to, i));
        });
      });
    });
    b.zeroHalo(y, picture, begin, end);
  });
  return tiles.grid();
}
} // namespace

llvm::FailureOr<Grid> emitMultiply(KernelBuilder &b, mlir::Operation *op) {
  auto multiply = mlir::cast<nn::MultiplyOp>(op);
  Buffer x = b.buffer(multiply.getInput()), gate = b.buffer(multiply.getGate());
  Buffer y = b.buffer(multiply.getResult());
  if (gate.type.getShape() != x.type.getShape())
    return multiplyPlaces(b, x, gate, y);
  return forEachRow(
      b, y, {x, gate},
      [&](Value to, llvm::ArrayRef<Value> from, int64_t elements) {
        b.forEachVector(elements, [&](Value i, int64_t lanes) {
          b.store(b.mulF(b.load(b.at(from[0], i), lanes),
                         b.load(b.at(from[1], i), lanes)),
                  b.at(to, i));
        });
      });
}

llvm::FailureOr<Grid> emitScaleChannels(KernelBuilder &b, mlir::Operation *op) {
  auto node = mlir::cast<nn::ScaleChannelsOp>(op);
  Buffer x = b.buffer(node.getInput()), y = b.buffer(node.getResult());
  Value scale = b.buffer(node.getScale()).pointer;
  Pattern pattern(b, y.channels());
  pattern.fill(
      0, [&](Value c, int64_t lanes) { return b.load(b.at(scale, c), lanes); });
  return applyPattern(b, pattern, y, x, 1,
                      [&](Value v, Value place, int64_t lanes) {
                        return b.mulF(v, pattern.load(0, place, lanes));
                      });
}

llvm::FailureOr<Grid> emitRescale(KernelBuilder &b, mlir::Operation *op) {
  auto node = mlir::cast<nn::RescaleOp>(op);
  Buffer x = b.buffer(node.getInput()), y = b.buffer(node.getResult());
  Pattern pattern(b, y.channels());
  for (auto [row, numbers] :
       {std::pair<int64_t, llvm::ArrayRef<float>>{0, node.getScale()},
        {1, node.getOffset()}})
    if (numbers.size() == 1) {
      pattern.fill(row, [&](Value, int64_t lanes) {
        return b.splat(numbers[0], lanes);
      });
    } else {
      pattern.fillNumbers(row, numbers);
    }
  return applyPattern(b, pattern, y, x, 2,
                      [&](Value v, Value place, int64_t lanes) {
                        return b.fma(v, pattern.load(0, place, lanes),
                                     pattern.load(1, place, lanes));
                      });
}

llvm::FailureOr<Grid> emitStandardize(KernelBuilder &b, mlir::Operation *op) {
  auto node = mlir::cast<nn::StandardizeOp>(op);
  Buffer x = b.buffer(node.getInput()), y = b.buffer(node.getResult());
  Value variance = b.buffer(node.getVariance()).pointer;
  Value mean = b.bufferOrNone(node.getMean()).pointer;
  Pattern pattern(b, y.channels());
  pattern.fill(0, [&](Value c, int64_t lanes) {
    Value deviation = sqrt(b, b.load(b.at(variance, c), lanes));
    return b.maxF(b.splat(1e-7, lanes), deviation);
  });
  if (mean)
    pattern.fill(1, [&](Value c, int64_t lanes) {
      return b.load(b.at(mean, c), lanes);
    });
  return applyPattern(b, pattern, y, x, mean ? 2 : 1,
                      [&](Value v, Value place, int64_t lanes) {
                        if (mean)
                          v = b.subF(v, pattern.load(1, place, lanes));
                        return b.divF(v, pattern.load(0, place, lanes));
                      });
}

} // namespace tl::cpu
