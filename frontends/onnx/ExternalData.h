// Tensor values that lie in a file beside the model. The name of that file
// comes from the model, so it is not trusted: it must be a relative path below
// the model's folder, without "..", and every step of it a plain folder or file
// (no symbolic link, which could lead anywhere).
#pragma once

#include "frontends/onnx/Model.h"

#include <map>
#include <span>

namespace tl::onnx {

/// Files mapped read-only, each once; they stay mapped as long as this lives.
class ExternalFiles {
public:
  explicit ExternalFiles(std::string modelPath)
      : modelPath(std::move(modelPath)) {}
  ~ExternalFiles();
  ExternalFiles(const ExternalFiles &) = delete;

  /// The `bytes` that the tensor says are its values.
  Result<std::span<const std::byte>> find(const pb::TensorProto &tensor,
                                          uint64_t bytes);

private:
  Result<std::span<const std::byte>> map(const std::string &location);

  std::string modelPath;
  std::map<std::string, std::span<const std::byte>> mapped;
};

} // namespace tl::onnx
