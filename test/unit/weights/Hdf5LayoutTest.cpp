// Keras's layouts, in small files that the tests write themselves.
#include "TestFiles.h"

using namespace tl::weights;

namespace {

std::string describe(const SourceTensor &tensor) {
  std::string text = tensor.scope + "|" + tensor.layer + "|" + tensor.role;
  for (int64_t extent : tensor.shape)
    text += " " + std::to_string(extent);
  return text + " " + tensor.dtype;
}

class Hdf5Layout : public testing::Test {
protected:
  ScratchFolder folder;
  std::string path = folder.path("w.h5");
};

} // namespace

// Weights only: the order is `layer_names`', layers without weights pass.
TEST_F(Hdf5Layout, WeightsOnly) {
  {
    H5Writer writer(path);
    writer.texts("/", "layer_names", {"input", "zeta", "alpha"});
    writer.group("input");
    writer.texts("input", "weight_names", {});
    writer.dataset("zeta/zeta/kernel:0", {2, 3}, counting(6));
    writer.dataset("zeta/zeta/bias:0", {3}, counting(3, 10));
    writer.texts("zeta", "weight_names", {"zeta/kernel:0", "zeta/bias:0"});
    writer.dataset("alpha/alpha_W_1:0", {1}, {7});
    writer.texts("alpha", "weight_names", {"alpha_W_1:0"});
  }
  auto source = openOrFail(path);
  ASSERT_TRUE(source);
  EXPECT_EQ(source->convention(), Convention::Keras);
  ASSERT_EQ(source->tensors().size(), 3u);
  EXPECT_EQ(describe(source->tensors()[0]), "|zeta|kernel 2 3 f32");
  EXPECT_EQ(describe(source->tensors()[1]), "|zeta|bias 3 f32");
  EXPECT_EQ(describe(source->tensors()[2]), "|alpha|kernel 1 f32");
  // Out of order, and twice: reads do not depend on one another.
  EXPECT_EQ(readTensor(*source, 2), std::vector<float>{7});
  EXPECT_EQ(readTensor(*source, 0), counting(6));
  EXPECT_EQ(readTensor(*source, 1), counting(3, 10));
  EXPECT_EQ(readTensor(*source, 0), counting(6));
}

// Keras cuts long lists into `layer_names0`, `layer_names1`, ...
TEST_F(Hdf5Layout, ChunkedAttributes) {
  {
    H5Writer writer(path);
    writer.texts("/", "layer_names0", {"a"});
    writer.texts("/", "layer_names1", {"b"});
    for (const char *name : {"a", "b"}) {
      std::string layer = name;
      writer.dataset(layer + "/" + layer + "/kernel:0", {1}, {1});
      writer.dataset(layer + "/" + layer + "/bias:0", {1}, {2});
      writer.texts(layer, "weight_names0", {layer + "/kernel:0"});
      writer.texts(layer, "weight_names1", {layer + "/bias:0"});
    }
  }
  auto source = openOrFail(path);
  ASSERT_TRUE(source);
  ASSERT_EQ(source->tensors().size(), 4u);
  EXPECT_EQ(describe(source->tensors()[3]), "|b|bias 1 f32");
}

// A whole model: `model_weights` counts, the optimizer's state does not.
TEST_F(Hdf5Layout, WholeModel) {
  {
    H5Writer writer(path);
    writer.variableText("/", "model_config", "{}");
    writer.dataset("optimizer_weights/iter:0", {1}, {99});
    writer.texts("optimizer_weights", "weight_names", {"iter:0"});
    writer.dataset("model_weights/base/c/kernel:0", {1}, {1});
    writer.texts("model_weights", "layer_names", {"base"});
    writer.texts("model_weights/base", "weight_names", {"c/kernel:0"});
  }
  auto source = openOrFail(path);
  ASSERT_TRUE(source);
  ASSERT_EQ(source->tensors().size(), 1u);
  EXPECT_EQ(describe(source->tensors()[0]), "base|c|kernel 1 f32");
}

// Keras 3: variables by number, names where the file has them, nesting by
// scope, training state left out.
TEST_F(Hdf5Layout, Keras3) {
  {
    H5Writer writer(path);
    writer.dataset("layers/functional/layers/conv2d_1/vars/0", {2}, {3, 4});
    writer.dataset("layers/dense/vars/0", {1}, {1});
    writer.dataset("layers/dense/vars/1", {1}, {2});
    writer.variableText("layers/dense/vars", "name", "head");
    writer.dataset("optimizer/vars/0", {1}, {0});
    writer.dataset("metrics/mean/vars/0", {1}, {0});
  }
  auto source = openOrFail(path);
  ASSERT_TRUE(source);
  ASSERT_EQ(source->tensors().size(), 3u);
  EXPECT_EQ(describe(source->tensors()[0]), "|head|0 1 f32");
  EXPECT_EQ(describe(source->tensors()[1]), "|head|1 1 f32");
  EXPECT_EQ(describe(source->tensors()[2]), "layers/functional||0 2 f32");
  EXPECT_EQ(source->tensors()[2].snakeClass, "conv2d");
  EXPECT_EQ(source->tensors()[2].classIndex, 1);
  EXPECT_EQ(readTensor(*source, 2), (std::vector<float>{3, 4}));
}

