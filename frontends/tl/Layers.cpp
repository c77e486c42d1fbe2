// The table of layers, and the binding of arguments that layers, blocks and
// backbones share.
#include "frontends/tl/Layers.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace llvm;

namespace tl::frontend {

// What every layer takes ends every row.
#define TL_NAMES                                                               \
  {"name"}, {"source"}, {"kind"}, { "group" }
static constexpr ArgumentRule kNames[] = {TL_NAMES};
static constexpr ArgumentRule kConv[] = {
    {"filters", true}, {"size", true}, {"activation"}, {"stride"}, {"padding"},
    {"dilation"},      {"groups"},     {"bias"},       TL_NAMES};
static constexpr ArgumentRule kDepthwise[] = {
    {"size", true}, {"activation"}, {"stride"}, {"padding"},
    {"dilation"},   {"bias"},       TL_NAMES};
static constexpr ArgumentRule kPool[] = {
    {"size", true}, {"stride"}, {"padding"}, {"ceil"}, TL_NAMES};
static constexpr ArgumentRule kAvgPool[] = {{"size", true},    {"stride"},
                                            {"padding"},       {"ceil"},
                                            {"count_padding"}, TL_NAMES};
static constexpr ArgumentRule kAdaptivePool[] = {{"size", true}, TL_NAMES};
static constexpr ArgumentRule kZeroPad[] = {{"padding", true}, TL_NAMES};
static constexpr ArgumentRule kSlice[] = {{"stride"}, {"channels"}, TL_NAMES};
static constexpr ArgumentRule kPadChannels[] = {
    {"before", true}, {"after", true}, TL_NAMES};
static constexpr ArgumentRule kBatchNorm[] = {
    {"epsilon"}, {"scale"}, {"center"}, TL_NAMES};
static constexpr ArgumentRule kActivation[] = {{"function", true}, TL_NAMES};
static constexpr ArgumentRule kLeakyRelu[] = {{"slope", true}, TL_NAMES};
static constexpr ArgumentRule kElu[] = {{"alpha"}, TL_NAMES};
static constexpr ArgumentRule kGap[] = {{"keepdims"}, TL_NAMES};
static constexpr ArgumentRule kDense[] = {
    {"units", true}, {"activation"}, {"bias"}, TL_NAMES};
static constexpr ArgumentRule kDropout[] = {{"rate", true}, {"per"}, TL_NAMES};
static constexpr ArgumentRule kLayerScale[] = {{"initial", true}, TL_NAMES};
static constexpr ArgumentRule kRescale[] = {
    {"scale", true}, {"offset"}, TL_NAMES};
static constexpr ArgumentRule kNormalization[] = {
    {"mean"}, {"variance"}, TL_NAMES};
static constexpr ArgumentRule kPosition[] = {{"resample"}, {"grid"}, TL_NAMES};
static constexpr ArgumentRule kLayerNorm[] = {{"epsilon"}, TL_NAMES};
static constexpr ArgumentRule kAttention[] = {{"heads", true}, TL_NAMES};
static constexpr ArgumentRule kMeanTokens[] = {{"skip"}, TL_NAMES};
static constexpr ArgumentRule kReshape[] = {{"shape", true}, TL_NAMES};
#undef TL_NAMES

static const LayerRule kRules[] = {
    {"conv", "Conv2D", "conv2d", kConv, 3, applyConv},
    {"depthwise_conv", "DepthwiseConv2D", "depthwise_conv2d", kDepthwise, 2,
     applyDepthwiseConv},
    {"batch_norm", "BatchNormalization", "batch_normalization", kBatchNorm, 0,
     applyBatchNorm},
    {"zero_pad", "ZeroPadding2D", "zero_padding2d", kZeroPad, 1, applyZeroPad},
    {"max_pool", "MaxPooling2D", "max_pooling2d", kPool, 1, applyMaxPool},
    {"avg_pool", "AveragePooling2D", "average_pooling2d", kAvgPool, 1,
     applyAvgPool},
    {"adaptive_avg_pool", "AdaptiveAveragePooling2D",
     "adaptive_average_pooling2d", kAdaptivePool, 1, applyAdaptiveAvgPool},
    {"slice", "Lambda", "lambda", kSlice, 0, applySlice},
    {"pad_channels", "Lambda", "lambda", kPadChannels, 2, applyPadChannels},
    {"gap", "GlobalAveragePooling2D", "global_average_pooling2d", kGap, 0,
     applyGlobalAvgPool},
    {"flatten", "Flatten", "flatten", kNames, 0, applyFlatten},
    {"dense", "Dense", "dense", kDense, 2, applyDense},
    {"dropout", "Dropout", "dropout", kDropout, 1, applyDropout},
    {"layer_scale", "LayerScale", "layer_scale", kLayerScale, 1,
     applyLayerScale},
    {"rescale", "Rescaling", "rescaling", kRescale, 2, applyRescale},
    {"normalization", "Normalization", "normalization", kNormalization, 0,
     applyNormalization},
    {"reshape", "Reshape", "reshape", kReshape, 1, applyReshape},
    {"tokens", "Reshape", "reshape", kNames, 0, applyTokens},
    {"class_token", "ClassToken", "class_token", kNames, 0, applyClassToken},
    {"position", "PositionEmbedding", "position_embedding", kPosition, 0,
     applyPosition},
    {"layer_norm", "LayerNormalization", "layer_normalization", kLayerNorm, 0,
     applyLayerNorm},
    {"attention", "MultiHeadAttention", "multi_head_attention", kAttention, 1,
     applyAttention},
    {"self_attention", "SelfAttention", "self_attention", kAttention, 1,
     applySelfAttention},
    {"first_token", "GetItem", "get_item", kNames, 0, applyFirstToken},
    {"mean_tokens", "GlobalAveragePooling1D", "global_average_pooling1d",
     kMeanTokens, 0, applyMeanTokens},
    {"activation", "Activation", "activation", kActivation, 1, applyActivation},
    {"relu", "ReLU", "re_lu", kNames, 0, applyNamedActivation},
    {"relu6", "ReLU", "re_lu", kNames, 0, applyNamedActivation},
    {"leaky_relu", "LeakyReLU", "leaky_re_lu", kLeakyRelu, 1,
     applyNamedActivation},
    {"elu", "ELU", "elu", kElu, 1, applyNamedActivation},
    {"softmax", "Softmax", "softmax", kNames, 0, applyNamedActivation},
    {"sigmoid", "Activation", "activation", kNames, 0, applyNamedActivation},
    {"tanh", "Activation", "activation", kNames, 0, applyNamedActivation},
    {"silu", "Activation", "activation", kNames, 0, applyNamedActivation},
    {"gelu", "Activation", "activation", kNames, 0, applyNamedActivation},
    {"gelu_tanh", "Activation", "activation", kNames, 0, applyNamedActivation},
    {"hard_sigmoid", "Activation", "activation", kNames, 0,
     applyNamedActivation},
    {"hard_swish", "Activation", "activation", kNames, 0,
     applyNamedActivation}};

const LayerRule *findLayerRule(StringRef name) {
  for (const LayerRule &rule : kRules)
    if (rule.name == name)
      return &rule;
  return nullptr;
}

SmallVector<StringRef> layerNames() {
  SmallVector<StringRef> names{"add", "multiply", "concat"};
  for (const LayerRule &rule : kRules)
    names.push_back(rule.name);
  return names;
}

std::optional<BoundArguments>
bindArguments(StringRef callee, SourceRange range, ArrayRef<Argument> arguments,
              ArrayRef<ArgumentRule> rules, size_t positional,
              const Scope &scope, Reporter &reporter) {
  BoundArguments bound;
  StringMap<SourceRange> places;
  unsigned before = reporter.count();
  for (size_t i = 0; i < arguments.size(); ++i) {
    const Argument &argument = arguments[i];
    SourceRange place =
        argument.name ? argument.name->range : argument.value->range;
    StringRef name;
    if (argument.name) {
      name = argument.name->text;
      SmallVector<StringRef> names;
      for (const ArgumentRule &rule : rules)
        names.push_back(rule.name);
      if (!is_contained(names, name)) {
        std::string hint = suggestion(name, names);
        if (hint.empty() && !names.empty())
          hint = "; it takes " + alternatives(names);
        reporter.error(place)
            << "'" << callee << "' has no argument '" << name << "'" << hint;
        continue;
      }
    } else if (i > 0 && arguments[i - 1].name) {
      reporter.error(place) << "an argument by place must stand before those "
                               "by name";
      continue;
    } else if (i >= positional) {
      reporter.error(place)
          << "'" << callee << "' takes "
          << (positional == 0 ? std::string("no")
                              : "at most " + std::to_string(positional))
          << (positional == 1 ? " argument" : " arguments") << " by place";
      break;
    } else {
      name = rules[i].name;
    }
    if (auto [entry, fresh] = places.try_emplace(name, place); !fresh) {
      auto diagnostic = reporter.error(place);
      diagnostic << "'" << name << "' is given twice";
      reporter.note(diagnostic, entry->second, "it is given here");
      continue;
    }
    if (std::optional<Value> value = evaluate(*argument.value, scope, reporter))
      bound[name] = std::move(*value);
  }
  for (const ArgumentRule &rule : rules)
    if (rule.required && !places.contains(rule.name) &&
        reporter.count() == before)
      reporter.error(range) << "'" << callee << "' needs '" << rule.name << "'";
  if (reporter.count() != before)
    return std::nullopt;
  return bound;
}

/// A name of a layer, a module or a class.
static std::optional<std::string>
readName(const Value &value, StringRef argument, ValueReader &reader) {
  auto given = reader.string(value, argument);
  if (!given)
    return std::nullopt;
  bool good = !given->empty() && given->size() <= 128 &&
              llvm::all_of(*given, [](char c) {
                return isAlnum(c) || StringRef("_.-/").contains(c);
              });
  if (good)
    return given;
  reader.expected(value, "1 to 128 letters, digits, '_', '.', '-' or '/'",
                  argument);
  return std::nullopt;
}

/// "ReLU" gives re_lu, as Keras makes up names (keras/src/utils/naming.py).
static std::string madeUpName(StringRef kind) {
  std::string name;
  for (size_t i = 0; i < kind.size(); ++i) {
    bool word =
        i > 0 && isUpper(kind[i]) &&
        (isLower(kind[i - 1]) || (i + 1 < kind.size() && isLower(kind[i + 1])));
    if (word)
      name += '_';
    name += toLower(kind[i]);
  }
  return name;
}

/// One name, or the newest file's and then those of older ones.
static bool readSources(const Value &value, ValueReader &reader, Layer &layer) {
  ArrayRef<Value> names(value);
  if (value.kind == Value::Kind::List)
    names = value.elements;
  for (const Value &one : names) {
    auto name = readName(one, "source", reader);
    if (!name)
      return false;
    if (layer.source.empty())
      layer.source = std::move(*name);
    else
      layer.otherSources.push_back(std::move(*name));
  }
  return true;
}

bool readNames(const BoundArguments &arguments, ValueReader &reader,
               Layer &layer) {
  layer.nameRange = layer.range;
  for (auto [argument, text] :
       {std::pair<StringRef, std::string *>{"name", &layer.name},
        {"kind", &layer.kerasClass},
        {"group", &layer.group}}) {
    auto found = arguments.find(argument);
    if (found == arguments.end())
      continue;
    auto given = readName(found->second, argument, reader);
    if (!given)
      return false;
    if (argument == "name")
      layer.nameRange = found->second.range;
    *text = std::move(*given);
  }
  if (arguments.contains("kind"))
    layer.baseName = madeUpName(layer.kerasClass);
  auto source = arguments.find("source");
  return source == arguments.end() ||
         readSources(source->second, reader, layer);
}

bool checkShape(ArrayRef<int64_t> shape, StringRef what, SourceRange range,
                Reporter &reporter) {
  // One picture's activation or one weight: 2^31 numbers are 8 GiB.
  constexpr int64_t kMostElements = int64_t(1) << 31;
  int64_t elements = 1;
  for (int64_t extent : shape)
    if (MulOverflow(elements, extent, elements) || elements > kMostElements) {
      reporter.error(range) << what << " would be " << describe(shape)
                            << ", more than " << kMostElements << " numbers";
      return false;
    }
  return true;
}

/// Whether `other` may stand beside `first` in a layer of this kind.
static bool fitTogether(LayerKind kind, const Shape &first,
                        const Shape &other) {
  if (other == first)
    return true;
  if (kind == LayerKind::Add || other.size() != first.size())
    return false;
  if (kind == LayerKind::Concat)
    return ArrayRef(other).drop_back() == ArrayRef(first).drop_back();
  return other.back() == first.back() &&
         llvm::all_of(ArrayRef(other).drop_back(),
                      [](int64_t extent) { return extent == 1; });
}

static StringRef whatMustFit(LayerKind kind) {
  switch (kind) {
  case LayerKind::Add:
    return "the same shape";
  case LayerKind::Multiply:
    return "the same shape, or one number a channel in the second";
  default:
    return "the same height and width";
  }
}

bool mergeShapes(Layer &layer, Reporter &reporter) {
  const Shape &first = layer.inputShapes.front();
  layer.shape = first;
  for (const Shape &other : ArrayRef(layer.inputShapes).drop_front()) {
    if (!fitTogether(layer.kind, first, other)) {
      reporter.error(layer.range)
          << "branches must give " << whatMustFit(layer.kind) << ", found "
          << describe(first) << " and " << describe(other);
      return false;
    }
    if (layer.kind == LayerKind::Concat)
      layer.shape.back() += other.back();
  }
  return checkShape(layer.shape, "the result", layer.range, reporter);
}

} // namespace tl::frontend
