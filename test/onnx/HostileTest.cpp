// Files that nobody would write: damaged ones by the thousand, and those that
// would take a reader that believes them far. Each gives a network or an error
// that names the file; what a crash would be, sanitizers see, whose build has
// this program too.
#include "test/onnx/TestModels.h"

#include <gtest/gtest.h>

#include <unistd.h>

namespace tl::onnx {
namespace {

namespace fs = std::filesystem;

class OnnxHostile : public testing::Test {
protected:
  OnnxHostile()
      : path(fs::temp_directory_path() /
             ("tl-hostile-" + std::to_string(::getpid()) + ".onnx")) {}
  ~OnnxHostile() override { fs::remove(path); }

  /// The message of an import of all weights, or "" where it is good.
  std::string import(const std::string &bytes) {
    fs::remove(path); // or ext4 writes each one to the disk
    std::ofstream(path, std::ios::binary) << bytes;
    auto result = importModel(path.string(), {});
    if (!result) {
      EXPECT_NE(result.message().find(path.string()), std::string::npos)
          << result.message();
      return result.message();
    }
    for (const ImportedTensor &tensor : result->tensors) {
      int64_t count = countElements(tensor.shape);
      EXPECT_GE(count, 1) << tensor.name;
      if (count < 1 || count > 1 << 20)
        continue;
      std::vector<float> values(count);
      tensor.read(values);
    }
    return "";
  }
  std::string import(const pb::ModelProto &model) {
    return import(model.SerializeAsString());
  }
  void expectRefused(const pb::ModelProto &model, const std::string &part) {
    std::string message = import(model);
    EXPECT_NE(message.find(part), std::string::npos) << message;
  }

