// A model's file to a TL module: the one entry to the language. Messages go to
// the context's diagnostic engine, with FileLineColRange locations in the model
// file, in a backbone's file beside it, or in one of the built-in backbones
// ("backbones/vgg16.tl").
#pragma once

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

#include "frontends/tl/Network.h"

#include <functional>
#include <string>
#include <vector>

namespace tl::frontend {

/// Discardable attributes of tl.backbone, for whoever loads its weights: whose
/// network it is ("keras", "torch"), and the file's own preset where the
/// model's prepares pictures with other values.
inline constexpr llvm::StringLiteral kConventionAttr = "tl.convention";
inline constexpr llvm::StringLiteral kOtherPresetAttr = "tl.other_preset";

/// A network from a file of another kind: `backbone onnx("file.onnx")`.
struct NetworkRequest {
  std::string path;
  Shape input; // height, width, channels
  std::string output; // where it ends; empty: its own end
  SourceRange range;  // of every layer
};

/// Gives the network, or says why not; the message names the file.
using NetworkImporter = std::function<std::optional<Network>(
    const NetworkRequest &request, std::string &message)>;

struct FrontendOptions {
  /// Replaces the file named by `weights`; taken as it is.
  std::string weights;
  /// Values that stay readable: names of layers or taps, "features", "logits".
  std::vector<std::string> keep;
  /// Reads ONNX; without it such a backbone is an error.
  NetworkImporter importOnnx;
};

/// Reads, checks and elaborates the model in `path`. Null after an error was
/// reported. The dialects it needs are loaded into the context.
mlir::OwningOpRef<mlir::ModuleOp> loadModel(llvm::StringRef path,
                                            const FrontendOptions &options,
                                            mlir::MLIRContext &context);

/// The same for a text that is already in memory; `path` names it in messages,
/// and its folder is where backbones and weights are looked for.
mlir::OwningOpRef<mlir::ModuleOp> loadModelText(llvm::StringRef text,
                                                llvm::StringRef path,
                                                const FrontendOptions &options,
                                                mlir::MLIRContext &context);

/// A built-in backbone, from backbones/<name>.tl.
struct EmbeddedBackbone {
  llvm::StringRef name, text;
};
llvm::ArrayRef<EmbeddedBackbone> embeddedBackbones();

} // namespace tl::frontend
