// Convolutions, pools and zero padding: everything that slides a window. The
// padding rules are Keras's (`same` puts the odd row below and the odd column
// right; keras/src/ops/operation_utils.py) and torch's (a number, on all sides;
// ceil mode drops a last window that would start past the input and its
// leading padding; torch/nn/modules/pooling.py).
#include "frontends/tl/Layers.h"

#include <cmath>

using namespace llvm;

namespace tl::frontend {

namespace {

constexpr int64_t kLargestWindow = 4096;

} // namespace

bool expectPicture(const LayerContext &c) {
  if (c.input.size() == 3)
    return true;
  c.reporter.error(c.range)
      << "'" << c.name << "' wants height, width and channels, found "
      << describe(c.input);
  return false;
}

bool readPair(const LayerContext &c, StringRef name, int64_t least,
              std::array<int64_t, 2> &pair) {
  const Value *value = c.find(name);
  if (!value)
    return true;
  auto size = c.reader.size(*value, name, least, kLargestWindow);
  if (size)
    pair = {size->first, size->second};
  return size.has_value();
}

namespace {

/// ((top, bottom), (left, right)), or one number for all sides.
bool readPads(const LayerContext &c, const Value &value,
              std::array<int64_t, 4> &pads) {
  auto number = [&](const Value &v, int64_t &pad) {
    auto read = c.reader.integer(v, "padding", 0, kLargestWindow);
    pad = read.value_or(0);
    return read.has_value();
  };
  if (value.kind == Value::Kind::Integer) {
    int64_t all;
    if (!number(value, all))
      return false;
    pads = {all, all, all, all};
    return true;
  }
  bool shaped =
      value.kind == Value::Kind::List && value.elements.size() == 2 &&
      llvm::all_of(value.elements, [](const Value &pair) {
        return pair.kind == Value::Kind::List && pair.elements.size() == 2;
      });
  if (!shaped) {
    c.reader.expected(value, "a number or ((top, bottom), (left, right))",
                      "padding");
    return false;
  }
  for (int i : {0, 1, 2, 3})
    if (!number(value.elements[i / 2].elements[i % 2], pads[i]))
      return false;
  return true;
}

int64_t reach(const Layer &layer, int d) {
  return (layer.window[d] - 1) * layer.dilations[d] + 1;
}

/// Pads so that the output is ceil(input / stride).
void padSame(const Shape &input, Layer &layer) {
  for (int d : {0, 1}) {
    int64_t stride = layer.strides[d];
    int64_t out = (input[d] + stride - 1) / stride;
    int64_t total =
        std::max<int64_t>((out - 1) * stride + reach(layer, d) - input[d], 0);
    layer.pads[2 * d] = total / 2;
    layer.pads[2 * d + 1] = total - total / 2;
  }
}

bool readPadding(const LayerContext &c, StringRef byDefault, Layer &layer) {
  const Value *value = c.find("padding");
  if (value && value->kind != Value::Kind::Word)
    return readPads(c, *value, layer.pads);
  StringRef word = byDefault;
  if (value) {
    auto read = c.reader.word(*value, "padding", {"same", "valid"});
    if (!read)
      return false;
    word = *read;
  }
  if (word == "same")
    padSame(c.input, layer);
  return true;
}

/// Height and width of the result, which must not be empty.
bool windowShape(const LayerContext &c, int64_t channels, Layer &layer) {
  layer.shape = {0, 0, channels};
  for (int d : {0, 1}) {
    int64_t padded = c.input[d] + layer.pads[2 * d] + layer.pads[2 * d + 1];
    if (padded < reach(layer, d)) {
      c.reporter.error(c.range)
          << "the window of '" << c.name << "', " << reach(layer, 0) << "x"
          << reach(layer, 1) << ", is larger than its padded input, found "
          << describe(c.input);
      return false;
    }
    layer.shape[d] = (padded - reach(layer, d)) / layer.strides[d] + 1;
  }
  return checkShape(layer.shape, "the result", c.range, c.reporter);
}

/// Keras: Glorot uniform, bias 0. Torch: kaiming_uniform(a = sqrt 5), which is
/// U(-1/sqrt(fan_in), 1/sqrt(fan_in)) for the weight and for the bias.
void addKernel(const LayerContext &c, Shape shape, int64_t fanIn,
               int64_t fanOut, Layer &layer) {
  bool keras = c.convention == Convention::Keras;
  double limit = keras ? std::sqrt(6.0 / double(fanIn + fanOut))
                       : 1.0 / std::sqrt(double(fanIn));
  int64_t outputs = shape.back();
  layer.parameters.push_back(
      {"kernel", std::move(shape), {Initializer::Kind::Uniform, limit}});
  if (!layer.bias)
    return;
  Initializer bias;
  if (!keras)
    bias = {Initializer::Kind::Uniform, limit};
  layer.parameters.push_back({"bias", {outputs}, bias});
}

bool readWindow(const LayerContext &c, StringRef padding, Layer &layer) {
  return readPair(c, "stride", 1, layer.strides) &&
         readPair(c, "dilation", 1, layer.dilations) &&
         readPadding(c, padding, layer);
}

bool readCeil(const LayerContext &c, bool &ceil) {
  const Value *value = c.find("ceil");
  if (!value)
    return true;
  auto read = c.reader.boolean(*value, "ceil");
  if (read)
    ceil = *read;
  return read.has_value();
}

bool applyPool(const LayerContext &c, Layer &layer) {
  if (!expectPicture(c) || !readPair(c, "size", 1, layer.window))
    return false;
  layer.strides = layer.window;
  bool ceil = false;
  if (!readWindow(c, "valid", layer) || !readCeil(c, ceil))
    return false;
  // A first window may reach past the input as any last one.
  for (int d : {0, 1}) {
    int64_t padded = c.input[d] + layer.pads[2 * d] + layer.pads[2 * d + 1];
    int64_t beyond = layer.window[d] - padded;
    if (ceil && beyond > 0 && beyond < layer.strides[d])
      layer.pads[2 * d + 1] += beyond;
  }
  if (!windowShape(c, c.input[2], layer))
    return false;
  for (int d : {0, 1})
    if (layer.pads[2 * d] >= layer.window[d]) {
      c.reporter.error(c.range)
          << "the padding of '" << c.name
          << "' must be less than its window, found " << layer.pads[2 * d]
          << " for " << layer.window[d];
      return false;
    }
  for (int d : {0, 1}) {
    int64_t size = c.input[d], before = layer.pads[2 * d];
    int64_t &after = layer.pads[2 * d + 1], &out = layer.shape[d];
    int64_t stride = layer.strides[d], window = layer.window[d];
    int64_t rest = (size + before + after - window) % stride;
    if (ceil && rest != 0 && out * stride < size + before) {
      ++out;
      after = (out - 1) * stride + window - size - before;
    }
    // Padding behind may hold a whole window (stride 1, large padding).
    if ((out - 1) * stride >= size + before) {
      c.reporter.error(c.range) << "the last window of '" << c.name
                                << "' would lie in the padding alone";
      return false;
    }
  }
  return true;
}

} // namespace

bool applyConv(const LayerContext &c, Layer &layer) {
  layer.kind = LayerKind::Conv;
  if (!expectPicture(c) || !readPair(c, "size", 1, layer.window) ||
      !readWindow(c, "same", layer) || !readActivationAndBias(c, false, layer))
    return false;
  auto filters =
      c.reader.integer(*c.find("filters"), "filters", 1, kMostChannels);
  if (!filters)
    return false;
  if (const Value *value = c.find("groups")) {
    auto groups = c.reader.integer(*value, "groups", 1, kMostChannels);
    if (!groups)
      return false;
    layer.groups = *groups;
  }
  int64_t channels = c.input[2];
  if (channels % layer.groups || *filters % layer.groups) {
    c.reporter.error(c.find("groups")->range)
        << "'groups' (" << layer.groups << ") must divide the " << channels
        << " input channels and the " << *filters << " filters";
    return false;
  }
  int64_t area = layer.window[0] * layer.window[1];
  Shape kernel{layer.window[0], layer.window[1], channels / layer.groups,
               *filters};
  if (!checkShape(kernel, "the kernel", c.range, c.reporter))
    return false;
  addKernel(c, kernel, area * kernel[2], area * *filters, layer);
  return windowShape(c, *filters, layer);
}

bool applyDepthwiseConv(const LayerContext &c, Layer &layer) {
  layer.kind = LayerKind::DepthwiseConv;
  if (!expectPicture(c) || !readPair(c, "size", 1, layer.window) ||
      !readWindow(c, "same", layer) || !readActivationAndBias(c, false, layer))
    return false;
  int64_t channels = c.input[2], area = layer.window[0] * layer.window[1];
  layer.groups = channels;
  Shape kernel{layer.window[0], layer.window[1], 1, channels};
  if (!checkShape(kernel, "the kernel", c.range, c.reporter))
    return false;
  // Keras counts the fans of [KH, KW, C, 1] as they stand; torch's fan in is
  // that of one group.
  bool keras = c.convention == Convention::Keras;
  addKernel(c, kernel, keras ? area * channels : area, area, layer);
  return windowShape(c, channels, layer);
}

bool applyMaxPool(const LayerContext &c, Layer &layer) {
  layer.kind = LayerKind::MaxPool;
  return applyPool(c, layer);
}

bool applyAvgPool(const LayerContext &c, Layer &layer) {
  layer.kind = LayerKind::AvgPool;
  if (!applyPool(c, layer))
    return false;
  layer.countPadding = c.convention == Convention::Torch;
  if (const Value *value = c.find("count_padding")) {
    auto count = c.reader.boolean(*value, "count_padding");
    if (!count)
      return false;
    layer.countPadding = *count;
  }
  const Value *ceil = c.find("ceil");
  if (!ceil || !ceil->integer || !layer.countPadding)
    return true;
  // Torch divides by the part of the window inside the given padding. Without
  // any that is what lies inside the input.
  if (const Value *padding = c.find("padding");
      padding && !padding->isWord("valid")) {
    c.reporter.notSupported(ceil->range, "avg_pool with ceil and padding");
    return false;
  }
  layer.countPadding = false;
  return true;
}

bool applyAdaptiveAvgPool(const LayerContext &c, Layer &layer) {
  layer.kind = LayerKind::AdaptiveAvgPool;
  std::array<int64_t, 2> size;
  if (!expectPicture(c) || !readPair(c, "size", 1, size))
    return false;
  layer.shape = {size[0], size[1], c.input[2]};
  if (!checkShape(layer.shape, "the result", c.range, c.reporter))
    return false;
  if (c.input[0] % size[0] || c.input[1] % size[1])
    return true;
  // All windows are alike.
  layer.kind = LayerKind::AvgPool;
  layer.window = {c.input[0] / size[0], c.input[1] / size[1]};
  layer.strides = layer.window;
  return true;
}

bool applyZeroPad(const LayerContext &c, Layer &layer) {
  layer.kind = LayerKind::ZeroPad;
  if (!expectPicture(c) || !readPads(c, *c.find("padding"), layer.pads))
    return false;
  layer.shape = {c.input[0] + layer.pads[0] + layer.pads[1],
                 c.input[1] + layer.pads[2] + layer.pads[3], c.input[2]};
  return checkShape(layer.shape, "the result", c.range, c.reporter);
}

} // namespace tl::frontend