  fs::path path;
};

pb::TensorProto &addTensor(pb::GraphProto &graph, const char *name, int type,
                           const Extents &shape) {
  pb::TensorProto &tensor = *graph.add_initializer();
  tensor.set_name(name);
  tensor.set_data_type(type);
  for (int64_t extent : shape)
    tensor.add_dims(extent);
  return tensor;
}

/// A node between the convolution and what follows it.
pb::NodeProto &between(pb::ModelProto &model, const char *op,
                       std::vector<const char *> inputs) {
  pb::GraphProto &graph = *model.mutable_graph();
  pb::NodeProto &node = *graph.add_node();
  node.set_op_type(op);
  node.set_name("between");
  for (const char *input : inputs)
    node.add_input(input);
  node.add_output("b");
  for (int i = graph.node_size() - 1; i > 1; --i)
    graph.mutable_node()->SwapElements(i, i - 1);
  graph.mutable_node(2)->set_input(0, "b");
  return *graph.mutable_node(1);
}

// Bits, words that tend to overflow, cuts.
TEST_F(OnnxHostile, DamagedBytes) {
  const uint64_t numbers[] = {0,          0x7f,         0xff,
                              0xffff,     0x7fffffff,   0x80000000,
                              0xffffffff, ~uint64_t(0), uint64_t(1) << 63};
  std::mt19937 random(11);
  size_t refused = 0, rounds = 0;
  for (const std::string &good : seedModels()) {
    EXPECT_EQ(import(good), "");
    for (int round = 0; round < 150; ++round, ++rounds) {
      std::string bytes = good;
      for (int changes = 1 + round % 4; changes > 0; --changes) {
        size_t at = random() % bytes.size();
        size_t width = std::min<size_t>(1u << random() % 4, bytes.size() - at);
        uint64_t number = numbers[random() % std::size(numbers)];
        if (round % 2)
          bytes[at] ^= static_cast<char>(1 << random() % 8);
        else
          std::memcpy(&bytes[at], &number, width);
      }
      if (round % 8 == 0)
        bytes.resize(random() % bytes.size());
      refused += !import(bytes).empty();
    }
  }
  // Much of a file is values and names, where damage shows in neither.
  EXPECT_GT(refused, rounds / 3);
  EXPECT_LT(refused, rounds); // else the damage proves nothing
}

// Readable models with other operators, operands, shapes, attributes, types.
TEST_F(OnnxHostile, DamagedMessages) {
  Damage damage(12);
  size_t refused = 0, rounds = 0;
  for (const std::string &good : seedModels())
    for (int round = 0; round < 300; ++round, ++rounds) {
      pb::ModelProto model;
      ASSERT_TRUE(model.ParseFromString(good));
      for (size_t changes = 1 + damage.pick(3); changes > 0; --changes)
        damage.change(model);
      refused += !import(model).empty();
    }
  EXPECT_GT(refused, rounds / 3);
  EXPECT_LT(refused, rounds);
}

// The graph must be in order, which is what keeps it free of cycles, and each
// value has one origin.
TEST_F(OnnxHostile, Graphs) {
  pb::ModelProto model = smallModel();
  model.mutable_graph()->mutable_node(0)->set_input(0, "y");
  expectRefused(model, "'y' is used before it is defined");
  model = smallModel();
  model.mutable_graph()->mutable_node(0)->set_input(0, "nowhere");
  expectRefused(model, "'nowhere' is used before it is defined");
  model = smallModel();
  model.mutable_graph()->mutable_node(1)->set_output(0, "c");
  expectRefused(model, "'c' is defined twice");
  model = smallModel();
  model.mutable_graph()->mutable_node(0)->set_name("a\nb");
  expectRefused(model, "no printable UTF-8");
  // Layers of one name are told apart.
  model = smallModel();
  for (int i = 0; i < 3; ++i)
    model.mutable_graph()->mutable_node(i)->set_name("same");
  EXPECT_EQ(import(model), "");
}

// Control flow is refused by its name, and depth costs no stack.
TEST_F(OnnxHostile, Subgraphs) {
  pb::ModelProto model = smallModel();
  pb::NodeProto *node = model.mutable_graph()->mutable_node(1);
  node->set_op_type("If");
  node->add_attribute()->mutable_g()->set_name("then_branch");
  expectRefused(model, "node 'flat' (If): this operator is not supported");
  for (int depth = 0; depth < 20; ++depth) {
    node = node->add_attribute()->mutable_g()->add_node();
    node->set_op_type("If");
  }
  expectRefused(model, "none or is damaged");
  std::string nested;
  for (int i = 0; i < 200000; ++i) // attribute, graph, node, ...
    nested += "\x2a\x7f";
  import(nested);
}

// Shapes without values, beyond all numbers, and below 0.
TEST_F(OnnxHostile, Shapes) {
  int64_t large = int64_t(1) << 62;
  for (const Extents &shape :
       {Extents{large, large, large}, Extents{-1, 2, 3}, Extents{large, 4},
        Extents{1 << 20, 1 << 20}, Extents{INT64_MIN}, Extents(40, 1)}) {
    pb::ModelProto model = smallModel();
    addTensor(*model.mutable_graph(), "t", pb::TensorProto::FLOAT, shape);
    EXPECT_NE(import(model), "");
  }
  // Nothing is a lot of nothing.
  pb::ModelProto model = smallModel();
  addTensor(*model.mutable_graph(), "t", pb::TensorProto::FLOAT,
            {0, large, large});
  expectRefused(model, "2^56 elements");
  model = smallModel();
  auto *dim = model.mutable_graph()
                  ->mutable_input(0)
                  ->mutable_type()
                  ->mutable_tensor_type()
                  ->mutable_shape()
                  ->mutable_dim(2);
  for (int64_t extent : {large, int64_t(-4), int64_t(1) << 40}) {
    dim->set_dim_value(extent);
    expectRefused(model, "has the shape");
  }
}

// Real numbers are no axes, shapes or indices, whatever their bytes say.
TEST_F(OnnxHostile, RealsAsIntegers) {
  for (const char *op : {"Squeeze", "Unsqueeze", "Reshape", "Expand", "Gather",
                         "Slice", "Split", "ReduceMean", "Pad"})
    for (bool folds : {false, true}) {
      pb::ModelProto model = smallModel();
      auto &real =
          addTensor(*model.mutable_graph(), "r", pb::TensorProto::FLOAT, {1});
      real.add_float_data(1e30f);
      between(model, op, {folds ? "w" : "c", "r", "r", "r"});
      EXPECT_NE(import(model), "") << op;
    }
}

// A node may leave every operand out.
TEST_F(OnnxHostile, NoOperands) {
  for (const char *op :
       {"Identity", "Dropout", "Cast", "Shape", "Sum", "Concat", "Add", "Mul",
        "Conv", "Range", "Attention", "Where"}) {
    pb::ModelProto model = smallModel();
    between(model, op, {});
    EXPECT_NE(import(model), "") << op;
  }
}

// What a small file may ask for has an end: objects, dimensions, layers, values
// computed and weights.
TEST_F(OnnxHostile, Amounts) {
  std::string empty = smallModel().SerializeAsString();
  std::string nodes;
  for (int i = 0; i < 3000000; ++i)
    nodes += std::string("\x0a\x00", 2);
  std::string length; // of the graph, as a varint
  for (size_t rest = nodes.size(); rest > 0; rest >>= 7)
    length += char((rest & 127) | (rest > 127 ? 128 : 0));
  EXPECT_NE(import(empty + "\x3a" + length + nodes).find("parts"),
            std::string::npos);

  pb::ModelProto model = smallModel();
  addTensor(*model.mutable_graph(), "axes", pb::TensorProto::INT64, {9});
  for (int i = 0; i < 9; ++i)
    model.mutable_graph()->mutable_initializer(2)->add_int64_data(i + 1);
  between(model, "Unsqueeze", {"c", "axes"});
  EXPECT_EQ(import(model), "");
  pb::NodeProto &again = between(model, "Unsqueeze", {"b0", "axes"});
  model.mutable_graph()->mutable_node(2)->set_output(0, "b0");
  model.mutable_graph()->mutable_node(2)->set_input(0, "c");
  model.mutable_graph()->mutable_node(2)->set_name("first");
  again.set_output(0, "b");
  model.mutable_graph()->mutable_node()->SwapElements(1, 2);
  expectRefused(model, "too large");

  // An image that pads itself to terabytes, two bytes of constants.
  model = smallModel();
  auto &pads =
      addTensor(*model.mutable_graph(), "p", pb::TensorProto::INT64, {8});
  for (int64_t pad : {0, 65536, 65536, 65536, 0, 65536, 65536, 65536})
    pads.add_int64_data(pad);
  between(model, "Pad", {"c", "p"});
  expectRefused(model, "node 'between' (Pad): a value of");

  model = smallModel();
  pb::NodeProto &sum = between(model, "Sum", {"c"});
  for (int i = 0; i < 5000; ++i)
    sum.add_input("c");
  expectRefused(model, "expected at most 4096 operands");
}

// Folding of nothing takes no time, whatever it is a part of.
TEST_F(OnnxHostile, EmptyConstants) {
  for (const char *op : {"Concat", "Transpose", "Slice", "Gather", "Add"}) {
    pb::ModelProto model = smallModel();
    addTensor(*model.mutable_graph(), "t", pb::TensorProto::INT64,
              {int64_t(1) << 50, 0});
    pb::NodeProto &node = between(model, op, {"t", "t"});
    pb::AttributeProto &axis = *node.add_attribute();
    axis.set_name("axis");
    axis.set_i(1);
    EXPECT_NE(import(model), "") << op;
  }
}

} // namespace
} // namespace tl::onnx
