// Arithmetic, control and memory of kernels in upstream dialects (arith, scf,
// vector, llvm pointers). Pointers instead of memrefs: addresses are then what
// the emitter says, with a dynamic batch and no descriptor to strip.
#include "compiler/Conversion/KernelsToCPU/KernelBuilder.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace tl::cpu {

// ---------------------------------------------------------------- buffers

int64_t Buffer::height() const {
  return type.getRank() == 4 ? type.getDimSize(1) : 1;
}
int64_t Buffer::width() const {
  return type.getRank() == 4 ? type.getDimSize(2) : 1;
}
int64_t Buffer::channels() const { return type.getShape().back(); }
int64_t Buffer::rowStride() const {
  return (halo.left + width() + halo.right) * channels();
}
int64_t Buffer::offset(int64_t h, int64_t w) const {
  return (h + halo.top) * rowStride() + (w + halo.left) * channels();
}

KernelBuilder::KernelBuilder(const Isa &isa, rt::KernelOp kernel,
                             Block &function, Location loc)
    : ImplicitLocOpBuilder(loc, OpBuilder::atBlockEnd(&function)), isa_(isa),
      kernel_(kernel), function_(function) {
  unsigned count = function.getNumArguments();
  batch_ = function.getArgument(count - 3);
  tile_ = function.getArgument(count - 2);
  scratch_ = function.getArgument(count - 1);
}

Buffer KernelBuilder::buffer(Value value) {
  Buffer result;
  result.type = cast<RankedTensorType>(value.getType());
  result.storage = nn::storageOf(result.type);
  result.halo = nn::haloOf(result.type);
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    result.pointer = function_.getArgument(argument.getArgNumber());
    return result;
  }
  unsigned next = kernel_.getBlock()->getNumArguments();
  for (auto [i, returned] : llvm::enumerate(kernel_.getReturned())) {
    int64_t inPlace = kernel_.getInPlaceArgument(i);
    if (returned == value) {
      result.pointer =
          function_.getArgument(inPlace >= 0 ? unsigned(inPlace) : next);
      return result;
    }
    next += inPlace < 0;
  }
  return result;
}

Value KernelBuilder::elements(const Buffer &buffer) {
  Value count = constant(buffer.storage.elements);
  return buffer.storage.perPicture ? mul(count, batch()) : count;
}

// ---------------------------------------------------------------- the form

void KernelBuilder::describe(const llvm::Twine &text) {
  if (form_.text.empty())
    form_.text = text.str();
}

void KernelBuilder::holdsBlock(int64_t rows, int64_t columns, int64_t active) {
  if (rows * active <= form_.rows * form_.active)
    return;
  form_.rows = rows;
  form_.columns = columns;
  form_.active = active;
}

// ---------------------------------------------------------------- integers

Value KernelBuilder::constant(int64_t value) {
  return arith::ConstantOp::create(*this, getI64IntegerAttr(value));
}
Value KernelBuilder::add(Value a, Value b) {
  return createOrFold<arith::AddIOp>(a, b, arith::IntegerOverflowFlags::nsw);
}
Value KernelBuilder::sub(Value a, Value b) {
  return createOrFold<arith::SubIOp>(a, b, arith::IntegerOverflowFlags::nsw);
}
Value KernelBuilder::mul(Value a, Value b) {
  return createOrFold<arith::MulIOp>(a, b, arith::IntegerOverflowFlags::nsw);
}
// Unsigned: the same for what is never negative, and one instruction fewer.
Value KernelBuilder::div(Value a, int64_t b) {
  return createOrFold<arith::DivUIOp>(a, constant(b));
}
Value KernelBuilder::rem(Value a, int64_t b) {
  return createOrFold<arith::RemUIOp>(a, constant(b));
}
Value KernelBuilder::min(Value a, Value b) {
  return createOrFold<arith::MinSIOp>(a, b);
}
Value KernelBuilder::max(Value a, Value b) {
  return createOrFold<arith::MaxSIOp>(a, b);
}
Value KernelBuilder::compare(arith::CmpIPredicate predicate, Value a, Value b) {
  return createOrFold<arith::CmpIOp>(predicate, a, b);
}

// ---------------------------------------------------------------- control

void KernelBuilder::loop(Value begin, Value end, int64_t step, Body body) {
  loop(begin, end, step, {}, [&](Value index, ValueRange) {
    body(index);
    return Values();
  });
}

Values KernelBuilder::loop(Value begin, Value end, int64_t step,
                           ValueRange initial, CarryBody body) {
  auto op = scf::ForOp::create(
      *this, begin, end, constant(step), initial,
      [&](OpBuilder &, Location, Value index, ValueRange carried) {
        OpBuilder::InsertionGuard guard(*this);
        setInsertionPointToEnd(index.getParentBlock());
        scf::YieldOp::create(*this, body(index, carried));
      });
  return Values(op.getResults());
}

