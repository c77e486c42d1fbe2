// A first look at a model's bytes, before protobuf makes objects of them: an
// empty node takes two bytes of a file and two hundred of memory, so that a
// file of some size could ask for any memory. What is counted is what protobuf
// allocates for, by ONNX's schema; values of tensors stay what they are.
#pragma once

#include "frontends/weights/Result.h"

namespace google::protobuf::io {
class CodedInputStream;
}

namespace tl::onnx {

/// Reads a ModelProto to its end. An error where it is damaged, or larger than
/// any network that an exporter writes.
weights::Status takeCensus(google::protobuf::io::CodedInputStream &model);

} // namespace tl::onnx
