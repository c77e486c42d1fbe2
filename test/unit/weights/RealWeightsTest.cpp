// Real files against what h5py, safetensors and NumPy read from them: the table
// below is printed by checksums.py. Skipped where nobody has the shared data,
// an error where TL_SHARED_DATA was set to a place without it or a file is
// missing.
#include "TestFiles.h"
#include "frontends/weights/Bind.h"

#include <algorithm>
#include <numeric>
#include <set>
#include <zlib.h>

using namespace tl::weights;

namespace {

std::string dataPath(const std::string &name) {
  return std::string(TL_SHARED_DATA) + "/models/" + name;
}

// Another set of networks may lie there, but not a part of one.
bool hasFolderOf(const std::string &name) {
  return std::filesystem::exists(
      std::filesystem::path(dataPath(name)).parent_path());
}

struct Reference {
  const char *file;
  size_t tensors;
  int64_t values;
  uint32_t crc;
};

const Reference references[] = {
    {"mobilenet025_imagenet/mobilenet_2_5_224.weights.h5", 137, 475544,
     0x72ec2ff9},
    {"mobilenet025_imagenet/mobilenet_2_5_224_full.h5", 137, 475544,
     0x72ec2ff9},
    {"mobilenet025_imagenet/mobilenet_2_5_224_tf.h5", 137, 475544, 0x72ec2ff9},
    {"mobilenet025_imagenet/mobilenet_2_5_224_tf_no_top.h5", 135, 218544,
     0xde98baa2},
    {"resnet20_cifar10/resnet20-12fca82f.th", 97, 271098, 0xb3882bbe},
    {"resnet20_cifar10/resnet20_cifar10.pth", 97, 271098, 0xb3882bbe},
    {"resnet20_cifar10/resnet20_cifar10.safetensors", 97, 271098, 0xb3882bbe},
    {"resnet20_cifar10/resnet20_cifar10_bf16.safetensors", 97, 271098,
     0x5b648b49},
    {"resnet20_cifar10/resnet20_cifar10_fp16.safetensors", 97, 271098,
     0x00eb256e},
    {"resnet8_cifar10_keras/pretrainedResnet.h5", 48, 78666, 0xe30b0c2c},
    {"squeezenet10_imagenet/squeezenet1_0_deepcompression.pth", 52, 1248424,
     0x2f0d9bed},
    {"../models-restricted/vit_cifar10/vit_cifar10.pth", 80, 811146,
     0x2bd8ef5d},
    {"yolo_fastest_11_coco/yolo-fastest-1.1.safetensors", 414, 346062,
     0xf63a5743},
};

// What orders the tensors alike in all layouts.
std::pair<std::string, std::string> key(const SourceTensor &tensor) {
  if (tensor.layer.empty())
    return {tensor.name, ""};
  if (tensor.classIndex < 0)
    return {tensor.layer, tensor.role};
  bool batchNorm = tensor.snakeClass == "batch_normalization";
  const char *roles[2][4] = {
      {"kernel", "bias", "", ""},
      {"gamma", "beta", "moving_mean", "moving_variance"}};
  return {tensor.layer, roles[batchNorm][std::stoi(tensor.role)]};
}

class RealWeights : public testing::TestWithParam<Reference> {};

} // namespace

// A path that was asked for has data: a typing error must not skip every test.
TEST(RealWeightsData, IsWhereItWasSaidToBe) {
  namespace fs = std::filesystem;
  fs::path folder = fs::path(TL_SHARED_DATA).lexically_normal();
  bool byDefault =
      folder == fs::path(TL_SOURCE_DIR "/../shared/data").lexically_normal();
  if (byDefault && !fs::exists(folder))
    GTEST_SKIP() << "no " << folder;
  EXPECT_TRUE(fs::exists(folder / "models"))
      << "TL_SHARED_DATA is " << folder << ", which has no folder 'models'";
}

// The table has each file of weights in the folders that it knows.
TEST(RealWeightsData, AllAreInTheTable) {
  namespace fs = std::filesystem;
  std::set<fs::path> folders, known;
  for (const Reference &reference : references) {
    fs::path path = fs::path(dataPath(reference.file)).lexically_normal();
    folders.insert(path.parent_path());
    known.insert(path);
  }
  for (const fs::path &folder : folders) {
    if (!fs::exists(folder))
      continue;
    for (const fs::directory_entry &entry : fs::directory_iterator(folder)) {
      std::string kind = entry.path().extension();
      if (kind == ".h5" || kind == ".pth" || kind == ".th" || kind == ".pt" ||
          kind == ".safetensors")
        EXPECT_TRUE(known.contains(entry.path())) << entry.path();
    }
  }
}

TEST_P(RealWeights, SameAsReference) {
  std::string path = dataPath(GetParam().file);
  if (!hasFolderOf(GetParam().file))
    GTEST_SKIP() << "no " << path;
  auto source = openOrFail(path);
  ASSERT_TRUE(source);
  const std::vector<SourceTensor> &tensors = source->tensors();
  ASSERT_EQ(tensors.size(), GetParam().tensors);
  std::vector<size_t> order(tensors.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return key(tensors[a]) < key(tensors[b]);
  });
  int64_t count = 0;
  uint32_t crc = 0;
  for (size_t i : order) {
    std::vector<float> values = readTensor(*source, i);
    count += tensors[i].numElements();
    crc = static_cast<uint32_t>(
        ::crc32(crc, reinterpret_cast<const Bytef *>(values.data()),
                static_cast<uInt>(values.size() * sizeof(float))));
  }
  EXPECT_EQ(count, GetParam().values);
  EXPECT_EQ(crc, GetParam().crc);
}

