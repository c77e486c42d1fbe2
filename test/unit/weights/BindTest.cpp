// Binding against sources in memory: names, axes, and the one error.
#include "frontends/weights/Bind.h"

#include <gtest/gtest.h>

using namespace tl::weights;

namespace {

// Tensor k's values are 1000 k, 1000 k + 1, ...
class MemorySource : public WeightSource {
public:
  explicit MemorySource(Convention convention) : kind(convention) {}

  void torch(std::string name, std::vector<int64_t> shape) {
    add(std::move(name), std::move(shape));
  }
  void legacy(std::string scope, std::string layer, std::string role,
              std::vector<int64_t> shape) {
    SourceTensor &tensor = add(scope + "/" + layer + "/" + role, shape);
    tensor.scope = scope;
    tensor.layer = layer;
    tensor.role = role;
  }
  void keras3(std::string scope, std::string snakeClass, int64_t index,
              std::string number, std::vector<int64_t> shape,
              std::string layer = "") {
    SourceTensor &tensor = add(scope + "/layers/" + snakeClass +
                                   std::to_string(index) + "/vars/" + number,
                               shape);
    tensor.scope = scope;
    tensor.layer = layer;
    tensor.role = number;
    tensor.snakeClass = snakeClass;
    tensor.classIndex = index;
  }

  Convention convention() const override { return kind; }
  const std::string &path() const override { return name; }
  const std::vector<SourceTensor> &tensors() const override { return table; }
  Status read(size_t index, std::span<float> out) override {
    for (size_t i = 0; i < out.size(); ++i)
      out[i] = static_cast<float>(1000 * index + i);
    return Done{};
  }

private:
  SourceTensor &add(std::string name, std::vector<int64_t> shape) {
    SourceTensor &tensor = table.emplace_back();
    tensor.name = std::move(name);
    tensor.shape = std::move(shape);
    tensor.dtype = "f32";
    return tensor;
  }

  Convention kind;
  std::string name = "net.weights";
  std::vector<SourceTensor> table;
};

ExpectedTensor expect(std::string layer, std::string kerasClass,
                      std::string role, std::vector<int64_t> shape,
                      std::string torchPrefix = "") {
  return {layer, kerasClass, role, shape, torchPrefix, std::nullopt};
}

std::vector<float> read(const Binding &binding, size_t index, size_t count) {
  std::vector<float> values(count);
  EXPECT_TRUE(binding.tensors[index].read(values));
  return values;
}

std::string errorOf(WeightSource &source, const BindRequest &request) {
  Result<Binding> binding = bindWeights(source, request);
  return binding ? "(no error)" : binding.message();
}

} // namespace

// A file of tlrun --export binds by "<layer>.<role>" with no axis moved, and
// the head of the model that it comes from is left unused.
TEST(Bind, OwnFilesAreCanonical) {
  MemorySource source(Convention::Own);
  source.torch("conv1.kernel", {3, 3, 2, 4});
  source.torch("dense.kernel", {4, 2});
  BindRequest request;
  request.expected = {expect("conv1", "Conv2D", "kernel", {3, 3, 2, 4}, "x")};
  Result<Binding> binding = bindWeights(source, request);
  ASSERT_TRUE(binding) << binding.message();
  std::vector<float> values = read(*binding, 0, 72);
  for (size_t i = 0; i < values.size(); ++i)
    EXPECT_EQ(values[i], float(i));
  EXPECT_EQ(binding->unused, std::vector<std::string>{"dense.kernel"});
}

// What an own file lacks, or has in another shape, is named as it would be
// there.
TEST(Bind, OwnFilesMustFit) {
  MemorySource source(Convention::Own);
  source.torch("conv1.kernel", {4, 2, 3, 3});
  BindRequest request;
  request.expected = {expect("conv1", "Conv2D", "kernel", {3, 3, 2, 4}),
                      expect("conv1", "Conv2D", "bias", {4})};
  std::string error = errorOf(source, request);
  EXPECT_NE(error.find("shape: expected 'conv1.kernel' [3, 3, 2, 4], found "
                       "[4, 2, 3, 3]"),
            std::string::npos)
      << error;
  EXPECT_NE(error.find("missing: expected 'conv1.bias' [4]"), std::string::npos)
      << error;
}

