// nn.dropout, with Philox4x32-10 written out in vectors: word for word the
// draws of runtime/schema/Random.h. One block of the generator serves four
// neighbouring elements; where a row starts on a multiple of four, a vector of
// blocks is computed at once and its words are put in the elements' order.
#include "compiler/Conversion/KernelsToCPU/Emitters.h"
#include "compiler/Conversion/KernelsToCPU/PictureTiles.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "runtime/schema/Random.h"

#include <cmath>

using namespace mlir;

namespace tl::cpu {

using Value = mlir::Value;

namespace {
/// Arithmetic of i32 vectors.
class Words {
public:
  explicit Words(KernelBuilder &b) : b(b) {}

  Value splat(uint32_t value, int64_t lanes) {
    auto type = VectorType::get({lanes}, b.getI32Type());
    return arith::ConstantOp::create(
        b, DenseElementsAttr::get(type, llvm::APInt(32, value)));
  }
  Value broadcast(Value scalar, int64_t lanes) {
    auto type = VectorType::get({lanes}, b.getI32Type());
    return vector::BroadcastOp::create(b, type, scalar);
  }
  /// first, first + 1, ...; `first` an i64.
  Value count(Value first, int64_t lanes) {
    SmallVector<int32_t> steps(lanes);
    for (int32_t i = 0; i < lanes; ++i)
      steps[i] = i;
    auto type = VectorType::get({lanes}, b.getI32Type());
    Value offsets = arith::ConstantOp::create(
        b, DenseElementsAttr::get(type, ArrayRef<int32_t>(steps)));
    return arith::AddIOp::create(b, broadcast(low(first), lanes), offsets);
  }
  Value low(Value wide) {
    return arith::TruncIOp::create(b, b.getI32Type(), wide);
  }
  Value add(Value x, Value y) { return arith::AddIOp::create(b, x, y); }
  Value exclusiveOr(Value x, Value y) { return arith::XOrIOp::create(b, x, y); }
  Value shiftRight(Value x, uint32_t bits) {
    return arith::ShRUIOp::create(b, x, splat(bits, lanesOf(x)));
  }
  static int64_t lanesOf(Value x) {
    return cast<VectorType>(x.getType()).getDimSize(0);
  }
  /// x0 y0 x1 y1 ...
  Value interleave(Value x, Value y) {
    SmallVector<int64_t> order;
    for (int64_t i = 0, lanes = lanesOf(x); i < lanes; ++i)
      order.append({i, lanes + i});
    return vector::ShuffleOp::create(b, x, y, order);
  }

private:
  KernelBuilder &b;
};

/// What all draws of one picture share: key, and counter words 1 to 3.
struct Stream {
  Value seedLow, seedHigh, id, moment;
  uint32_t purpose;
};

/// The four words of each block whose counter starts with `block`.
std::array<Value, 4> philox(KernelBuilder &b, const Stream &stream,
                            Value block) {
  Words w(b);
  int64_t lanes = Words::lanesOf(block);
  Value k0 = w.broadcast(stream.seedLow, lanes);
  Value k1 = w.broadcast(stream.seedHigh, lanes);
  std::array<Value, 4> c = {block, w.broadcast(stream.id, lanes),
                            w.broadcast(stream.moment, lanes),
                            w.splat(stream.purpose, lanes)};
  for (int round = 0; round < 10; ++round) {
    auto p0 =
        arith::MulUIExtendedOp::create(b, w.splat(0xD2511F53u, lanes), c[0]);
    auto p1 =
        arith::MulUIExtendedOp::create(b, w.splat(0xCD9E8D57u, lanes), c[2]);
    c = {w.exclusiveOr(w.exclusiveOr(p1.getHigh(), c[1]), k0), p1.getLow(),
         w.exclusiveOr(w.exclusiveOr(p0.getHigh(), c[3]), k1), p0.getLow()};
    k0 = w.add(k0, w.splat(0x9E3779B9u, lanes));
    k1 = w.add(k1, w.splat(0xBB67AE85u, lanes));
  }
  return c;
}

/// The words of elements first .. first + 4 `blocks` - 1; `first` is a
/// multiple of four.
Value wordsOfBlocks(KernelBuilder &b, const Stream &stream, Value first,
                    int64_t blocks) {
  Words w(b);
  auto c = philox(b, stream, w.count(b.div(first, 4), blocks));
  return w.interleave(w.interleave(c[0], c[2]), w.interleave(c[1], c[3]));
}

/// The words of elements first .. first + `lanes` - 1, whatever `first` is:
/// each lane computes its own block and takes one word of it.
Value wordsOfElements(KernelBuilder &b, const Stream &stream, Value first,
                      int64_t lanes) {
  Words w(b);
  Value element = w.count(first, lanes);
  auto c = philox(b, stream, w.shiftRight(element, 2));
  Value place = arith::AndIOp::create(b, element, w.splat(3, lanes));
  Value word = c[0];
  for (uint32_t i : {1u, 2u, 3u}) {
    Value mine = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, place,
                                       w.splat(i, lanes));
    word = b.select(mine, c[i], word);
  }
  return word;
}

/// Keeps where the uniform draw word / 2^8 * 2^-24 is at least the rate,
/// compared as whole numbers, which is exact.
Value keepOrDrop(KernelBuilder &b, Value words, double rate, Value value) {
  Words w(b);
  int64_t lanes = Words::lanesOf(words);
  Value kept = arith::CmpIOp::create(
      b, arith::CmpIPredicate::uge, w.shiftRight(words, 8),
      w.splat(uint32_t(std::ceil(rate * 0x1p24)), lanes));
  Value scaled = b.mulF(value, b.splat(1 / (1 - rate), lanes));
  return b.select(kept, scaled, b.splat(0, lanes));
}

void dropVector(KernelBuilder &b, Value words, double rate, Value from,
                Value to) {
  Value x = b.load(from, Words::lanesOf(words));
  b.store(keepOrDrop(b, words, rate, x), to);
}

/// What the draw of element 0 gives for all of a picture: 0 or 1 / (1 - rate).
Value pictureFactor(KernelBuilder &b, const Stream &stream, double rate) {
  Value words = wordsOfElements(b, stream, b.constant(0), 1);
  Value factor = keepOrDrop(b, words, rate, b.splat(1, 1));
  return vector::ExtractOp::create(b, factor, 0);
}

Stream streamOf(KernelBuilder &b, nn::DropoutOp op) {
  Value step = b.buffer(op.getStep()).pointer;
  auto word = [&](int64_t i) { return b.loadInteger(b.at(step, i)); };
  Value twenty = arith::ConstantOp::create(b, b.getI32IntegerAttr(20));
  Value phase = arith::ShLIOp::create(b, word(2), twenty);
  return {word(0), word(1), Value(), arith::XOrIOp::create(b, phase, word(3)),
          schema::kRandomDropout | uint32_t(op.getStream()) << 8};
}

/// One row, whose first element is the `element`-th of its picture.
void dropRow(KernelBuilder &b, const Stream &stream, const RowShape &shape,
             double rate, Value element, Value from, Value to) {
  bool aligned = shape.rows == 1 || shape.rowElements() % 4 == 0;
  int64_t block = 4 * b.lanes();
  int64_t whole = aligned ? shape.rowElements() / block * block : 0;
  if (whole)
    b.loop(0, whole, block, [&](Value i) {
      Value words = wordsOfBlocks(b, stream, b.add(element, i), b.lanes());
      dropVector(b, words, rate, b.at(from, i), b.at(to, i));
    });
  Value restFrom = b.at(from, whole), restTo = b.at(to, whole);
  Value restElement = b.add(element, whole);
  b.forEachVector(shape.rowElements() - whole, [&](Value i, int64_t lanes) {
    Value words = wordsOfElements(b, stream, b.add(restElement, i), lanes);
    dropVector(b, words, rate, b.at(restFrom, i), b.at(restTo, i));
  });
}
} // namespace

