// The layers of the language: a table of their arguments, and for each the rule
// that turns arguments and input shape into a Layer. A new layer is a row in
// the table, a function, and a case in MLIRGen.
#pragma once

#include "frontends/tl/Network.h"
#include "frontends/tl/Value.h"

namespace tl::frontend {

/// Arguments bound to parameter names; what was not given is absent.
using BoundArguments = llvm::StringMap<Value>;

struct ArgumentRule {
  llvm::StringRef name;
  bool required = false;
};

/// Binds arguments to rules: the first `positional` rules may be given by
/// place. Reports unknown, doubled, missing and surplus ones.
std::optional<BoundArguments>
bindArguments(llvm::StringRef callee, SourceRange range,
              llvm::ArrayRef<Argument> arguments,
              llvm::ArrayRef<ArgumentRule> rules, size_t positional,
              const Scope &scope, Reporter &reporter);

/// What a layer's rule may look at.
struct LayerContext {
  llvm::StringRef name; // the layer's word, "conv"
  SourceRange range;
  const BoundArguments &arguments;
  const Shape &input;
  Convention convention; // defaults and initial values
  ValueReader &reader;
  Reporter &reporter;

  const Value *find(llvm::StringRef argument) const {
    auto found = arguments.find(argument);
    return found == arguments.end() ? nullptr : &found->second;
  }
};

struct LayerRule {
  llvm::StringLiteral name;
  llvm::StringLiteral kerasClass, baseName;
  llvm::ArrayRef<ArgumentRule> arguments;
  size_t positional;
  /// Fills in the layer; false after an error was reported.
  bool (*apply)(const LayerContext &context, Layer &layer);
};

/// The rule, or null.
const LayerRule *findLayerRule(llvm::StringRef name);
/// Words of all layers, `add` and `concat` included.
llvm::SmallVector<llvm::StringRef> layerNames();

/// Reads an activation: relu, leaky_relu(0.1); softmax too where allowed.
bool readActivation(const LayerContext &context, const Value &value,
                    bool softmax, Activation &activation);

/// Reads `bias:` (true without it) and `activation:` (none without it).
bool readActivationAndBias(const LayerContext &context, bool softmax,
                           Layer &layer);

/// Reads `epsilon:`, of batch and layer norm (1e-3, for torch 1e-5, without
/// it).
bool readEpsilon(const LayerContext &context, Layer &layer);

inline constexpr int64_t kMostHeads = 1 << 16;

/// Reads `name:`, `source:`, `kind:` and `group:`, which every layer takes.
bool readNames(const BoundArguments &arguments, ValueReader &reader,
               Layer &layer);

/// False, with a message, when a shape is too large to be meant.
bool checkShape(llvm::ArrayRef<int64_t> shape, llvm::StringRef what,
                SourceRange range, Reporter &reporter);

/// False, with a message, when the input has no height and width.
bool expectPicture(const LayerContext &context);

/// Reads a size such as `stride: 2`; without it `pair` stays.
bool readPair(const LayerContext &context, llvm::StringRef name, int64_t least,
              std::array<int64_t, 2> &pair);

inline constexpr int64_t kMostChannels = int64_t(1) << 20;

/// The shape of `add`, `multiply` and `concat`: their inputs must fit together.
bool mergeShapes(Layer &layer, Reporter &reporter);

// TokenLayers.cpp.
bool applyTokens(const LayerContext &context, Layer &layer);
bool applyClassToken(const LayerContext &context, Layer &layer);
bool applyPosition(const LayerContext &context, Layer &layer);
bool applyLayerNorm(const LayerContext &context, Layer &layer);
bool applyAttention(const LayerContext &context, Layer &layer);
bool applySelfAttention(const LayerContext &context, Layer &layer);
bool applyFirstToken(const LayerContext &context, Layer &layer);
bool applyMeanTokens(const LayerContext &context, Layer &layer);

// ScaleLayers.cpp.
bool applyLayerScale(const LayerContext &context, Layer &layer);
bool applyRescale(const LayerContext &context, Layer &layer);
bool applyNormalization(const LayerContext &context, Layer &layer);

// WindowLayers.cpp, SliceLayers.cpp and, the others, PlainLayers.cpp.
bool applyConv(const LayerContext &context, Layer &layer);
bool applyDepthwiseConv(const LayerContext &context, Layer &layer);
bool applyMaxPool(const LayerContext &context, Layer &layer);
bool applyAvgPool(const LayerContext &context, Layer &layer);
bool applyAdaptiveAvgPool(const LayerContext &context, Layer &layer);
bool applyZeroPad(const LayerContext &context, Layer &layer);
bool applySlice(const LayerContext &context, Layer &layer);
bool applyPadChannels(const LayerContext &context, Layer &layer);
bool applyBatchNorm(const LayerContext &context, Layer &layer);
bool applyActivation(const LayerContext &context, Layer &layer);
bool applyNamedActivation(const LayerContext &context, Layer &layer);
bool applyGlobalAvgPool(const LayerContext &context, Layer &layer);
bool applyFlatten(const LayerContext &context, Layer &layer);
bool applyDense(const LayerContext &context, Layer &layer);
bool applyDropout(const LayerContext &context, Layer &layer);
bool applyReshape(const LayerContext &context, Layer &layer);

} // namespace tl::frontend