// Every axis order, each value checked by its index formula.
TEST(BindTorch, Axes) {
  MemorySource source(Convention::Torch);
  source.torch("conv.weight", {4, 3, 2, 5}); // O I KH KW
  source.torch("conv.bias", {4});
  source.torch("fc.weight", {2, 24});
  source.torch("fc2.weight", {3, 2});
  BindRequest request;
  request.expected = {expect("c", "Conv2D", "kernel", {2, 5, 3, 4}, "conv"),
                      expect("c", "Conv2D", "bias", {4}, "conv"),
                      expect("d", "Dense", "kernel", {24, 2}, "fc"),
                      expect("e", "Dense", "kernel", {2, 3}, "fc2")};
  request.expected[2].flattened = {4, 2, 3}; // C H W
  Result<Binding> binding = bindWeights(source, request);
  ASSERT_TRUE(binding) << binding.message();

  std::vector<float> conv = read(*binding, 0, 120);
  for (int h = 0; h < 2; ++h)
    for (int w = 0; w < 5; ++w)
      for (int i = 0; i < 3; ++i)
        for (int o = 0; o < 4; ++o)
          EXPECT_EQ(conv[((h * 5 + w) * 3 + i) * 4 + o],
                    ((o * 3 + i) * 2 + h) * 5 + w);
  EXPECT_EQ(read(*binding, 1, 4), (std::vector<float>{1000, 1001, 1002, 1003}));
  std::vector<float> dense = read(*binding, 2, 48);
  for (int h = 0; h < 2; ++h)
    for (int w = 0; w < 3; ++w)
      for (int c = 0; c < 4; ++c)
        for (int n = 0; n < 2; ++n)
          EXPECT_EQ(dense[((h * 3 + w) * 4 + c) * 2 + n],
                    2000 + n * 24 + (c * 2 + h) * 3 + w);
  EXPECT_EQ(read(*binding, 3, 6),
            (std::vector<float>{3000, 3002, 3004, 3001, 3003, 3005}));
}

// Depthwise in torch is [C * M, 1, KH, KW]; batch norm's words; the counter is
// ignored; a prefix that all names share is stripped.
TEST(BindTorch, NamesAndPrefix) {
  MemorySource source(Convention::Torch);
  source.torch("module.model.dw.weight", {6, 1, 3, 3});
  source.torch("module.model.bn.weight", {6});
  source.torch("module.model.bn.bias", {6});
  source.torch("module.model.bn.running_mean", {6});
  source.torch("module.model.bn.running_var", {6});
  source.torch("module.model.bn.num_batches_tracked", {});
  BindRequest request;
  request.expected = {
      expect("d", "DepthwiseConv2D", "kernel", {3, 3, 1, 6}, "dw"),
      expect("b", "BatchNormalization", "gamma", {6}, "bn"),
      expect("b", "BatchNormalization", "beta", {6}, "bn"),
      expect("b", "BatchNormalization", "moving_mean", {6}, "bn"),
      expect("b", "BatchNormalization", "moving_variance", {6}, "bn")};
  Result<Binding> binding = bindWeights(source, request);
  ASSERT_TRUE(binding) << binding.message();
  EXPECT_TRUE(binding->unused.empty());
  EXPECT_EQ(binding->tensors[4].sourceName, "module.model.bn.running_var");
  std::vector<float> kernel = read(*binding, 0, 54);
  for (int tap = 0; tap < 9; ++tap)
    for (int c = 0; c < 6; ++c)
      EXPECT_EQ(kernel[tap * 6 + c], c * 9 + tap);
}

