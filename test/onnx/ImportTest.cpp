// The importer on files made here: what a file may refer to, and how errors
// name the node. Values are checked by onnx-eval's tests, damage by
// HostileTest.cpp.
#include "test/onnx/TestModels.h"

#include <gtest/gtest.h>

#include <unistd.h>

namespace tl::onnx {
namespace {

namespace fs = std::filesystem;

class OnnxImport : public testing::Test {
protected:
  OnnxImport() {
    folder = fs::temp_directory_path() /
             ("tl-onnx-" + std::to_string(::getpid()) + "-" +
              testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::create_directories(folder / "model");
  }
  ~OnnxImport() override { fs::remove_all(folder); }

  std::string path() const { return (folder / "model" / "m.onnx").string(); }
  void write(const fs::path &name, const std::string &bytes) {
    std::ofstream(folder / name, std::ios::binary) << bytes;
  }
  /// The message of an import, or "" where it is good.
  std::string import(const std::string &bytes, std::string output = "") {
    write("model/m.onnx", bytes);
    auto result =
        importModel(path(), {std::array<int64_t, 3>{4, 4, 3}, output, {}});
    return result ? "" : result.message();
  }
  std::string import(const pb::ModelProto &model, std::string output = "") {
    return import(model.SerializeAsString(), output);
  }
  /// The kernel's values in another file.
  std::string external(const std::string &location,
                       const char *length = "216") {
    pb::ModelProto model = smallModel();
    pb::TensorProto &k = *model.mutable_graph()->mutable_initializer(0);
    k.clear_raw_data();
    k.set_data_location(pb::TensorProto::EXTERNAL);
    auto add = [&](const char *key, const std::string &value) {
      auto *entry = k.add_external_data();
      entry->set_key(key);
      entry->set_value(value);
    };
    add("location", location);
    add("offset", "8");
    add("length", length);
    return import(model);
  }

  fs::path folder;
};

// Layers have the nodes' names; the rows of a dense layer behind a flatten are
// in the order of our memory.
TEST_F(OnnxImport, namesLayersAfterNodes) {
  ASSERT_EQ(import(smallModel()), "");
  auto result = importModel(path(), {std::array<int64_t, 3>{4, 4, 3}, "", {}});
  ASSERT_TRUE(bool(result));
  ASSERT_EQ(result->network.layers.size(), 3u);
  EXPECT_EQ(result->network.layers[0].name, "conv");
  EXPECT_EQ(result->network.layers[1].name, "flat");
  EXPECT_EQ(result->network.layers[2].name, "dense");
  ASSERT_EQ(result->tensors.size(), 2u);
  EXPECT_EQ(result->tensors[0].name, "conv.kernel");
  EXPECT_EQ(result->tensors[0].shape, (Extents{3, 3, 3, 2}));
  EXPECT_EQ(result->tensors[1].name, "dense.kernel");
}

// An operator that is not known is named with its node, and matters only if
// the end needs it.
TEST_F(OnnxImport, namesWhatItDoesNotKnow) {
  pb::ModelProto model = smallModel();
  model.mutable_graph()->mutable_node(1)->set_op_type("Strange");
  EXPECT_NE(import(model).find("node 'flat' (Strange): this operator is not "
                               "supported"),
            std::string::npos);
  EXPECT_EQ(import(model, "conv"), "");
  EXPECT_NE(import(model, "con")
                .find("no node or value 'con'; did you mean "
                      "'conv'?"),
            std::string::npos);
}

// What is gathered from a picture is a layer only as a whole adaptive pool: not
// the places alone, and not others'.
TEST_F(OnnxImport, gathersPlacesOfAnAdaptivePoolAlone) {
  std::ifstream in(TL_SOURCE_DIR "/test/onnx/patterns/adaptive_pool.onnx",
                   std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(in), {}};
  auto message = [&](const std::string &bytes, std::string output) {
    write("model/m.onnx", bytes);
    auto result =
        importModel(path(), {std::array<int64_t, 3>{5, 4, 2}, output, {}});
    return result ? "" : result.message();
  };
  EXPECT_EQ(message(bytes, "alike"), "");
  EXPECT_NE(message(bytes, "masked_windows").find("is a part of a pattern"),
            std::string::npos);
  pb::ModelProto model;
  ASSERT_TRUE(model.ParseFromString(bytes));
  for (pb::NodeProto &node : *model.mutable_graph()->mutable_node())
    if (node.name() == "place_1_1") // of each window another one twice
      node.set_input(1, model.graph().node(7).input(1));
  std::string found = message(model.SerializeAsString(), "alike");
  EXPECT_NE(found.find("only an adaptive average pool is supported"),
            std::string::npos)
      << found;
}

// Values beside the model are read; everything that leads out is refused.
TEST_F(OnnxImport, readsExternalDataInItsFolderAlone) {
  std::string values(8 + 216, '\0');
  fs::create_directories(folder / "model" / "sub");
  write("model/k.bin", values);
  write("model/sub/k.bin", values);
  write("outside.bin", values);
  fs::create_symlink(folder / "outside.bin", folder / "model" / "link.bin");
  fs::create_directory_symlink(folder, folder / "model" / "up");
  EXPECT_EQ(external("k.bin"), "");
  EXPECT_EQ(external("./sub/k.bin"), "");
  for (std::string location : {"../outside.bin", "sub/../../outside.bin",
                               "link.bin", "up/outside.bin", "/etc/passwd", ""})
    EXPECT_NE(external(location).find("must lie in the model's folder"),
              std::string::npos)
        << location << ": " << external(location);
  EXPECT_NE(external("none.bin").find("cannot open"), std::string::npos);
  EXPECT_NE(external("k.bin", "215").find("expected 216 bytes"),
            std::string::npos);
}

// Small files must not ask for much: tensors larger than their bytes, and
// folding without end.
TEST_F(OnnxImport, refusesClaimsThatAreTooLarge) {
  pb::ModelProto model = smallModel();
  model.mutable_graph()->mutable_initializer(0)->set_dims(0, 1 << 30);
  EXPECT_NE(import(model).find("bytes of values"), std::string::npos);
  model = smallModel();
  pb::TensorProto &shape = *model.mutable_graph()->mutable_initializer(1);
  shape.set_data_type(pb::TensorProto::INT64);
  shape.clear_dims();
  shape.add_dims(1);
  int64_t large = int64_t(1) << 36;
  shape.set_raw_data(&large, 8);
  pb::NodeProto &fill = *model.mutable_graph()->mutable_node(1);
  fill.set_op_type("ConstantOfShape");
  fill.set_input(0, "w");
  EXPECT_NE(
      import(model).find("node 'flat' (ConstantOfShape): too many values"),
      std::string::npos);
}

} // namespace
} // namespace tl::onnx
