// What forward convolutions and gradients of inputs share before any code is
// written; see the header.
#include "compiler/Conversion/KernelsToCPU/ConvParts.h"

namespace tl::cpu {

PixelGrid pixelGrid(const Buffer &buffer, int64_t h, int64_t w, int64_t stepH,
                    int64_t stepW) {
  if (!buffer.pointer)
    return {};
  return {buffer.pointer, buffer.offset(h, w), buffer.pictureStride(),
          stepH * buffer.rowStride(), stepW * buffer.channels()};
}

llvm::FailureOr<Grid> emitParts(KernelBuilder &b, mlir::Operation *op,
                                Value filter, llvm::ArrayRef<ConvPart> parts,
                                const Buffer &result) {
  const ConvPart &part = parts.front();
  nn::WeightForm form =
      nn::formOf(mlir::cast<mlir::RankedTensorType>(filter.getType()));
  bool canonical = form == nn::WeightForm::Canonical;
  if (canonical && part.inChannels == 1 && part.outChannels == 1)
    return emitDepthwiseParts(b, parts, result);
  if (part.groups == 1 && form != nn::WeightForm::Panels)
    return op->emitOpError("needs its filter as #nn.form<panels>");
  if (part.groups != 1 && !canonical)
    return op->emitOpError("needs its filter in canonical form, because it has "
                           "more than one group");
  return emitConvParts(b, parts, result);
}

mlir::LogicalResult checkHalo(mlir::Operation *op, const Buffer &buffer,
                              nn::HaloSizes needed) {
  std::pair<int64_t, int64_t> sides[] = {{buffer.halo.top, needed.top},
                                         {buffer.halo.bottom, needed.bottom},
                                         {buffer.halo.left, needed.left},
                                         {buffer.halo.right, needed.right}};
  llvm::StringRef names[] = {"top", "bottom", "left", "right"};
  for (auto [side, name] : llvm::zip(sides, names))
    if (side.first < side.second)
      return op->emitOpError()
             << "needs an input with " << side.second << " zeros at the "
             << name << " (#nn.halo), found " << side.first;
  return mlir::success();
}

} // namespace tl::cpu