void KernelBuilder::when(Value condition, llvm::function_ref<void()> then,
                         llvm::function_ref<void()> otherwise) {
  auto op = scf::IfOp::create(*this, condition, /*withElse=*/bool(otherwise));
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPointToStart(op.thenBlock());
  then();
  if (!otherwise)
    return;
  setInsertionPointToStart(op.elseBlock());
  otherwise();
}

void KernelBuilder::forEachVector(
    Value count, llvm::function_ref<void(Value, int64_t)> body) {
  Value whole = mul(div(count, lanes()), lanes());
  loop(constant(0), whole, lanes(), [&](Value i) { body(i, lanes()); });
  loop(whole, count, 1, [&](Value i) { body(i, 1); });
}

void KernelBuilder::forEachVector(
    int64_t count, llvm::function_ref<void(Value, int64_t)> body) {
  int64_t whole = count / lanes() * lanes();
  if (whole == lanes())
    body(constant(0), lanes());
  else if (whole)
    loop(0, whole, lanes(), [&](Value i) { body(i, lanes()); });
  for (int64_t at = whole, width = lanes() / 2; width; width /= 2)
    if (count - at >= width) {
      body(constant(at), width);
      at += width;
    }
}

// ---------------------------------------------------------------- memory

Value KernelBuilder::at(Value pointer, Value index) {
  if (auto known = getConstantIntValue(index))
    return at(pointer, *known);
  return LLVM::GEPOp::create(*this, pointer.getType(), getF32Type(), pointer,
                             index, LLVM::GEPNoWrapFlags::inbounds);
}

Value KernelBuilder::at(Value pointer, int64_t index) {
  if (index == 0)
    return pointer;
  if (!llvm::isInt<31>(index)) // what a GEP's constant holds
    return LLVM::GEPOp::create(*this, pointer.getType(), getF32Type(), pointer,
                               constant(index), LLVM::GEPNoWrapFlags::inbounds);
  return LLVM::GEPOp::create(*this, pointer.getType(), getF32Type(), pointer,
                             ArrayRef<LLVM::GEPArg>{int32_t(index)},
                             LLVM::GEPNoWrapFlags::inbounds);
}

Value KernelBuilder::load(Value pointer, int64_t lanes, int64_t alignment) {
  return LLVM::LoadOp::create(*this, vectorType(lanes), pointer, alignment);
}

void KernelBuilder::store(Value vector, Value pointer, int64_t alignment) {
  LLVM::StoreOp::create(*this, vector, pointer, alignment);
}

static Value prefixMask(KernelBuilder &b, int64_t lanes, int64_t active) {
  SmallVector<bool> bits(lanes, false);
  std::fill_n(bits.begin(), active, true);
  auto type = VectorType::get({lanes}, b.getI1Type());
  return arith::ConstantOp::create(b, DenseElementsAttr::get(type, bits));
}

Value KernelBuilder::loadPart(Value pointer, int64_t lanes, int64_t active) {
  if (active >= lanes)
    return load(pointer, lanes);
  return LLVM::MaskedLoadOp::create(
      *this, vectorType(lanes), pointer, prefixMask(*this, lanes, active),
      splat(0, lanes), getI32IntegerAttr(4), UnitAttr());
}

void KernelBuilder::storePart(Value vector, Value pointer, int64_t active) {
  int64_t lanes = cast<VectorType>(vector.getType()).getDimSize(0);
  if (active >= lanes)
    return store(vector, pointer);
  LLVM::MaskedStoreOp::create(*this, vector, pointer,
                              prefixMask(*this, lanes, active), 4);
}

Value KernelBuilder::loadScalar(Value pointer) {
  return LLVM::LoadOp::create(*this, getF32Type(), pointer, 4);
}
Value KernelBuilder::loadInteger(Value pointer) {
  return LLVM::LoadOp::create(*this, getI32Type(), pointer, 4);
}
void KernelBuilder::storeScalar(Value value, Value pointer) {
  LLVM::StoreOp::create(*this, value, pointer, 4);
}

Value KernelBuilder::broadcast(Value scalar, int64_t lanes) {
  return vector::BroadcastOp::create(*this, vectorType(lanes), scalar);
}

void KernelBuilder::zero(Value pointer, int64_t count) {
  forEachVector(count, [&](Value i, int64_t width) {
    store(splat(0, width), at(pointer, i));
  });
}

void KernelBuilder::zeroHalo(const Buffer &out, Value picture, Value begin,
                             Value end) {
  if (!out.halo.any())
    return;
  int64_t row = out.rowStride(), c = out.channels();
  Value base = at(out.pointer, mul(picture, out.pictureStride()));
  int64_t left = out.halo.left * c, right = out.halo.right * c;
  if (left + right)
    loop(begin, end, 1, [&](Value h) {
      Value start = at(base, mul(add(h, out.halo.top), row));
      zero(start, left);
      zero(at(start, row - right), right);
    });
  if (int64_t above = out.halo.top * row)
    when(equal(begin, 0), [&] { zero(base, above); });
  if (int64_t below = out.halo.bottom * row)
    when(equal(end, out.height()),
         [&] { zero(at(base, (out.halo.top + out.height()) * row), below); });
}