// A transformer's words: both projections of an attention, [out, in], each
// value by its index formula; layer norm's; the model's own parameters by their
// path alone, with or without leading ones.
TEST(BindTorch, Transformer) {
  MemorySource source(Convention::Torch);
  source.torch("cls_token", {1, 1, 2});
  source.torch("encoder.pos_embedding", {1, 1, 2});
  source.torch("plain", {3, 2});
  source.torch("attn.in_proj_weight", {6, 2});
  source.torch("attn.in_proj_bias", {6});
  source.torch("attn.out_proj.weight", {2, 2});
  source.torch("attn.out_proj.bias", {2});
  source.torch("norm.weight", {2});
  source.torch("norm.bias", {2});
  std::string attention = "MultiHeadAttention", norm = "LayerNormalization";
  BindRequest request;
  request.expected = {
      expect("t", "ClassToken", "token", {2}, "cls_token"),
      expect("p", "PositionEmbedding", "position", {1, 2},
             "encoder.pos_embedding"),
      expect("q", "PositionEmbedding", "position", {3, 2}, "plain"),
      expect("a", attention, "in_proj_kernel", {2, 6}, "attn"),
      expect("a", attention, "in_proj_bias", {6}, "attn"),
      expect("a", attention, "out_proj_kernel", {2, 2}, "attn"),
      expect("a", attention, "out_proj_bias", {2}, "attn"),
      expect("n", norm, "gamma", {2}, "norm"),
      expect("n", norm, "beta", {2}, "norm")};
  Result<Binding> binding = bindWeights(source, request);
  ASSERT_TRUE(binding) << binding.message();
  EXPECT_EQ(read(*binding, 1, 2), (std::vector<float>{1000, 1001}));
  EXPECT_EQ(read(*binding, 2, 2), (std::vector<float>{2000, 2001}));
  std::vector<float> in = read(*binding, 3, 12);
  for (int i = 0; i < 2; ++i)
    for (int o = 0; o < 6; ++o)
      EXPECT_EQ(in[i * 6 + o], 3000 + o * 2 + i);
  EXPECT_EQ(read(*binding, 5, 4), (std::vector<float>{5000, 5002, 5001, 5003}));
  EXPECT_EQ(binding->tensors[6].sourceName, "attn.out_proj.bias");
  EXPECT_EQ(binding->tensors[7].sourceName, "norm.weight");
}

// Leading ones are all that may differ, and the message has torch's shape.
TEST(BindTorch, OwnParameterOfAnotherShape) {
  MemorySource source(Convention::Torch);
  source.torch("cls_token", {1, 2, 3});
  source.torch("pos_embed", {1, 5, 3});
  BindRequest request;
  request.expected = {
      expect("t", "ClassToken", "token", {3}, "cls_token"),
      expect("p", "PositionEmbedding", "position", {4, 3}, "pos_embed")};
  EXPECT_EQ(
      errorOf(source, request),
      "'net.weights' does not fit the network: of 2 tensors expected and 2 "
      "found, 0 missing, 2 of another shape, 0 extra\n"
      "  shape: expected 'cls_token' [1, 1, 3], found [1, 2, 3] in "
      "'cls_token'\n"
      "  shape: expected 'pos_embed' [1, 4, 3], found [1, 5, 3] in "
      "'pos_embed'");
}

// What older files call otherwise; a layer scale, whose ones stand behind.
TEST(BindTorch, OtherNames) {
  MemorySource source(Convention::Torch);
  source.torch("mlp.linear_1.weight", {6, 2});
  source.torch("mlp.3.weight", {2, 6});
  source.torch("block.layer_scale", {2, 1, 1});
  BindRequest request;
  request.expected = {
      expect("a", "Dense", "kernel", {2, 6}, "mlp.0"),
      expect("b", "Dense", "kernel", {6, 2}, "mlp.3"),
      expect("s", "LayerScale", "scale", {2}, "block.layer_scale")};
  request.expected[0].otherPrefixes = {"mlp.dense", "mlp.linear_1"};
  request.expected[1].otherPrefixes = {"mlp.linear_2"};
  Result<Binding> binding = bindWeights(source, request);
  ASSERT_TRUE(binding) << binding.message();
  EXPECT_EQ(binding->tensors[0].sourceName, "mlp.linear_1.weight");
  EXPECT_EQ(binding->tensors[1].sourceName, "mlp.3.weight");
  EXPECT_EQ(read(*binding, 2, 2), (std::vector<float>{2000, 2001}));
  // Where none is there, the newest name is the one that is missing.
  request.expected[0].otherPrefixes.clear();
  EXPECT_NE(errorOf(source, request).find("missing: expected 'mlp.0.weight'"),
            std::string::npos);
}

