// The order of a Keras layer list, and globs.
#include "frontends/tl/Network.h"
#include "frontends/tl/FreezeRange.h"

#include <gtest/gtest.h>

using namespace tl::frontend;

namespace {

// A projection block as in Keras's ResNet50, add([shortcut, path]): the list is
// that of keras.applications.ResNet50().layers[6:19]:
//   1_conv 1_bn 1_relu 2_conv 2_bn 2_relu 0_conv 3_conv 0_bn 3_bn add
TEST(LayerList, KerasOrdersByDepthThenByTheWalkFromTheOutput) {
  Network network;
  std::vector<std::string> names;
  auto append = [&](std::string name, std::initializer_list<int> inputs) {
    Layer layer{};
    layer.name = name;
    layer.inputs.assign(inputs);
    network.layers.push_back(layer);
    network.output = int(network.layers.size()) - 1;
    return network.output;
  };
  int stem = append("pool", {kInputValue});
  int left = append("0_bn", {append("0_conv", {stem})});
  int right = stem;
  for (const char *name : {"1_conv", "1_bn", "1_relu", "2_conv", "2_bn",
                           "2_relu", "3_conv", "3_bn"})
    right = append(name, {right});
  append("out", {append("add", {left, right})});

  LayerList keras = listLayers(network, Convention::Keras);
  EXPECT_EQ(keras.firstIndex, 1);
  for (const LayerList::Entry &entry : keras.entries)
    names.push_back(entry.name);
  EXPECT_EQ(names,
            (std::vector<std::string>{"pool", "1_conv", "1_bn", "1_relu",
                                      "2_conv", "2_bn", "2_relu", "0_conv",
                                      "3_conv", "0_bn", "3_bn", "add", "out"}));

  LayerList torch = listLayers(network, Convention::Torch);
  EXPECT_EQ(torch.firstIndex, 0);
  for (size_t i = 0; i < torch.entries.size(); ++i)
    EXPECT_EQ(torch.entries[i].layers, std::vector<int>{int(i)});
}

TEST(Glob, MatchesWholeNames) {
  EXPECT_TRUE(matchesGlob("features.12.*", "features.12.squeeze"));
  EXPECT_FALSE(matchesGlob("features.1.*", "features.12.squeeze"));
  EXPECT_TRUE(matchesGlob("block?_conv*", "block5_conv1"));
  EXPECT_FALSE(matchesGlob("block?_conv", "block5_conv1"));
  EXPECT_TRUE(matchesGlob("*_bn", "a_bn_bn"));
  EXPECT_TRUE(matchesGlob("*", ""));
  EXPECT_FALSE(matchesGlob("?", ""));
  // Exponential in a matcher that tries every way.
  EXPECT_FALSE(matchesGlob("*a*a*a*a*a*a*a*a*b", std::string(120, 'a')));
}

} // namespace
