// See the header. Files of IR version 1 and 2 leave an attribute's type out;
// a value of another type counts as absent.
#include "frontends/onnx/Node.h"

#include "frontends/weights/Message.h"

namespace tl::onnx {

static const std::string kNone;

const std::string &Node::name() const {
  return proto.name().empty() ? output(0) : proto.name();
}

const std::string &Node::input(size_t i) const {
  return i < inputs() ? proto.input(int(i)) : kNone;
}

const std::string &Node::output(size_t i) const {
  return i < outputs() ? proto.output(int(i)) : kNone;
}

const pb::AttributeProto *Node::find(llvm::StringRef name) const {
  for (const pb::AttributeProto &attribute : proto.attribute())
    if (name == attribute.name())
      return &attribute;
  return nullptr;
}

int64_t Node::integer(llvm::StringRef name, int64_t otherwise) const {
  const auto *attribute = find(name);
  return attribute && attribute->has_i() ? attribute->i() : otherwise;
}

double Node::real(llvm::StringRef name, double otherwise) const {
  const auto *attribute = find(name);
  return attribute && attribute->has_f() ? attribute->f() : otherwise;
}

std::string Node::text(llvm::StringRef name, llvm::StringRef otherwise) const {
  const auto *attribute = find(name);
  return attribute && attribute->has_s() ? attribute->s() : otherwise.str();
}

std::optional<std::vector<int64_t>> Node::integers(llvm::StringRef name) const {
  const auto *attribute = find(name);
  if (!attribute || (attribute->ints_size() == 0 && attribute->has_i()))
    return std::nullopt;
  return std::vector<int64_t>(attribute->ints().begin(),
                              attribute->ints().end());
}

Error Node::error(const std::string &text) const {
  return Error{"node " + weights::inQuotes(name()) + " (" +
               (isOnnx() ? "" : proto.domain() + "::") + op() + "): " + text};
}

} // namespace tl::onnx