// A position of another square grid is resampled, its class token kept; one of
// no square grid, or of another width, is a wrong shape.
TEST(BindTorch, PositionOfAnotherGrid) {
  MemorySource source(Convention::Torch);
  source.torch("pos_embed", {1, 10, 2});
  BindRequest request;
  request.expected = {
      expect("p", "PositionEmbedding", "position", {17, 2}, "pos_embed")};
  request.expected[0].resample = Bicubic::AlignCorners;
  request.expected[0].grid = {4, 4};
  Result<Binding> binding = bindWeights(source, request);
  ASSERT_TRUE(binding) << binding.message();
  ASSERT_TRUE(binding->tensors[0].resampling);
  EXPECT_EQ(binding->tensors[0].resampling->from, (Grid{3, 3}));
  std::vector<float> position = read(*binding, 0, 34);
  // The class token and the four corners of the grid.
  EXPECT_EQ(position[0], 0);
  EXPECT_EQ(position[1], 1);
  for (auto [to, from] : {std::pair{1, 1}, {4, 3}, {13, 7}, {16, 9}})
    EXPECT_NEAR(position[to * 2], from * 2, 1e-5);
  request.expected[0].shape = {16, 2};
  request.expected[0].grid = {4, 4};
  EXPECT_NE(errorOf(source, request).find("1 of another shape"),
            std::string::npos);
  request.expected[0].shape = {17, 3};
  EXPECT_NE(errorOf(source, request).find("1 of another shape"),
            std::string::npos);
}

// A prefix of the network's own ("features.") is not stripped.
TEST(BindTorch, PrefixOfTheNetwork) {
  MemorySource source(Convention::Torch);
  source.torch("features.0.weight", {1, 1});
  source.torch("features.3.weight", {1, 1});
  BindRequest request;
  request.expected = {expect("a", "Dense", "kernel", {1, 1}, "features.0"),
                      expect("b", "Dense", "kernel", {1, 1}, "features.3")};
  EXPECT_EQ(errorOf(source, request), "(no error)");
}

// Optional layers cover whole components only.
TEST(BindTorch, OptionalLayers) {
  MemorySource source(Convention::Torch);
  source.torch("a.weight", {1, 1});
  source.torch("classifier.6.weight", {1, 1});
  BindRequest request;
  request.expected = {expect("a", "Dense", "kernel", {1, 1}, "a")};
  request.optionalLayers = {"class"};
  EXPECT_NE(errorOf(source, request).find("1 extra"), std::string::npos);
  request.optionalLayers = {"classifier"};
  Result<Binding> binding = bindWeights(source, request);
  ASSERT_TRUE(binding) << binding.message();
  EXPECT_EQ(binding->unused, std::vector<std::string>{"classifier.6.weight"});
}

// All that is wrong, in one message, with what was expected and found.
TEST(BindTorch, OneError) {
  MemorySource source(Convention::Torch);
  source.torch("conv.weight", {4, 3, 3, 3});
  source.torch("conv.bais", {4});
  source.torch("other.weight", {7});
  BindRequest request;
  request.expected = {expect("c", "Conv2D", "kernel", {3, 3, 3, 8}, "conv"),
                      expect("c", "Conv2D", "bias", {8}, "conv")};
  EXPECT_EQ(
      errorOf(source, request),
      "'net.weights' does not fit the network: of 2 tensors expected and 3 "
      "found, 1 missing, 1 of another shape, 2 extra\n"
      "  missing: expected 'conv.bias' [8]; nearest in the file: 'conv.bais' "
      "[4]\n"
      "  shape: expected 'conv.weight' [8, 3, 3, 3], found [4, 3, 3, 3] in "
      "'conv.weight'\n"
      "  extra: the network has no 'conv.bais'; the file has it with [4]\n"
      "  extra: the network has no 'other.weight'; the file has it with [7]");
}

// Flattened extents must be the rows.
TEST(BindTorch, FlattenThatDoesNotFit) {
  MemorySource source(Convention::Torch);
  source.torch("fc.weight", {2, 24});
  BindRequest request;
  request.expected = {expect("d", "Dense", "kernel", {24, 2}, "fc")};
  request.expected[0].flattened = {4, 2, 2};
  EXPECT_NE(errorOf(source, request).find("flattens [4, 2, 2]"),
            std::string::npos);
}

// Files from before torch 0.4 have a dot more in some names; two that differ in
// dots alone are no help.
TEST(BindTorch, OldDots) {
  MemorySource source(Convention::Torch);
  source.torch("block.norm.1.weight", {2});
  source.torch("block.norm.2.weight", {3});
  BindRequest request;
  request.expected = {
      expect("a", "BatchNormalization", "gamma", {2}, "block.norm1"),
      expect("b", "BatchNormalization", "gamma", {3}, "block.norm2")};
  Result<Binding> binding = bindWeights(source, request);
  ASSERT_TRUE(binding) << binding.message();
  EXPECT_EQ(binding->tensors[1].sourceName, "block.norm.2.weight");
  source.torch("bloc.knorm2.weight", {3});
  EXPECT_NE(errorOf(source, request).find("'block.norm2.weight'"),
            std::string::npos);
}