// Every stored type comes out as the same float32 numbers.
TEST_F(Hdf5Layout, Types) {
  hid_t half = H5Tcopy(H5T_IEEE_F32LE);
  H5Tset_fields(half, 15, 10, 5, 0, 10);
  H5Tset_size(half, 2);
  H5Tset_ebias(half, 15);
  hid_t brain = H5Tcopy(H5T_IEEE_F32LE);
  H5Tset_fields(brain, 15, 7, 8, 0, 7);
  H5Tset_size(brain, 2);
  H5Tset_ebias(brain, 127);
  std::vector<std::pair<std::string, hid_t>> types = {
      {"f16", half},           {"bf16", brain},        {"f32", H5T_IEEE_F32BE},
      {"f64", H5T_IEEE_F64LE}, {"i8", H5T_STD_I8LE},   {"u8", H5T_STD_U8LE},
      {"i16", H5T_STD_I16BE},  {"u16", H5T_STD_U16LE}, {"i32", H5T_STD_I32LE},
      {"u32", H5T_STD_U32LE},  {"i64", H5T_STD_I64LE}, {"u64", H5T_STD_U64LE}};
  {
    H5Writer writer(path);
    for (auto &[name, type] : types)
      writer.dataset("layers/" + name + "/vars/0", {3}, {1, 2, 100}, type);
  }
  H5Tclose(half);
  H5Tclose(brain);
  auto source = openOrFail(path);
  ASSERT_TRUE(source);
  ASSERT_EQ(source->tensors().size(), types.size());
  for (size_t i = 0; i < types.size(); ++i) {
    EXPECT_EQ(source->tensors()[i].dtype, source->tensors()[i].snakeClass);
    EXPECT_EQ(readTensor(*source, i), (std::vector<float>{1, 2, 100}))
        << source->tensors()[i].dtype;
  }
}

// Two opaque bytes and dtype="bfloat16", as Keras writes bfloat16.
TEST_F(Hdf5Layout, OpaqueBrainFloat) {
  {
    H5Writer writer(path);
    hid_t type = H5Tcreate(H5T_OPAQUE, 2);
    hsize_t count = 2;
    hid_t space = H5Screate_simple(1, &count, nullptr);
    hid_t set = H5Dcreate2(writer.file, "layers/dense/vars/0", type, space,
                           writer.makeGroups, H5P_DEFAULT, H5P_DEFAULT);
    const uint16_t values[] = {0x3fc0, 0xc2f7};
    EXPECT_GE(H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values), 0);
    H5Dclose(set);
    H5Sclose(space);
    H5Tclose(type);
    writer.variableText("layers/dense/vars/0", "dtype", "bfloat16");
  }
  auto source = openOrFail(path);
  ASSERT_TRUE(source);
  EXPECT_EQ(source->tensors()[0].dtype, "bf16");
  EXPECT_EQ(readTensor(*source, 0), (std::vector<float>{1.5f, -123.5f}));
}

// More elements than one message holds, so that blocks must join up, along
// every axis that may be the one that is cut; scalars; compressed chunks.
TEST_F(Hdf5Layout, LargeCompressedAndScalar) {
  hid_t packed = H5Pcreate(H5P_DATASET_CREATE);
  hsize_t chunk[3] = {3, 100, 64};
  H5Pset_chunk(packed, 3, chunk);
  H5Pset_shuffle(packed);
  H5Pset_deflate(packed, 1);
  {
    H5Writer writer(path);
    writer.dataset("layers/a/vars/0", {7, 500, 700}, counting(7 * 500 * 700),
                   H5T_IEEE_F32LE, packed);
    writer.dataset("layers/b/vars/0", {2, 2, 1100000}, counting(4400000));
    writer.dataset("layers/c/vars/0", {}, {5});
  }
  H5Pclose(packed);
  auto source = openOrFail(path);
  ASSERT_TRUE(source);
  ASSERT_EQ(source->tensors().size(), 3u);
  EXPECT_TRUE(readTensor(*source, 0) == counting(7 * 500 * 700));
  EXPECT_TRUE(readTensor(*source, 1) == counting(4400000));
  EXPECT_TRUE(source->tensors()[2].shape.empty());
  EXPECT_EQ(readTensor(*source, 2), std::vector<float>{5});
}

// A user block in front moves the signature; the format is told by content.
TEST_F(Hdf5Layout, UserBlock) {
  hid_t creation = H5Pcreate(H5P_FILE_CREATE);
  H5Pset_userblock(creation, 1024);
  hid_t file = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, creation, H5P_DEFAULT);
  H5Pclose(creation);
  ASSERT_GE(H5Fclose(file), 0);
  EXPECT_NE(openError(path).find("no weights of a Keras model"),
            std::string::npos)
      << openError(path);
}

// The message says what was looked for and what is there instead.
TEST_F(Hdf5Layout, NotKeras) {
  {
    H5Writer writer(path);
    writer.dataset("temperature", {2}, {1, 2});
  }
  EXPECT_EQ(openError(path),
            "'" + path +
                "': no weights of a Keras model: expected the attribute "
                "'layer_names', a group 'model_weights' or groups with 'vars', "
                "found 'temperature'");
}
