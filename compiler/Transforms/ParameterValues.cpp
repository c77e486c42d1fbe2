// Parameters hold their values as dense resources: one aligned block each,
// neither hashed nor copied by MLIR, and given back when folding replaces it.
#include "compiler/Transforms/ParameterValues.h"

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/DialectResourceBlobManager.h"

using namespace mlir;

namespace tl {

ArrayRef<float> parameterValues(nn::ParameterOp parameter) {
  ElementsAttr value = parameter.getValueAttr();
  if (!value)
    return {};
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(value)) {
    AsmResourceBlob *blob = resource.getRawHandle().getBlob();
    return blob ? blob->getDataAs<float>() : ArrayRef<float>();
  }
  // Values written in the IR (tests): splats are expanded first.
  auto dense = cast<DenseElementsAttr>(value);
  if (dense.isSplat() && dense.getNumElements() > 1) {
    auto [attribute, data] =
        allocateValues(parameter.getTensorType(), parameter.getSymName());
    llvm::fill(data, dense.getSplatValue<float>());
    parameter.setValueAttr(attribute);
    return data;
  }
  ArrayRef<char> raw = dense.getRawData();
  return {reinterpret_cast<const float *>(raw.data()), raw.size() / 4};
}

NewValues allocateValues(RankedTensorType type, StringRef name) {
  size_t bytes = type.getNumElements() * sizeof(float);
  AsmResourceBlob blob = HeapAsmResourceBlob::allocate(bytes, 64);
  MutableArrayRef<char> memory = blob.getMutableData();
  auto attribute =
      DenseResourceElementsAttr::get(type, name, std::move(blob));
  return {attribute,
          {reinterpret_cast<float *>(memory.data()), memory.size() / 4}};
}

void releaseValues(ElementsAttr values) {
  if (auto resource = dyn_cast_or_null<DenseResourceElementsAttr>(values))
    resource.getRawHandle().getResource()->setBlob(AsmResourceBlob());
}

} // namespace tl