llvm::FailureOr<Grid> emitDropout(KernelBuilder &b, mlir::Operation *op) {
  auto dropout = cast<nn::DropoutOp>(op);
  if (!dropout.getStep())
    return op->emitOpError("has no kernel for inference, where it changes "
                           "nothing: the fold phase removes it");
  Buffer x = b.buffer(dropout.getInput()), y = b.buffer(dropout.getResult());
  Value ids = b.buffer(dropout.getIds()).pointer;
  double rate = dropout.getRate().convertToDouble();
  RowShape shape(y);
  // Philox is some 60 operations an element: smaller tiles than a copy's.
  PictureTiles tiles(shape.rows, shape.rowElements(),
                     dropout.getPerPicture() ? kTileElements
                                             : kTileElements / 4);
  Stream shared = streamOf(b, dropout);
  tiles.forEach(b, [&](Value picture, Value begin, Value end) {
    Stream stream = shared;
    stream.id = b.loadInteger(b.at(ids, picture));
    Value factor =
        dropout.getPerPicture() ? pictureFactor(b, stream, rate) : Value();
    b.loop(begin, end, 1, [&](Value h) {
      Value zero = b.constant(0);
      Value from = b.at(x.pointer, b.pixel(x, picture, h, zero));
      Value to = b.at(y.pointer, b.pixel(y, picture, h, zero));
      if (dropout.getPerPicture())
        b.forEachVector(shape.rowElements(), [&](Value i, int64_t lanes) {
          Value x = b.load(b.at(from, i), lanes);
          b.store(b.mulF(x, b.broadcast(factor, lanes)), b.at(to, i));
        });
      else
        dropRow(b, stream, shape, rate, b.mul(h, shape.rowElements()), from,
                to);
    });
    b.zeroHalo(y, picture, begin, end);
  });
  return tiles.grid();
}

} // namespace tl::cpu
