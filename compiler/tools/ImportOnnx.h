// The ONNX importer as what the language and the load phase ask for. Part of
// the tools, which alone know more than one frontend.
#pragma once

#include "dialects/TL/TL.h"
#include "frontends/tl/Frontend.h"
#include "frontends/weights/WeightSource.h"

namespace tl {

/// For FrontendOptions.
frontend::NetworkImporter onnxImporter();

/// True where the file's weights must be read as ONNX: the backbone came from
/// such a file, and this is one by its name.
bool isOnnxWeights(ask::BackboneOp backbone, llvm::StringRef path);

/// The weights of the backbone's layers, from its own file or another export of
/// the same network.
weights::Result<std::unique_ptr<weights::WeightSource>>
openOnnxWeights(ask::ModelOp model, llvm::StringRef path);

} // namespace tl
