// What an emitter of kernels needs, and nothing of how kernels are compiled.
//
// An emitter is a function that writes the code of one NN operation for one
// ISA, through a KernelBuilder that stands in the kernel's function, and
// returns the kernel's grid. All integers are i64; pointers are `!llvm.ptr` to
// f32 elements, indices count elements; values are f32 scalars or vectors.
//
// Activation.cpp is the shortest example.
//
// Rules that keep the equality contract (DESIGN.md section 7): every output
// element is computed by the same operations in the same order whichever tile,
// position or remainder path it falls in; no reads or writes outside a buffer.
// Vectors of any width compute the same bits lane by lane, so a remainder may
// use narrower vectors or scalars.
#pragma once

#include "compiler/Conversion/KernelsToCPU/Isa.h"
#include "dialects/NN/Storage.h"
#include "dialects/RT/RT.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

#include <string>

namespace tl::cpu {

using Value = mlir::Value;
using Values = llvm::SmallVector<mlir::Value>;

/// Tiles of a kernel: `fixed + ceil(n / pictures) * tiles`; scratch in bytes.
struct Grid {
  int64_t fixed = 0;
  int64_t pictures = 1;
  int64_t tiles = 0;
  int64_t scratch = 0;
};

/// How a kernel computes, for people (`tlc --explain`) and the cost model.
struct Form {
  std::string text;
  /// The largest block of sums that stays in registers: rows x columns, of
  /// which `active` columns are wanted. 0: the kernel has none.
  int64_t rows = 0, columns = 0, active = 0;
  /// Multiply-adds that are done for each that the operation counts.
  double products = 1;
};

/// The memory of one value of the kernel.
struct Buffer {
  Value pointer; ///< the first element of the batch (halo included)
  mlir::RankedTensorType type;
  nn::Storage storage;
  nn::HaloSizes halo;

  /// Sizes of a `[N, H, W, C]` value; other ranks: `[N, C]` is 1 x 1 x C.
  int64_t height() const;
  int64_t width() const;
  int64_t channels() const;
  /// Elements from one stored pixel row to the next (halo included).
  int64_t rowStride() const;
  /// Elements from one picture to the next.
  int64_t pictureStride() const { return storage.elements; }
  /// Index of logical element (0, h, w, 0), h and w constants.
  int64_t offset(int64_t h, int64_t w) const;
};

class KernelBuilder : public mlir::ImplicitLocOpBuilder {
public:
  /// Stands at the start of `function`, whose arguments are the buffers of
  /// `kernel` (inputs, then outputs that take no argument's storage), batch,
  /// tile and scratch.
  KernelBuilder(const Isa &isa, rt::KernelOp kernel, mlir::Block &function,
                mlir::Location loc);

  // ------------------------------------------------------------ the kernel
  const Isa &isa() const { return isa_; }
  int64_t lanes() const { return isa_.lanes; }
  Value batch() const { return batch_; }
  Value tile() const { return tile_; }
  Value scratch() const { return scratch_; }
  /// The memory of an argument of the kernel or of a value it returns. A
  /// returned value that takes an argument's storage has that argument's
  /// pointer. Null pointer for a value that is neither.
  Buffer buffer(Value kernelValue);
  /// Like `buffer` for an optional operand: null pointer for a null value.
  Buffer bufferOrNone(Value kernelValue) {
    return kernelValue ? buffer(kernelValue) : Buffer();
  }
  /// Stored elements of the whole buffer: times the batch where per picture.
  Value elements(const Buffer &buffer);

  // ------------------------------------------------------------ the form
  /// Says how the kernel computes. The first word counts: an emitter's own goes
  /// before that of a helper that cuts its work.
  void describe(const llvm::Twine &text);
  /// A block of sums in registers (see Form); the largest is remembered.
  void holdsBlock(int64_t rows, int64_t columns, int64_t active);
  void setProducts(double products) { form_.products = products; }
  const Form &form() const { return form_; }

  // ------------------------------------------------------------ integers
  Value constant(int64_t value);
  Value add(Value a, Value b);
  Value add(Value a, int64_t b) { return add(a, constant(b)); }
  Value sub(Value a, Value b);
  Value mul(Value a, Value b);
  Value mul(Value a, int64_t b) { return mul(a, constant(b)); }
  Value div(Value a, int64_t b); ///< a >= 0
  Value rem(Value a, int64_t b); ///< a >= 0
  Value min(Value a, Value b);
  Value max(Value a, Value b);
  Value compare(mlir::arith::CmpIPredicate predicate, Value a, Value b);
  Value equal(Value a, int64_t b) {
    return compare(mlir::arith::CmpIPredicate::eq, a, constant(b));
  }
  Value less(Value a, Value b) {
    return compare(mlir::arith::CmpIPredicate::slt, a, b);
  }