// Old Keras files: by name; depthwise [.., C, M] is canonical [.., 1, C * M].
TEST(BindKeras, Legacy) {
  MemorySource source(Convention::Keras);
  source.legacy("", "dw", "depthwise_kernel", {3, 3, 2, 3});
  source.legacy("", "fc", "kernel", {4, 2});
  source.legacy("", "fc", "bias", {2});
  BindRequest request;
  request.expected = {expect("dw", "DepthwiseConv2D", "kernel", {3, 3, 1, 6}),
                      expect("fc", "Dense", "kernel", {4, 2}),
                      expect("fc", "Dense", "bias", {2})};
  request.expected[1].flattened = {1, 2, 2}; // rows are in HWC order already
  Result<Binding> binding = bindWeights(source, request);
  ASSERT_TRUE(binding) << binding.message();
  EXPECT_EQ(read(*binding, 0, 54)[53], 53);
  EXPECT_EQ(read(*binding, 1, 8)[3], 1003);
  request.expected[0].shape = {3, 3, 1, 5};
  EXPECT_NE(errorOf(source, request)
                .find("'dw/kernel' [3, 3, C, M] with C x M = 5, found "
                      "[3, 3, 2, 3]"),
            std::string::npos)
      << errorOf(source, request);
}

// Names that Keras made up in another session: the order decides, by which
// Keras loads such files. Neither shifted names nor the top's beyond the
// network's last layer confuse it; a shape that does not fit leaves the names.
TEST(BindKeras, LegacyByOrder) {
  MemorySource source(Convention::Keras);
  source.legacy("", "conv2d_1", "kernel", {1, 1, 1, 2});
  source.legacy("", "conv2d_2", "kernel", {1, 1, 2, 2});
  source.legacy("", "conv2d_3", "kernel", {1, 1, 2, 2});
  source.legacy("", "predictions", "kernel", {2, 5});
  BindRequest request;
  request.expected = {expect("conv2d", "Conv2D", "kernel", {1, 1, 1, 2}),
                      expect("conv2d_1", "Conv2D", "kernel", {1, 1, 2, 2}),
                      expect("conv2d_2", "Conv2D", "kernel", {1, 1, 2, 2})};
  request.optionalLayers = {"predictions"};
  Result<Binding> binding = bindWeights(source, request);
  ASSERT_TRUE(binding) << binding.message();
  for (size_t i : {0, 1, 2})
    EXPECT_EQ(read(*binding, i, 2)[0], 1000.0f * i);
  EXPECT_EQ(binding->unused, std::vector<std::string>{"/predictions/kernel"});
  request.optionalLayers = {};
  EXPECT_NE(errorOf(source, request).find("extra"), std::string::npos);
  request.optionalLayers = {"predictions"};
  request.expected[2].shape = {1, 1, 2, 3};
  EXPECT_NE(errorOf(source, request).find("missing: expected 'conv2d/kernel'"),
            std::string::npos)
      << errorOf(source, request);
}

// The network nested as one layer of a larger model: that model's own head is
// left unused. The same head beside the network is an extra.
TEST(BindKeras, NestedAndExtra) {
  BindRequest request;
  request.expected = {expect("c1", "Conv2D", "kernel", {1, 1, 1, 1}),
                      expect("c2", "Conv2D", "kernel", {1, 1, 1, 1})};
  MemorySource nested(Convention::Keras);
  nested.legacy("base", "c1", "kernel", {1, 1, 1, 1});
  nested.legacy("base", "c2", "kernel", {1, 1, 1, 1});
  nested.legacy("", "dense", "kernel", {1, 2});
  Result<Binding> binding = bindWeights(nested, request);
  ASSERT_TRUE(binding) << binding.message();
  EXPECT_EQ(binding->unused, std::vector<std::string>{"/dense/kernel"});

  MemorySource flat(Convention::Keras);
  flat.legacy("", "c1", "kernel", {1, 1, 1, 1});
  flat.legacy("", "c2", "kernel", {1, 1, 1, 1});
  flat.legacy("", "dense", "kernel", {1, 2});
  EXPECT_NE(errorOf(flat, request).find("1 extra"), std::string::npos);
  request.optionalLayers = {"dense"};
  EXPECT_EQ(errorOf(flat, request), "(no error)");
}

