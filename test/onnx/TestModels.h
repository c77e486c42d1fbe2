// Models for the tests of the importer: one made here, those of this folder,
// and damage to them. Bytes are damaged blindly; the message is damaged in ways
// that keep it readable, so that what is behind the reader is reached.
#pragma once

#include "frontends/onnx/Import.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>

namespace tl::onnx {

/// A convolution, a flatten and a Gemm: [N, 3, 4, 4] to 2 features.
inline pb::ModelProto smallModel() {
  pb::ModelProto model;
  model.set_ir_version(8);
  model.add_opset_import()->set_version(13);
  pb::GraphProto &graph = *model.mutable_graph();
  auto info = [](pb::ValueInfoProto *value, const char *name, Extents shape) {
    value->set_name(name);
    auto *type = value->mutable_type()->mutable_tensor_type();
    type->set_elem_type(pb::TensorProto::FLOAT);
    for (int64_t extent : shape)
      type->mutable_shape()->add_dim()->set_dim_value(extent);
  };
  info(graph.add_input(), "x", {1, 3, 4, 4});
  info(graph.add_output(), "y", {1, 2});
  auto tensor = [&](const char *name, Extents shape) {
    pb::TensorProto *t = graph.add_initializer();
    t->set_name(name);
    t->set_data_type(pb::TensorProto::FLOAT);
    for (int64_t extent : shape)
      t->add_dims(extent);
    std::vector<float> values(countElements(shape), 0.5f);
    t->set_raw_data(values.data(), values.size() * 4);
  };
  tensor("k", {2, 3, 3, 3});
  tensor("w", {8, 2});
  auto node = [&](const char *op, const char *name,
                  std::vector<const char *> inputs, const char *output) {
    pb::NodeProto *n = graph.add_node();
    n->set_op_type(op);
    n->set_name(name);
    for (const char *input : inputs)
      n->add_input(input);
    n->add_output(output);
  };
  node("Conv", "conv", {"x", "k"}, "c");
  node("Flatten", "flat", {"c"}, "f");
  node("Gemm", "dense", {"f", "w"}, "y");
  return model;
}

/// smallModel and the files of this folder, as bytes.
inline std::vector<std::string> seedModels() {
  std::vector<std::string> seeds{smallModel().SerializeAsString()};
  std::filesystem::path folder = TL_SOURCE_DIR "/test/onnx";
  std::vector<std::filesystem::path> paths{folder / "network.onnx"};
  for (const char *name : {"attention", "gelu", "squeeze_excitation", "swish",
                           "transformer", "adaptive_pool"})
    paths.push_back(folder / "patterns" / (std::string(name) + ".onnx"));
  for (const std::filesystem::path &path : paths) {
    std::ifstream in(path, std::ios::binary);
    seeds.emplace_back(std::istreambuf_iterator<char>(in),
                       std::istreambuf_iterator<char>());
  }
  return seeds;
}

/// A random change of a readable model.
class Damage {
public:
  explicit Damage(unsigned seed) : random(seed) {}

  void change(pb::ModelProto &model);
  size_t pick(size_t count) { return random() % count; }

private:
  int64_t number();
  void changeTensor(pb::TensorProto &tensor);
  void changeAttribute(pb::NodeProto &node);
  void changeNode(pb::GraphProto &graph, pb::NodeProto &node);

  std::mt19937 random;
};

} // namespace tl::onnx