INSTANTIATE_TEST_SUITE_P(Files, RealWeights, testing::ValuesIn(references),
                         [](const auto &info) {
                           std::string name = info.param.file;
                           name = name.substr(name.find('/') + 1);
                           for (char &c : name)
                             if (!std::isalnum(static_cast<unsigned char>(c)))
                               c = '_';
                           return name;
                         });

namespace {

void addBatchNorm(BindRequest &request, const std::string &layer, int64_t c) {
  for (const char *role : {"gamma", "beta", "moving_mean", "moving_variance"})
    request.expected.push_back(
        {layer, "BatchNormalization", role, {c}, "", std::nullopt});
}

// MobileNet 0.25 as the backbone file describes it.
BindRequest mobilenet(bool top) {
  BindRequest request;
  auto conv = [&](const std::string &layer, const char *kind,
                  std::vector<int64_t> shape) {
    int64_t channels = shape.back();
    request.expected.push_back(
        {layer, kind, "kernel", std::move(shape), "", std::nullopt});
    addBatchNorm(request, layer + "_bn", channels);
  };
  conv("conv1", "Conv2D", {3, 3, 3, 8});
  int64_t channels = 8;
  const int64_t widths[] = {16,  32,  32,  64,  64,  128, 128,
                            128, 128, 128, 128, 256, 256};
  for (int i = 1; i <= 13; ++i) {
    conv("conv_dw_" + std::to_string(i), "DepthwiseConv2D",
         {3, 3, 1, channels});
    conv("conv_pw_" + std::to_string(i), "Conv2D",
         {1, 1, channels, widths[i - 1]});
    channels = widths[i - 1];
  }
  if (top) {
    request.expected.push_back({"conv_preds",
                                "Conv2D",
                                "kernel",
                                {1, 1, 256, 1000},
                                "",
                                std::nullopt});
    request.expected.push_back(
        {"conv_preds", "Conv2D", "bias", {1000}, "", std::nullopt});
  } else {
    request.optionalLayers = {"conv_preds"};
  }
  return request;
}

std::vector<std::vector<float>>
readAll(const std::string &file, const BindRequest &request, size_t unused) {
  auto source = openOrFail(dataPath("mobilenet025_imagenet/" + file));
  if (!source)
    return {};
  Result<Binding> binding = bindWeights(*source, request);
  EXPECT_TRUE(binding) << (binding ? "" : binding.message());
  std::vector<std::vector<float>> all;
  if (!binding)
    return all;
  EXPECT_EQ(binding->unused.size(), unused);
  for (size_t i = 0; i < binding->tensors.size(); ++i) {
    size_t count = 1;
    for (int64_t extent : request.expected[i].shape)
      count *= static_cast<size_t>(extent);
    all.emplace_back(count);
    EXPECT_TRUE(binding->tensors[i].read(all.back()));
  }
  return all;
}

} // namespace

// The four layouts of one network bind to the same values, with the top and
// without it.
TEST(RealBinding, FourLayoutsAgree) {
  if (!std::filesystem::exists(dataPath("mobilenet025_imagenet")))
    GTEST_SKIP() << "no " << dataPath("mobilenet025_imagenet");
  auto base = readAll("mobilenet_2_5_224_tf_no_top.h5", mobilenet(false), 0);
  ASSERT_EQ(base.size(), 135u);
  for (const char *file :
       {"mobilenet_2_5_224_tf.h5", "mobilenet_2_5_224_full.h5",
        "mobilenet_2_5_224.weights.h5"}) {
    EXPECT_TRUE(readAll(file, mobilenet(false), 2) == base) << file;
    auto whole = readAll(file, mobilenet(true), 0);
    ASSERT_EQ(whole.size(), 137u) << file;
    whole.resize(135);
    EXPECT_TRUE(whole == base) << file;
  }
}

// A network with a top cannot take it from a file without.
TEST(RealBinding, MissingTop) {
  std::string path =
      dataPath("mobilenet025_imagenet/mobilenet_2_5_224_tf_no_top.h5");
  if (!std::filesystem::exists(dataPath("mobilenet025_imagenet")))
    GTEST_SKIP() << "no " << path;
  auto source = openOrFail(path);
  ASSERT_TRUE(source);
  Result<Binding> binding = bindWeights(*source, mobilenet(true));
  ASSERT_FALSE(binding);
  EXPECT_EQ(binding.message(),
            "'" + path +
                "' does not fit the network: of 137 tensors expected and 135 "
                "found, 2 missing, 0 of another shape, 0 extra\n"
                "  missing: expected 'conv_preds/kernel' [1, 1, 256, 1000]\n"
                "  missing: expected 'conv_preds/bias' [1000]");
}