// A network within the network (Sequential) has its layers in its group; a
// weight without a name is called "variable" and has, in its file, no role.
TEST(BindKeras, SequentialWithin) {
  MemorySource source(Convention::Keras);
  source.legacy("stem", "stem_conv", "kernel", {1, 1, 1, 1});
  source.legacy("", "c2", "kernel", {1, 1, 1, 1});
  source.legacy("", "gamma", "variable_3", {2});
  BindRequest request;
  request.expected = {expect("stem_conv", "Conv2D", "kernel", {1, 1, 1, 1}),
                      expect("c2", "Conv2D", "kernel", {1, 1, 1, 1}),
                      expect("gamma", "LayerScale", "scale", {2})};
  Result<Binding> binding = bindWeights(source, request);
  ASSERT_TRUE(binding) << binding.message();
  EXPECT_EQ(binding->tensors[0].sourceName, "stem/stem_conv/kernel");
  EXPECT_EQ(binding->tensors[2].sourceName, "/gamma/variable_3");
}

// Normalization's statistics; its count is a number by itself.
TEST(BindKeras, Normalization) {
  MemorySource source(Convention::Keras);
  source.keras3("", "normalization", 0, "0", {3});
  source.keras3("", "normalization", 0, "1", {3});
  source.keras3("", "normalization", 0, "2", {});
  BindRequest request;
  request.expected = {expect("n", "Normalization", "count", {1}),
                      expect("n", "Normalization", "variance", {3}),
                      expect("n", "Normalization", "mean", {3})};
  Result<Binding> binding = bindWeights(source, request);
  ASSERT_TRUE(binding) << binding.message();
  EXPECT_EQ(read(*binding, 0, 1), (std::vector<float>{2000}));
  EXPECT_EQ(read(*binding, 1, 1), (std::vector<float>{1000}));
  EXPECT_EQ(read(*binding, 2, 1), (std::vector<float>{0}));
}

// Keras 3 without names: by rank within the class (counters may have gaps, and
// 10 comes after 9), variables in the order of creation.
TEST(BindKeras, Keras3ByRank) {
  MemorySource source(Convention::Keras);
  source.keras3("", "conv2d", 10, "0", {1, 1, 1, 3});
  source.keras3("", "conv2d", 2, "0", {1, 1, 1, 2});
  source.keras3("", "conv2d", 2, "1", {2});
  for (const char *number : {"0", "1", "2", "3"})
    source.keras3("", "batch_normalization", 0, number, {2});
  BindRequest request;
  request.expected = {expect("a", "Conv2D", "bias", {2}),
                      expect("a", "Conv2D", "kernel", {1, 1, 1, 2}),
                      expect("n", "BatchNormalization", "moving_variance", {2}),
                      expect("n", "BatchNormalization", "moving_mean", {2}),
                      expect("n", "BatchNormalization", "gamma", {2}),
                      expect("n", "BatchNormalization", "beta", {2}),
                      expect("b", "Conv2D", "kernel", {1, 1, 1, 3})};
  Result<Binding> binding = bindWeights(source, request);
  ASSERT_TRUE(binding) << binding.message();
  std::vector<size_t> indices;
  for (const BoundTensor &tensor : binding->tensors)
    indices.push_back(tensor.sourceIndex);
  EXPECT_EQ(indices, (std::vector<size_t>{2, 1, 6, 5, 3, 4, 0}));
}

// Names, where all are there, beat ranks; names of another session do not.
TEST(BindKeras, Keras3Names) {
  MemorySource source(Convention::Keras);
  source.keras3("", "dense", 0, "0", {1, 1}, "second");
  source.keras3("", "dense", 1, "0", {1, 1}, "first");
  BindRequest request;
  request.expected = {expect("first", "Dense", "kernel", {1, 1}),
                      expect("second", "Dense", "kernel", {1, 1})};
  Result<Binding> binding = bindWeights(source, request);
  ASSERT_TRUE(binding) << binding.message();
  EXPECT_EQ(binding->tensors[0].sourceIndex, 1u);
  request.expected[0].layer = "dense_7";
  request.expected[1].layer = "dense_8";
  binding = bindWeights(source, request);
  ASSERT_TRUE(binding) << binding.message();
  EXPECT_EQ(binding->tensors[0].sourceIndex, 0u);
}

