// Sizes of NN types in memory; see the header.
#include "dialects/NN/Storage.h"

#include "runtime/schema/WeightForm.h"

using namespace mlir;

namespace tl::nn {

HaloSizes haloOf(RankedTensorType type) {
  if (auto halo = dyn_cast_or_null<HaloAttr>(type.getEncoding()))
    return {halo.getTop(), halo.getBottom(), halo.getLeft(), halo.getRight()};
  return {};
}

RankedTensorType withHalo(RankedTensorType type, HaloSizes halo) {
  Attribute encoding;
  if (halo.any())
    encoding = HaloAttr::get(type.getContext(), halo.top, halo.bottom,
                             halo.left, halo.right);
  return RankedTensorType::get(type.getShape(), type.getElementType(),
                               encoding);
}

WeightForm formOf(RankedTensorType type) {
  if (auto form = dyn_cast_or_null<FormAttr>(type.getEncoding()))
    return form.getForm();
  return WeightForm::Canonical;
}

RankedTensorType withForm(RankedTensorType type, WeightForm form) {
  Attribute encoding;
  if (form != WeightForm::Canonical)
    encoding = FormAttr::get(type.getContext(), form);
  return RankedTensorType::get(type.getShape(), type.getElementType(),
                               encoding);
}

RankedTensorType withoutEncoding(RankedTensorType type) {
  return RankedTensorType::get(type.getShape(), type.getElementType());
}

Storage storageOf(RankedTensorType type) {
  Storage storage;
  ArrayRef<int64_t> shape = type.getShape();
  storage.perPicture = !shape.empty() && ShapedType::isDynamic(shape[0]);
  if (formOf(type) != WeightForm::Canonical) {
    storage.elements =
        schema::formElements(schema::Form(formOf(type)),
                             std::vector<int64_t>(shape.begin(), shape.end()));
  } else {
    HaloSizes halo = haloOf(type);
    storage.elements = 1;
    for (auto [i, size] : llvm::enumerate(shape.drop_front(storage.perPicture)))
      storage.elements *= size + (i == 0   ? halo.top + halo.bottom
                                  : i == 1 ? halo.left + halo.right
                                           : 0);
  }
  storage.bytes = storage.elements * 4;
  return storage;
}

} // namespace tl::nn
