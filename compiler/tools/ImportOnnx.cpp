// See the header.
#include "compiler/tools/ImportOnnx.h"

#include "frontends/onnx/Import.h"

namespace tl {

static std::array<int64_t, 3> picture(llvm::ArrayRef<int64_t> input) {
  return {input[0], input[1], input[2]};
}

frontend::NetworkImporter onnxImporter() {
  return [](const frontend::NetworkRequest &request,
            std::string &message) -> std::optional<frontend::Network> {
    auto imported = onnx::importModel(
        request.path, {picture(request.input), request.output, request.range});
    if (imported)
      return std::move(imported->network);
    message = imported.message();
    return std::nullopt;
  };
}

bool isOnnxWeights(ask::BackboneOp backbone, llvm::StringRef path) {
  return backbone->hasAttr(ask::kOnnxAttr) && onnx::hasOnnxName(path);
}

weights::Result<std::unique_ptr<weights::WeightSource>>
openOnnxWeights(ask::ModelOp model, llvm::StringRef path) {
  ask::BackboneOp backbone = model.getBackbone();
  auto output = backbone->getAttrOfType<mlir::StringAttr>(ask::kOnnxAttr);
  return onnx::openImportedWeights(
      path.str(), {picture(model.getInput()), output.str(), {}});
}

} // namespace tl
