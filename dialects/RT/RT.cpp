// Registration and verifiers of the RT dialect.
#include "dialects/RT/RT.h"

#include "dialects/NN/Storage.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "mlir/IR/OpImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace tl;
using namespace tl::rt;

#include "dialects/RT/RTDialect.cpp.inc"
#include "dialects/RT/RTEnums.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/RT/RTAttributes.cpp.inc"
#define GET_TYPEDEF_CLASSES
#include "dialects/RT/RTTypes.cpp.inc"
#define GET_OP_CLASSES
#include "dialects/RT/RTOps.cpp.inc"

void RTDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/RT/RTAttributes.cpp.inc"
      >();
  addTypes<
#define GET_TYPEDEF_LIST
#include "dialects/RT/RTTypes.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/RT/RTOps.cpp.inc"
      >();
}

LogicalResult GridAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                               int64_t fixed, int64_t pictures, int64_t tiles,
                               int64_t scratch) {
  if (fixed < 0 || tiles < 0 || fixed + tiles < 1)
    return emitError() << "a grid needs at least one tile";
  if (pictures < 1)
    return emitError() << "a grid's tiles are for at least 1 picture";
  if (scratch < 0 || scratch % 64)
    return emitError() << "scratch must be a multiple of 64 bytes";
  return success();
}

LogicalResult TensorOp::verify() {
  auto type = dyn_cast<RankedTensorType>(getType());
  if (!type || !type.hasStaticShape())
    return emitOpError("needs a static tensor type");
  if ((getRole() == TensorRole::Slot) != bool(getSlotOfAttr()))
    return emitOpError("a slot, and only a slot, names its parameter");
  if (getRole() != TensorRole::Slot && !getValueAttr() && !getInitAttr())
    return emitOpError("needs values or an init");
  return success();
}

OperandRange KernelOp::getReturned() {
  return getBlock()->back().getOperands();
}

int64_t KernelOp::getInPlaceArgument(unsigned index) {
  if (auto pairs = getInPlace())
    for (size_t i = 0; i + 1 < pairs->size(); i += 2)
      if ((*pairs)[i] == int64_t(index))
        return (*pairs)[i + 1];
  return -1;
}

LogicalResult KernelOp::verify() {
  Block *block = getBlock();
  if (block->empty() || !isa<ReturnOp>(block->back()))
    return emitOpError("body must end with rt.return");
  if (auto pairs = getInPlace()) {
    if (pairs->size() % 2)
      return emitOpError("in_place must be pairs (result, argument)");
    for (size_t i = 0; i < pairs->size(); i += 2) {
      int64_t result = (*pairs)[i], argument = (*pairs)[i + 1];
      if (result < 0 || result >= int64_t(getReturned().size()) ||
          argument < 0 || argument >= int64_t(block->getNumArguments()))
        return emitOpError("in_place names a value that is not there");
      if (getReturned()[result].getType() !=
          block->getArgument(argument).getType())
        return emitOpError("in_place pairs must have one type");
    }
  }
  return success();
}

LogicalResult DerivedOp::verifySymbolUses(SymbolTableCollection &tables) {
  auto source =
      tables.lookupNearestSymbolFrom<TensorOp>(*this, getSourceAttr());
  if (!source || source.getRole() == TensorRole::Slot)
    return emitOpError() << "no constant or parameter named "
                         << getSourceAttr();
  auto kernel =
      tables.lookupNearestSymbolFrom<KernelOp>(*this, getKernelAttr());
  if (!kernel)
    return emitOpError() << "no kernel named " << getKernelAttr();
  Block *block = kernel.getBlock();
  if (block->getNumArguments() != 1 || kernel.getReturned().size() != 1 ||
      kernel.getInPlace())
    return emitOpError() << "kernel " << getKernelAttr()
                         << " must make one value of one argument";
  if (block->getArgument(0).getType() != source.getTensorType())
    return emitOpError() << "kernel " << getKernelAttr() << " reads "
                         << block->getArgument(0).getType() << ", found "
                         << source.getTensorType();
  if (kernel.getReturned()[0].getType() != getType())
    return emitOpError() << "kernel " << getKernelAttr() << " makes "
                         << kernel.getReturned()[0].getType() << ", found "
                         << getType();
  if (!getTensorType().hasStaticShape())
    return emitOpError("needs a static tensor type");
  return success();
}

LogicalResult WeightOp::verifySymbolUses(SymbolTableCollection &tables) {
  Operation *named = tables.lookupNearestSymbolFrom(*this, getTensorAttr());
  RankedTensorType type;
  if (auto tensor = dyn_cast_or_null<TensorOp>(named))
    type = tensor.getTensorType();
  else if (auto derived = dyn_cast_or_null<DerivedOp>(named)) {
    auto source = tables.lookupNearestSymbolFrom<TensorOp>(
        derived, derived.getSourceAttr());
    auto entry = (*this)->getParentOfType<EntryOp>();
    if (source && source.getRole() == TensorRole::Parameter && entry &&
        runsInTraining(entry.getKind()))
      return emitOpError() << getTensorAttr()
                           << " is made of a parameter, which changes between "
                              "runs of this entry";
    type = derived.getTensorType();
  } else
    return emitOpError() << "no tensor named " << getTensorAttr();
  if (type != getType().getTensor())
    return emitOpError() << "tensor " << getTensorAttr() << " is " << type
                         << ", found " << getType().getTensor();
  return success();
}

LogicalResult CallOp::verifySymbolUses(SymbolTableCollection &tables) {
  auto kernel =
      tables.lookupNearestSymbolFrom<KernelOp>(*this, getKernelAttr());
  if (!kernel)
    return emitOpError() << "no kernel named " << getKernelAttr();
  SmallVector<Type> outputs;
  for (auto [i, value] : llvm::enumerate(kernel.getReturned()))
    if (kernel.getInPlaceArgument(i) < 0)
      outputs.push_back(value.getType());
  auto check = [&](StringRef what, ValueRange buffers,
                   TypeRange types) -> LogicalResult {
    if (buffers.size() != types.size())
      return emitOpError() << "kernel " << getKernelAttr() << " has "
                           << types.size() << " " << what << ", found "
                           << buffers.size();
    for (auto [buffer, type] : llvm::zip(buffers, types))
      if (cast<BufferType>(buffer.getType()).getTensor() != type)
        return emitOpError() << what << " must hold " << type << ", found "
                             << buffer.getType();
    return success();
  };
  if (failed(
          check("inputs", getInputs(), kernel.getBlock()->getArgumentTypes())))
    return failure();
  return check("outputs", getOutputs(), outputs);
}