  // ------------------------------------------------------------ control
  using Body = llvm::function_ref<void(Value index)>;
  using CarryBody = llvm::function_ref<Values(Value index, mlir::ValueRange)>;
  void loop(Value begin, Value end, int64_t step, Body body);
  void loop(int64_t begin, int64_t end, int64_t step, Body body) {
    loop(constant(begin), constant(end), step, body);
  }
  /// Carries values from one round to the next; returns the last ones.
  Values loop(Value begin, Value end, int64_t step, mlir::ValueRange initial,
              CarryBody body);
  void when(Value condition, llvm::function_ref<void()> then,
            llvm::function_ref<void()> otherwise = nullptr);
  /// body(index, lanes): whole vectors over [0, count), then single elements
  /// (lanes = 1, vectors of one element).
  void forEachVector(Value count,
                     llvm::function_ref<void(Value, int64_t)> body);
  /// The same for a count known now: a loop of whole vectors, then one vector
  /// of each power of two that the remainder needs.
  void forEachVector(int64_t count,
                     llvm::function_ref<void(Value, int64_t)> body);

  // ------------------------------------------------------------ memory
  Value at(Value pointer, Value index);
  Value at(Value pointer, int64_t index);
  /// `lanes` elements as a vector; alignment in bytes.
  Value load(Value pointer, int64_t lanes, int64_t alignment = 4);
  void store(Value vector, Value pointer, int64_t alignment = 4);
  /// The first `active` of `lanes`: the others are 0 and never read.
  Value loadPart(Value pointer, int64_t lanes, int64_t active);
  /// Writes the first `active` lanes only.
  void storePart(Value vector, Value pointer, int64_t active);
  Value loadScalar(Value pointer);  ///< f32
  Value loadInteger(Value pointer); ///< i32
  void storeScalar(Value value, Value pointer);
  /// One f32 in every lane.
  Value broadcast(Value scalar, int64_t lanes);
  Value loadBroadcast(Value pointer, int64_t lanes) {
    return broadcast(loadScalar(pointer), lanes);
  }
  /// Zeroes `count` elements.
  void zero(Value pointer, int64_t count);
  /// Zeroes the halo of `picture` beside rows [begin, end) of `out`; with the
  /// first row also the halo above, with the last also the halo below. Tiles
  /// that cut the rows [0, H) of a picture zero its whole halo together.
  void zeroHalo(const Buffer &out, Value picture, Value begin, Value end);
  /// Index of logical element (picture, h, w, 0) of a `[N, H, W, C]` buffer.
  Value pixel(const Buffer &buffer, Value picture, Value h, Value w);

  // ------------------------------------------------------------ f32 values
  mlir::VectorType vectorType(int64_t lanes);
  /// The same number in every lane (`lanes` = 0: a scalar).
  Value splat(double value, int64_t lanes);
  /// The same number in the shape and precision of `like`.
  Value number(double value, Value like);
  Value addF(Value a, Value b);
  Value subF(Value a, Value b);
  Value mulF(Value a, Value b);
  Value divF(Value a, Value b);
  Value negF(Value a);
  /// a * b + c, fused where the ISA can, else rounded twice.
  Value fma(Value a, Value b, Value c);
  /// c ? a : b lane by lane.
  Value select(Value condition, Value a, Value b);
  Value compareF(mlir::arith::CmpFPredicate predicate, Value a, Value b);
  /// The larger; b where one of them is NaN. One instruction.
  Value maxF(Value a, Value b);
  /// The smaller; b where one of them is NaN. One instruction.
  Value minF(Value a, Value b);
  /// The sum of all lanes, halves added until one is left: f32.
  Value sum(Value vector);
  /// The same tree with `maxF`.
  Value maximum(Value vector);

private:
  Value reduce(Value vector, llvm::function_ref<Value(Value, Value)> combine);

  const Isa &isa_;
  rt::KernelOp kernel_;
  mlir::Block &function_;
  Value batch_, tile_, scratch_;
  Form form_;
};

/// The common way to cut pictures into tiles: blocks of whole rows of one
/// picture, so that a tile computes about `elementsPerTile` outputs.
class RowTiles {
public:
  RowTiles(int64_t rows, int64_t rowElements, int64_t elementsPerTile);

  /// What this call's tile covers: rows [begin, end) of a picture.
  struct Place {
    Value picture, begin, end;
  };
  Place place(KernelBuilder &b) const;
  Grid grid() const { return {0, 1, blocks_, 0}; }

private:
  int64_t rows_, rowsPerTile_, blocks_;
};

} // namespace tl::cpu