// A nested Keras 3 model, and a top that the network lacks.
TEST(BindKeras, Keras3NestedAndTop) {
  BindRequest request;
  request.expected = {expect("a", "Dense", "kernel", {1, 1}),
                      expect("b", "Dense", "kernel", {1, 1})};
  MemorySource nested(Convention::Keras);
  nested.keras3("", "dense", 0, "0", {5, 5});
  nested.keras3("layers/functional", "dense", 0, "0", {1, 1});
  nested.keras3("layers/functional", "dense", 1, "0", {1, 1});
  EXPECT_EQ(errorOf(nested, request), "(no error)");

  MemorySource topped(Convention::Keras);
  for (int64_t index : {0, 1, 2})
    topped.keras3("", "dense", index, "0", {1, 1});
  EXPECT_NE(errorOf(topped, request).find("1 extra"), std::string::npos);
  request.optionalLayers = {"predictions"};
  EXPECT_EQ(errorOf(topped, request), "(no error)");
  // But a bias that a used layer has and the network lacks stays an error.
  topped.keras3("", "dense", 0, "1", {1});
  EXPECT_NE(errorOf(topped, request).find("1 extra"), std::string::npos);
}

// How a tensor is laid out in each convention's files, by the shapes that torch
// and Keras document.
TEST(Bind, LayoutsInFiles) {
  using Shape = std::vector<int64_t>;
  ExpectedTensor kernel =
      expect("conv", "Conv2D", "kernel", {3, 5, 2, 4}, "features.0");
  FileLayout torch = layoutIn(Convention::Torch, kernel);
  EXPECT_EQ(torch.name, "features.0.weight");
  EXPECT_EQ(torch.shape, (Shape{4, 2, 3, 5}));
  FileLayout keras = layoutIn(Convention::Keras, kernel);
  EXPECT_EQ(keras.name, "conv/kernel");
  EXPECT_EQ(keras.shape, kernel.shape);
  EXPECT_TRUE(keras.axes.empty());
  EXPECT_EQ(layoutIn(Convention::Own, kernel).name, "conv.kernel");
  ExpectedTensor scale{"gamma", "LayerScale", "scale", {8}, "gamma", {}};
  EXPECT_EQ(layoutIn(Convention::Keras, scale).name, "gamma/variable");
  EXPECT_EQ(layoutIn(Convention::Torch, scale).name, "gamma");
  ExpectedTensor depthwise =
      expect("dw", "DepthwiseConv2D", "kernel", {3, 3, 1, 8}, "dw");
  EXPECT_EQ(layoutIn(Convention::Keras, depthwise).shape, (Shape{3, 3, 8, 1}));
  EXPECT_EQ(layoutIn(Convention::Torch, depthwise).shape, (Shape{8, 1, 3, 3}));
  ExpectedTensor dense = expect("fc", "Dense", "kernel", {12, 5}, "fc");
  dense.flattened = {2, 3, 2};
  EXPECT_EQ(layoutIn(Convention::Torch, dense).shape, (Shape{5, 12}));
  EXPECT_EQ(layoutIn(Convention::Torch, dense).viewShape, (Shape{5, 2, 3, 2}));
}

// A fit counts what is there, what has its shape, and what is too much.
TEST(Bind, MeasuresFit) {
  MemorySource source(Convention::Torch);
  source.torch("a.weight", {4, 2});
  source.torch("b.weight", {9});
  source.torch("c.weight", {1});
  BindRequest request;
  request.expected = {expect("a", "Dense", "kernel", {2, 4}, "a"),
                      expect("b", "BatchNormalization", "gamma", {8}, "b"),
                      expect("d", "BatchNormalization", "gamma", {8}, "d")};
  Fit fit = measureFit(source, request);
  EXPECT_EQ(fit.expected, 3u);
  EXPECT_EQ(fit.named, 2u);
  EXPECT_EQ(fit.fitting, 1u);
  EXPECT_EQ(fit.extra, 1u);
  EXPECT_EQ(fit.score(), 0.25);
}
