// Parameters hold their values as dense resources: one aligned block each,
// neither hashed nor copied by MLIR, and given back when folding replaces it.
#include "compiler/Transforms/ParameterValues.h"

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/DialectResourceBlobManager.h"

using namespace mlir;

namespace tl {

ArrayRef<float> valuesOf(ElementsAttr values, std::vector<float> &room) {
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(values)) {
    AsmResourceBlob *blob = resource.getRawHandle().getBlob();
    return blob ? blob->getDataAs<float>() : ArrayRef<float>();
  }
  auto dense = cast<DenseElementsAttr>(values);
  room.assign(dense.value_begin<float>(), dense.value_end<float>());
  return room;
}

ArrayRef<float> parameterValues(nn::ParameterOp parameter) {
  ElementsAttr value = parameter.getValueAttr();
  if (!value)
    return {};
  std::vector<float> room;
  ArrayRef<float> values = valuesOf(value, room);
  if (room.empty())
    return values;
  // Values written in the IR (tests) become a resource, so that they stay.
  auto [attribute, data] =
      allocateValues(parameter.getTensorType(), parameter.getSymName());
  llvm::copy(values, data.begin());
  parameter.setValueAttr(attribute);
  return data;
}

NewValues allocateValues(RankedTensorType type, StringRef name) {
  size_t bytes = type.getNumElements() * sizeof(float);
  AsmResourceBlob blob = HeapAsmResourceBlob::allocate(bytes, 64);
  MutableArrayRef<char> memory = blob.getMutableData();
  auto attribute = DenseResourceElementsAttr::get(type, name, std::move(blob));
  return {attribute,
          {reinterpret_cast<float *>(memory.data()), memory.size() / 4}};
}

void releaseValues(ElementsAttr values) {
  if (auto resource = dyn_cast_or_null<DenseResourceElementsAttr>(values))
    resource.getRawHandle().getResource()->setBlob(AsmResourceBlob());
}

} // namespace tl
