// Batch normalisation, activations, dense layers and those that only reshape.
#include "frontends/tl/Layers.h"

#include <cmath>

using namespace llvm;

namespace tl::frontend {

using nn::ActivationKind;

static constexpr std::pair<StringLiteral, ActivationKind> kFunctions[] = {
    {"relu", ActivationKind::Relu},
    {"relu6", ActivationKind::Relu6},
    {"leaky_relu", ActivationKind::LeakyRelu},
    {"elu", ActivationKind::Elu},
    {"sigmoid", ActivationKind::Sigmoid},
    {"tanh", ActivationKind::Tanh},
    {"silu", ActivationKind::Silu},
    {"gelu", ActivationKind::Gelu},
    {"gelu_tanh", ActivationKind::GeluTanh},
    {"hard_sigmoid", ActivationKind::HardSigmoid},
    {"hard_swish", ActivationKind::HardSwish}};

static bool setFunction(StringRef name, Activation &activation) {
  activation.name = name.str();
  if (name == "softmax") {
    activation.kind = Activation::Kind::Softmax;
    return true;
  }
  for (auto [word, kind] : kFunctions)
    if (word == name) {
      activation.kind = Activation::Kind::Elementwise;
      activation.function = kind;
      return true;
    }
  return false;
}

bool readActivation(const LayerContext &c, const Value &value, bool softmax,
                    Activation &activation) {
  SmallVector<StringRef> words{"none"};
  for (auto [word, kind] : kFunctions)
    words.push_back(word);
  if (softmax)
    words.push_back("softmax");
  if (value.isWord("none"))
    return true;
  bool known = value.kind == Value::Kind::Word &&
               is_contained(words, value.text) &&
               setFunction(value.text, activation);
  if (!known) {
    auto diagnostic = c.reporter.error(value.range);
    if (value.isWord("softmax")) {
      diagnostic << "'" << c.name << "' takes no softmax; put 'softmax' behind "
                 << "it";
      return false;
    }
    diagnostic << "expected an activation, found " << describe(value);
    if (value.kind == Value::Kind::Word)
      diagnostic << suggestion(value.text, words);
    return false;
  }
  bool leaky = activation.function == ActivationKind::LeakyRelu;
  bool elu = activation.function == ActivationKind::Elu;
  // Keras's layer has a slope of 0.3, its function 0.2, torch 0.01: no default
  // could be what everyone expects.
  if (leaky && value.elements.empty()) {
    c.reporter.error(value.range)
        << "'leaky_relu' needs its slope, as in leaky_relu(0.01)";
    return false;
  }
  size_t most = leaky || elu ? 1 : 0;
  if (value.elements.size() > most) {
    c.reporter.error(value.range) << "'" << value.text << "' takes "
                                  << (most ? "1 number" : "no arguments");
    return false;
  }
  if (elu)
    activation.alpha = 1.0;
  if (!value.elements.empty()) {
    auto alpha = c.reader.real(value.elements[0], leaky ? "slope" : "alpha");
    if (!alpha)
      return false;
    activation.alpha = *alpha;
  }
  return true;
}

bool readActivationAndBias(const LayerContext &c, bool softmax, Layer &layer) {
  layer.bias = true;
  if (const Value *value = c.find("bias")) {
    auto bias = c.reader.boolean(*value, "bias");
    if (!bias)
      return false;
    layer.bias = *bias;
  }
  const Value *value = c.find("activation");
  return !value || readActivation(c, *value, softmax, layer.activation);
}

bool applyActivation(const LayerContext &c, Layer &layer) {
  layer.kind = LayerKind::Activation;
  layer.shape = c.input;
  return readActivation(c, *c.find("function"), true, layer.activation);
}

bool applyNamedActivation(const LayerContext &c, Layer &layer) {
  layer.kind = LayerKind::Activation;
  layer.shape = c.input;
  setFunction(c.name, layer.activation);
  if (c.name == "elu")
    layer.activation.alpha = 1.0;
  for (StringRef argument : {"slope", "alpha"})
    if (const Value *value = c.find(argument)) {
      auto alpha = c.reader.real(*value, argument);
      if (!alpha)
        return false;
      layer.activation.alpha = *alpha;
    }
  return true;
}

bool readEpsilon(const LayerContext &c, Layer &layer) {
  layer.epsilon = c.convention == Convention::Keras ? 1e-3 : 1e-5;
  if (const Value *value = c.find("epsilon")) {
    auto epsilon = c.reader.real(*value, "epsilon");
    if (!epsilon)
      return false;
    if (!(*epsilon > 0)) {
      c.reader.expected(*value, "a number above 0", "epsilon");
      return false;
    }
    layer.epsilon = *epsilon;
  }
  return true;
}

bool applyBatchNorm(const LayerContext &c, Layer &layer) {
  layer.kind = LayerKind::BatchNorm;
  layer.shape = c.input;
  if (!readEpsilon(c, layer))
    return false;
  bool gamma = true, beta = true;
  for (auto [argument, flag] :
       {std::pair<StringRef, bool *>{"scale", &gamma}, {"center", &beta}})
    if (const Value *value = c.find(argument)) {
      auto read = c.reader.boolean(*value, argument);
      if (!read)
        return false;
      *flag = *read;
    }
  Shape shape{c.input.back()};
  Initializer one{Initializer::Kind::Fill, 1}, zero;
  layer.parameters = {{"gamma", shape, one, !gamma},
                      {"beta", shape, zero, !beta},
                      {"moving_mean", shape, zero},
                      {"moving_variance", shape, one}};
  return true;
}

bool applyGlobalAvgPool(const LayerContext &c, Layer &layer) {
  layer.kind = LayerKind::GlobalAvgPool;
  if (c.input.size() != 3) {
    c.reporter.error(c.range)
        << "'gap' wants height, width and channels, found "
        << describe(c.input);
    return false;
  }
  layer.shape = {c.input[2]};
  if (const Value *value = c.find("keepdims")) {
    auto keep = c.reader.boolean(*value, "keepdims");
    if (!keep)
      return false;
    if (*keep)
      layer.shape = {1, 1, c.input[2]};
  }
  return true;
}

static int64_t elements(const Shape &shape) {
  int64_t count = 1;
  for (int64_t extent : shape)
    count *= extent;
  return count;
}

bool applyFlatten(const LayerContext &c, Layer &layer) {
  layer.kind = LayerKind::Flatten;
  layer.shape = {elements(c.input)};
  return true;
}

bool applyReshape(const LayerContext &c, Layer &layer) {
  layer.kind = LayerKind::Reshape;
  const Value &value = *c.find("shape");
  SmallVector<Value> extents;
  if (value.kind == Value::Kind::List)
    extents.assign(value.elements.begin(), value.elements.end());
  else
    extents.push_back(value);
  if (extents.size() != 1 && extents.size() != 3) {
    c.reader.expected(value,
                      "a number of features or (height, width, "
                      "channels)",
                      "shape");
    return false;
  }
  for (const Value &extent : extents) {
    auto read = c.reader.integer(extent, "shape", 1, int64_t(1) << 31);
    if (!read)
      return false;
    layer.shape.push_back(*read);
  }
  if (!checkShape(layer.shape, "the result", c.range, c.reporter))
    return false;
  if (elements(layer.shape) == elements(c.input))
    return true;
  c.reporter.error(value.range)
      << "the new shape must have the " << elements(c.input) << " numbers of "
      << describe(c.input) << ", found " << describe(layer.shape) << " with "
      << elements(layer.shape);
  return false;
}

bool applyDense(const LayerContext &c, Layer &layer) {
  layer.kind = LayerKind::Dense;
  auto units = c.reader.integer(*c.find("units"), "units", 1, 1 << 20);
  if (!units)
    return false;
  if (!readActivationAndBias(c, true, layer))
    return false;
  int64_t rows = c.input.back();
  Shape kernel{rows, *units};
  if (!checkShape(kernel, "the kernel", c.range, c.reporter))
    return false;
  // Keras: Glorot uniform, bias 0; torch: see WindowLayers.cpp.
  bool keras = c.convention == Convention::Keras;
  double limit = keras ? std::sqrt(6.0 / double(rows + *units))
                       : 1.0 / std::sqrt(double(rows));
  Initializer uniform{Initializer::Kind::Uniform, limit};
  // Of each place by itself: a convolution of 1x1.
  if (c.input.size() == 3)
    kernel = {1, 1, rows, *units};
  layer.parameters.push_back({"kernel", kernel, uniform});
  if (layer.bias)
    layer.parameters.push_back(
        {"bias", {*units}, keras ? Initializer() : uniform});
  layer.shape = c.input;
  layer.shape.back() = *units;
  return checkShape(layer.shape, "the result", c.range, c.reporter);
}

bool applyDropout(const LayerContext &c, Layer &layer) {
  layer.kind = LayerKind::Dropout;
  layer.shape = c.input;
  auto rate = c.reader.real(*c.find("rate"), "rate");
  if (!rate)
    return false;
  if (!(*rate >= 0 && *rate < 1)) {
    c.reader.expected(*c.find("rate"), "a number of at least 0 and below 1",
                      "rate");
    return false;
  }
  layer.rate = *rate;
  if (const Value *per = c.find("per")) {
    auto word = c.reader.word(*per, "per", {"element", "picture"});
    if (!word)
      return false;
    layer.perPicture = *word == "picture";
  }
  return true;
}

} // namespace tl::frontend
