// What elaboration gives: a flat list of layers with their shapes. Loops,
// blocks and branches are gone; every size is a number. This is between the
// syntax tree and the TL module, so that shape rules and the order of the list
// can be read (and tested) without MLIR operations.
#pragma once

#include "dialects/NN/NN.h"
#include "frontends/tl/Source.h"

#include "llvm/ADT/SmallVector.h"

namespace tl::frontend {

/// Height, width, channels; tokens, channels; or one number of features;
/// without the batch.
using Shape = llvm::SmallVector<int64_t, 3>;

/// "[7, 7, 512]".
std::string describe(llvm::ArrayRef<int64_t> shape);

/// Whose habits: the order of a backbone's list, initial values, defaults.
enum class Convention { Keras, Torch };

struct Activation {
  enum class Kind { None, Elementwise, Softmax };
  Kind kind = Kind::None;
  nn::ActivationKind function = nn::ActivationKind::None;
  std::optional<double> alpha; // leaky_relu, elu
  std::string name;            // as written, for messages
};

/// How a parameter starts when no file gives its values.
struct Initializer {
  enum class Kind { Fill, Uniform, Normal };
  Kind kind = Kind::Fill;
  double scale = 0; // the value, the limit, the standard deviation
};

struct Parameter {
  // kernel, bias, gamma, beta, moving_mean, moving_variance; token, position;
  // in_proj_kernel, in_proj_bias, out_proj_kernel, out_proj_bias
  std::string role;
  Shape shape;
  Initializer init;
  /// Never in a weight file and never trained: batch_norm(scale: false).
  bool fixed = false;

  int64_t elements() const;
};

/// A value of the network: the input or a layer's result.
constexpr int kInputValue = -1;

enum class LayerKind {
  Conv,
  DepthwiseConv,
  BatchNorm,
  Activation,
  ZeroPad,
  Slice,
  PadChannels,
  MaxPool,
  AvgPool,
  AdaptiveAvgPool,
  GlobalAvgPool,
  LayerScale,
  Rescale,
  Normalization,
  Flatten,
  Dense,
  Dropout,
  Reshape,
  Tokens,
  ClassToken,
  Position,
  LayerNorm,
  Attention,
  SelfAttention,
  FirstToken,
  MeanTokens,
  Add,
  Multiply,
  Concat,
  ScaleShift
};

struct Layer {
  LayerKind kind;
  std::string kerasClass; // "Conv2D"
  std::string baseName;   // "conv2d": the name Keras makes up
  SourceRange range;

  std::string name; // empty until named
  std::string source;
  std::vector<std::string> otherSources; // names in other files' versions
  std::string group;     // the entry of the list that it is a part of
  bool top = false;      // of the backbone's own top
  SourceRange nameRange; // where it was named, or the layer

  llvm::SmallVector<int, 2> inputs; // indices of layers, or kInputValue
  llvm::SmallVector<Shape, 2> inputShapes;
  Shape shape;
  std::vector<Parameter> parameters;
  Activation activation;

  // Windows: convolutions and pools; a slice has strides.
  std::array<int64_t, 2> window{1, 1}, strides{1, 1}, dilations{1, 1};
  std::array<int64_t, 4> pads{0, 0, 0, 0}; // top, bottom, left, right
  int64_t groups = 1;
  bool bias = false;
  bool countPadding = false;                // average pool
  int64_t firstChannel = 0;                 // slice
  // Slice: row, column; mean_tokens: the first token that counts.
  std::array<int64_t, 2> firstPlace{0, 0};
  std::array<int64_t, 2> channelPads{0, 0}; // before, after
  double epsilon = 0;                       // batch norm, layer norm
  int64_t heads = 1;                        // attention
  std::optional<double> attentionScale;     // 1 / sqrt(channels of a head)
  double rate = 0;                          // dropout
  bool perPicture = false;                  // dropout: stochastic depth
  std::vector<float> scale, offset;         // rescale: one, or one a channel
  std::string resample;                     // position: see tl.layer
  std::array<int64_t, 2> grid{0, 0};        // position: rows and columns

  int64_t elements() const; // of all parameters
};

struct Tap {
  std::string name;
  int value; // a layer, or kInputValue
  SourceRange range;
};

/// Layers in execution order.
struct Network {
  Shape inputShape;
  std::vector<Layer> layers;
  std::vector<Tap> taps;
  int output = kInputValue;

  const Shape &shapeOf(int value) const {
    return value == kInputValue ? inputShape : layers[value].shape;
  }
};

/// The list that freeze ranges and `tlc --summary` use: which layers stand at
/// each place, one or, under a common name, the parts of a group (Keras's
/// Sequential within a network). `firstIndex` is the place of the first entry:
/// 1 for Keras, where the input is layer 0.
struct LayerList {
  struct Entry {
    std::string name;
    std::vector<int> layers;
  };
  std::vector<Entry> entries;
  int64_t firstIndex = 0;

  int64_t size() const { return entries.size() + firstIndex; }
};

/// Keras: by depth from the output, then in the order in which a walk from the
/// output first meets them (keras/src/ops/function.py, map_graph). Torch:
/// execution order.
LayerList listLayers(const Network &network, Convention convention);

/// Names the unnamed layers as Keras does (dense, dense_1, ...) and reports
/// names that are taken. `taken` maps a name to its layer's place.
void nameLayers(Network &network, llvm::StringMap<SourceRange> &taken,
                Reporter &reporter);

} // namespace tl::frontend
