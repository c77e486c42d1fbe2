// A node of the graph as the rules see it: its name for messages and layers,
// its inputs and outputs, and its attributes by name and type.
#pragma once

#include "frontends/onnx/Constant.h"

#include "llvm/ADT/StringRef.h"

namespace tl::onnx {

class Node {
public:
  explicit Node(const pb::NodeProto &proto) : proto(proto) {}

  const std::string &op() const { return proto.op_type(); }
  bool isOnnx() const {
    return proto.domain().empty() || proto.domain() == "ai.onnx";
  }
  /// The node's name, or its first output's where it has none.
  const std::string &name() const;

  size_t inputs() const { return proto.input_size(); }
  /// Empty where there is none.
  const std::string &input(size_t i) const;
  size_t outputs() const { return proto.output_size(); }
  const std::string &output(size_t i) const;

  /// The attribute of this name and type, or what stands in for it.
  int64_t integer(llvm::StringRef name, int64_t otherwise) const;
  double real(llvm::StringRef name, double otherwise) const;
  std::string text(llvm::StringRef name, llvm::StringRef otherwise) const;
  std::optional<std::vector<int64_t>> integers(llvm::StringRef name) const;
  const pb::AttributeProto *find(llvm::StringRef name) const;

  /// "node 'conv1' (Conv): " and the text.
  Error error(const std::string &text) const;

private:
  const pb::NodeProto &proto;
};

} // namespace tl::onnx