Value KernelBuilder::pixel(const Buffer &buffer, Value picture, Value h,
                           Value w) {
  Value index = mul(picture, buffer.pictureStride());
  index = add(index, mul(h, buffer.rowStride()));
  index = add(index, mul(w, buffer.channels()));
  return add(index, buffer.offset(0, 0));
}

// ---------------------------------------------------------------- f32 values

VectorType KernelBuilder::vectorType(int64_t lanes) {
  return VectorType::get({lanes}, getF32Type());
}

Value KernelBuilder::splat(double value, int64_t lanes) {
  FloatAttr attr = getF32FloatAttr(float(value));
  if (!lanes)
    return arith::ConstantOp::create(*this, attr);
  return arith::ConstantOp::create(
      *this, DenseElementsAttr::get(vectorType(lanes), attr.getValue()));
}

Value KernelBuilder::number(double value, Value like) {
  Type element = getElementTypeOrSelf(like.getType());
  TypedAttr attr =
      FloatAttr::get(element, element.isF32() ? double(float(value)) : value);
  if (auto type = dyn_cast<VectorType>(like.getType()))
    attr = DenseElementsAttr::get(type, Attribute(attr));
  return arith::ConstantOp::create(*this, attr);
}

Value KernelBuilder::addF(Value a, Value b) {
  return arith::AddFOp::create(*this, a, b);
}
Value KernelBuilder::subF(Value a, Value b) {
  return arith::SubFOp::create(*this, a, b);
}
Value KernelBuilder::mulF(Value a, Value b) {
  return arith::MulFOp::create(*this, a, b);
}
Value KernelBuilder::divF(Value a, Value b) {
  return arith::DivFOp::create(*this, a, b);
}
Value KernelBuilder::negF(Value a) { return arith::NegFOp::create(*this, a); }

Value KernelBuilder::fma(Value a, Value b, Value c) {
  if (!isa_.fma)
    return addF(mulF(a, b), c);
  return LLVM::FMAOp::create(*this, a, b, c);
}

Value KernelBuilder::select(Value condition, Value a, Value b) {
  return arith::SelectOp::create(*this, condition, a, b);
}
Value KernelBuilder::compareF(arith::CmpFPredicate predicate, Value a,
                              Value b) {
  return arith::CmpFOp::create(*this, predicate, a, b);
}

// `a > b ? a : b` is what maxps computes, NaN and zeros included.
Value KernelBuilder::maxF(Value a, Value b) {
  return select(compareF(arith::CmpFPredicate::OGT, a, b), a, b);
}
Value KernelBuilder::minF(Value a, Value b) {
  return select(compareF(arith::CmpFPredicate::OLT, a, b), a, b);
}

Value KernelBuilder::reduce(Value vector,
                            llvm::function_ref<Value(Value, Value)> combine) {
  int64_t width = cast<VectorType>(vector.getType()).getDimSize(0);
  while (width > 1) {
    width /= 2;
    SmallVector<int64_t> low, high;
    for (int64_t i = 0; i < width; ++i) {
      low.push_back(i);
      high.push_back(width + i);
    }
    vector = combine(vector::ShuffleOp::create(*this, vector, vector, low),
                     vector::ShuffleOp::create(*this, vector, vector, high));
  }
  return vector::ExtractOp::create(*this, vector, int64_t(0));
}

Value KernelBuilder::sum(Value vector) {
  return reduce(vector, [&](Value a, Value b) { return addF(a, b); });
}
Value KernelBuilder::maximum(Value vector) {
  return reduce(vector, [&](Value a, Value b) { return maxF(a, b); });
}

// ---------------------------------------------------------------- tiles

RowTiles::RowTiles(int64_t rows, int64_t rowElements, int64_t elementsPerTile)
    : rows_(rows) {
  rowsPerTile_ = std::clamp<int64_t>(elementsPerTile / rowElements, 1, rows);
  blocks_ = llvm::divideCeil(rows, rowsPerTile_);
  rowsPerTile_ = llvm::divideCeil(rows, blocks_); // blocks of equal size
  blocks_ = llvm::divideCeil(rows, rowsPerTile_);
}

RowTiles::Place RowTiles::place(KernelBuilder &b) const {
  Value begin = b.mul(b.rem(b.tile(), blocks_), rowsPerTile_);
  Value end = b.min(b.add(begin, rowsPerTile_), b.constant(rows_));
  return {b.div(b.tile(), blocks_), begin, end};
}

} // namespace tl::cpu
