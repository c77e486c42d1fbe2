// An .onnx file in memory: read with limits, and checked for what the importer
// takes for granted (versions, names in order, one input). Nothing that the
// file says about its tensors is believed before Constant.h has looked.
#pragma once

#include "frontends/weights/Result.h"

#include "onnx.pb.h"

#include <memory>

namespace tl::onnx {

namespace pb = ::onnx;
using weights::Error;
using weights::Result;
using weights::Status;

/// The versions of ONNX's own operators that the rules were written for.
inline constexpr int64_t kOldestOpset = 7, kNewestOpset = 28;

struct Model {
  std::string path;
  pb::ModelProto proto;
  int64_t opset = 0;
};

/// Reads a file. Operators of other domains pass here: only a node that is
/// needed must be known.
Result<std::shared_ptr<const Model>> readModel(const std::string &path);

} // namespace tl::onnx
