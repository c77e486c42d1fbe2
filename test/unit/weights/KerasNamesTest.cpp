// One row for each way that Keras has spelled a weight.
#include "frontends/weights/KerasNames.h"

#include <gtest/gtest.h>

using namespace tl::weights;

namespace {

std::string legacy(const char *group, const char *weight) {
  SourceTensor tensor;
  nameLegacyTensor(group, weight, tensor);
  return tensor.scope + "|" + tensor.layer + "|" + tensor.role;
}

std::string keras3(const char *owner, const char *path, const char *name = "") {
  SourceTensor tensor;
  tensor.name = path;
  nameKeras3Tensor(owner, name, tensor);
  return tensor.scope + "|" + tensor.layer + "|" + tensor.snakeClass + "|" +
         std::to_string(tensor.classIndex) + "|" + tensor.role;
}

} // namespace

TEST(KerasNames, Legacy) {
  EXPECT_EQ(legacy("conv1", "conv1/kernel:0"), "|conv1|kernel");
  EXPECT_EQ(legacy("conv1", "conv1/kernel"), "|conv1|kernel");
  EXPECT_EQ(legacy("conv1/bn", "conv1/bn/gamma:0"), "|conv1/bn|gamma");
  EXPECT_EQ(legacy("conv1", "conv1_2/kernel:0"), "|conv1|kernel");
  EXPECT_EQ(legacy("conv1", "conv1_1/conv1/kernel:0"), "|conv1|kernel");
  EXPECT_EQ(legacy("conv1", "model/conv1/kernel:0"), "|conv1|kernel");
  EXPECT_EQ(legacy("bn", "bn/moving_variance:0"), "|bn|moving_variance");
  EXPECT_EQ(legacy("dw", "dw/depthwise_kernel:0"), "|dw|depthwise_kernel");
}

// VGG16's file in circulation was written by Keras 1.
TEST(KerasNames, Keras1) {
  EXPECT_EQ(legacy("block1_conv1", "block1_conv1_W_1:0"),
            "|block1_conv1|kernel");
  EXPECT_EQ(legacy("block1_conv1", "block1_conv1_b_1:0"), "|block1_conv1|bias");
  EXPECT_EQ(legacy("bn1", "bn1_running_std:0"), "|bn1|moving_variance");
  EXPECT_EQ(legacy("bn1", "bn1_gamma_3:0"), "|bn1|gamma");
}

TEST(KerasNames, NestedModel) {
  EXPECT_EQ(legacy("vgg16", "block1_conv1/kernel:0"),
            "vgg16|block1_conv1|kernel");
  EXPECT_EQ(legacy("vgg16", "conv_2/kernel:0"), "vgg16|conv_2|kernel");
}

TEST(KerasNames, Keras3) {
  EXPECT_EQ(keras3("layers/conv2d/", "layers/conv2d/vars/0", "conv1"),
            "|conv1|conv2d|0|0");
  EXPECT_EQ(keras3("layers/batch_normalization_12/",
                   "layers/batch_normalization_12/vars/3"),
            "||batch_normalization|12|3");
  EXPECT_EQ(keras3("_layer_checkpoint_dependencies/dense_2/",
                   "_layer_checkpoint_dependencies/dense_2/vars/1"),
            "||dense|2|1");
  EXPECT_EQ(keras3("layers/functional/layers/conv2d_1/",
                   "layers/functional/layers/conv2d_1/vars/0"),
            "layers/functional||conv2d|1|0");
  EXPECT_EQ(keras3("layers\\conv2d_3\\", "layers\\conv2d_3\\vars/0"),
            "||conv2d|3|0");
}

// Nothing in a name may break the parser.
TEST(KerasNames, Odd) {
  EXPECT_EQ(legacy("", ""), "||");
  EXPECT_EQ(legacy("a", ":0"), "|a|");
  EXPECT_EQ(legacy("a", "///"), "|a|");
  EXPECT_EQ(legacy("a", "a_"), "|a|a_");
  EXPECT_EQ(keras3("", "vars/0"), "|||-1|0");
  EXPECT_EQ(keras3("layers/dense_99999999999999999999/", "x"),
            "||dense_99999999999999999999|0|x");
}
