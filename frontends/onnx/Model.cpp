// Reading and the checks on the whole; see the header.
#include "frontends/onnx/Model.h"

#include "frontends/onnx/Census.h"
#include "frontends/weights/File.h"
#include "frontends/weights/Message.h"

#include "llvm/Support/ConvertUTF.h"
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <algorithm>
#include <climits>
#include <unordered_set>

namespace tl::onnx {

using weights::inQuotes;

// Graphs nest through attributes of control flow, which is refused: a file that
// is deeper than this is none that an exporter wrote.
constexpr int kDeepestNesting = 32;
constexpr int kMostNodes = 100000;
constexpr size_t kLongestName = 1024;

namespace {

/// The file's bytes for protobuf, piece by piece: large weights are never twice
/// in memory.
class FileStream : public google::protobuf::io::CopyingInputStream {
public:
  explicit FileStream(const weights::File &file) : file(file) {}

  int Read(void *buffer, int size) override {
    uint64_t count = std::min<uint64_t>(size, file.size() - offset);
    Status status =
        file.read(offset, {static_cast<std::byte *>(buffer), count});
    if (!status) {
      problem = status.message();
      return -1;
    }
    offset += count;
    return int(count);
  }

  int Skip(int count) override {
    uint64_t skipped = std::min<uint64_t>(count, file.size() - offset);
    offset += skipped;
    return int(skipped);
  }

  std::string problem;

private:
  const weights::File &file;
  uint64_t offset = 0;
};

/// Names end up in messages, in MLIR and in the container.
bool isCleanName(const std::string &name) {
  if (name.size() > kLongestName ||
      std::any_of(name.begin(), name.end(),
                  [](unsigned char c) { return c < 32 || c == 127; }))
    return false;
  const auto *begin = reinterpret_cast<const llvm::UTF8 *>(name.data());
  return llvm::isLegalUTF8String(&begin, begin + name.size());
}

class Checker {
public:
  explicit Checker(const pb::GraphProto &graph) : graph(graph) {}

  Status run();

private:
  Status name(const std::string &name, bool defines);
  Status node(const pb::NodeProto &node);

  const pb::GraphProto &graph;
  std::unordered_set<std::string> known;
};

Status Checker::name(const std::string &text, bool defines) {
  if (!isCleanName(text))
    return Error{"expected names of printable UTF-8 of at most " +
                 std::to_string(kLongestName) + " bytes, found " +
                 inQuotes(text)};
  if (defines && !known.insert(text).second)
    return Error{"the value " + inQuotes(text) + " is defined twice"};
  if (!defines && !known.count(text))
    return Error{"the value " + inQuotes(text) +
                 " is used before it is defined"};
  return weights::Done{};
}

Status Checker::node(const pb::NodeProto &node) {
  if (!isCleanName(node.name()) || !isCleanName(node.op_type()) ||
      !isCleanName(node.domain()))
    return Error{"a node's name or operator is no printable UTF-8 of at most " +
                 std::to_string(kLongestName) +
                 " bytes: " + inQuotes(node.name())};
  for (const std::string &input : node.input())
    if (!input.empty())
      if (Status status = name(input, false); !status)
        return status;
  for (const std::string &output : node.output())
    if (!output.empty())
      if (Status status = name(output, true); !status)
        return status;
  return weights::Done{};
}

Status Checker::run() {
  if (graph.node_size() > kMostNodes || graph.initializer_size() > kMostNodes)
    return Error{"expected at most " + std::to_string(kMostNodes) +
                 " nodes and as many initializers, found " +
                 std::to_string(graph.node_size()) + " and " +
                 std::to_string(graph.initializer_size())};
  if (graph.sparse_initializer_size() != 0)
    return Error{"sparse initializers are not supported"};
  for (const pb::TensorProto &tensor : graph.initializer())
    if (Status status = name(tensor.name(), true); !status)
      return status;
  // Up to IR version 3 every initializer is an input too.
  std::unordered_set<std::string> inputs;
  for (const pb::ValueInfoProto &input : graph.input()) {
    if (!inputs.insert(input.name()).second)
      return Error{"the input " + inQuotes(input.name()) + " is given twice"};
    if (!known.count(input.name()))
      if (Status status = name(input.name(), true); !status)
        return status;
  }
  for (const pb::NodeProto &one : graph.node())
    if (Status status = node(one); !status)
      return status;
  for (const pb::ValueInfoProto &output : graph.output())
    if (Status status = name(output.name(), false); !status)
      return status;
  return weights::Done{};
}

} // namespace

static Status parse(const weights::File &file, pb::ModelProto &proto) {
  if (file.size() > INT_MAX)
    return Error{"expected at most 2 GiB, protobuf's limit, found " +
                 std::to_string(file.size()) +
                 " bytes; larger weights are saved as external data"};
  {
    FileStream bytes(file);
    google::protobuf::io::CopyingInputStreamAdaptor adaptor(&bytes);
    google::protobuf::io::CodedInputStream coded(&adaptor);
    Status census = takeCensus(coded);
    if (!bytes.problem.empty())
      return Error{bytes.problem};
    if (!census)
      return census;
  }
  FileStream bytes(file);
  google::protobuf::io::CopyingInputStreamAdaptor adaptor(&bytes, 1 << 20);
  google::protobuf::io::CodedInputStream coded(&adaptor);
  coded.SetRecursionLimit(kDeepestNesting);
  bool good =
      proto.ParseFromCodedStream(&coded) && coded.ConsumedEntireMessage();
  if (!bytes.problem.empty())
    return Error{bytes.problem};
  if (!good || !proto.has_graph())
    return Error{"expected an ONNX model, found a file that is none or is "
                 "damaged"};
  return weights::Done{};
}

static Status check(Model &model) {
  for (const pb::OperatorSetIdProto &set : model.proto.opset_import())
    if (set.domain().empty() || set.domain() == "ai.onnx")
      model.opset = set.version();
  if (model.opset < kOldestOpset || model.opset > kNewestOpset)
    return Error{"expected ONNX's operators in version " +
                 std::to_string(kOldestOpset) + " to " +
                 std::to_string(kNewestOpset) + ", found version " +
                 std::to_string(model.opset)};
  return Checker(model.proto.graph()).run();
}

Result<std::shared_ptr<const Model>> readModel(const std::string &path) {
  auto file = weights::File::open(path);
  if (!file)
    return file.error();
  auto model = std::make_shared<Model>();
  model->path = path;
  Status status = parse(*file, model->proto);
  if (status)
    status = check(*model);
  if (!status)
    return Error{inQuotes(path) + ": " + status.message()};
  return std::shared_ptr<const Model>(std::move(model));
}

} // namespace tl::onnx
