// Any ONNX network as a backbone: the graph of a file as the list of layers
// that the language's own backbones give, so that heads, freeze ranges, taps,
// summaries and training know no difference. A layer has its node's name. Its
// weights are tensors of the same file, found by the layer's name and role.
#pragma once

#include "frontends/onnx/Layout.h"
#include "frontends/tl/Network.h"
#include "frontends/weights/WeightSource.h"

#include <functional>

namespace tl::onnx {

struct ImportOptions {
  /// Height, width and channels that the model's input must have; without
  /// them the file's own input of any shape is taken (for tests).
  std::optional<std::array<int64_t, 3>> picture;
  /// The node or value at which the network ends; empty: the graph's output.
  std::string output;
  /// The place of every layer in messages.
  frontend::SourceRange range;
  /// Without `picture`: the whole input is one picture's, no batch in front.
  bool whole = false;
  /// Without `picture`: pictures are [N, H, W, C].
  bool channelsLast = false;
};

/// The values of one parameter, as the layer wants them.
struct ImportedTensor {
  std::string name; // "<layer>.<role>"
  Extents shape;
  std::function<void(std::span<float>)> read;
};

struct Import {
  frontend::Network network;
  std::vector<ImportedTensor> tensors;
  /// What the file calls [N, C, H, W] and so on, in our memory.
  Layout input, output;
  /// The file leaves open how many pictures there are.
  bool openBatch = false;
  /// Mapped files that the tensors lie in.
  std::shared_ptr<ExternalFiles> external;
};

/// Messages name the file, the node and its operator.
Result<Import> importModel(const std::string &path,
                           const ImportOptions &options);

/// The weights alone, for a network that was imported with these options.
Result<std::unique_ptr<weights::WeightSource>>
openImportedWeights(const std::string &path, const ImportOptions &options);

/// True if the name of the file says that it is ONNX's.
bool hasOnnxName(llvm::StringRef path);

} // namespace tl::onnx
