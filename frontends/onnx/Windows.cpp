// Convolutions and pools. ONNX counts pads [top, left, bottom, right], we
// [top, bottom, left, right]; its kernels are [OC, IC / groups, KH, KW], ours
// [KH, KW, IC / groups, OC].
#include "frontends/onnx/Importer.h"

#include "frontends/weights/Message.h"

#include <cmath>

namespace tl::onnx {

using frontend::Initializer;
using frontend::LayerKind;
using weights::shapeText;

constexpr int64_t kLargestWindow = 4096;

struct Importer::Window {
  std::array<int64_t, 2> size{1, 1}, strides{1, 1}, dilations{1, 1};
  std::array<int64_t, 4> pads{0, 0, 0, 0}; // ours
  std::array<int64_t, 2> in{0, 0}, out{0, 0};
  bool automatic = false, ceil = false, overhangs = false;

  int64_t reach(int d) const { return (size[d] - 1) * dilations[d] + 1; }
  void padSame(bool oddBehind);
  bool place();
};

/// Pads so that the result is ceil(input / stride).
void Importer::Window::padSame(bool oddBehind) {
  for (int d : {0, 1}) {
    int64_t steps = (in[d] + strides[d] - 1) / strides[d];
    int64_t total =
        std::max<int64_t>((steps - 1) * strides[d] + reach(d) - in[d], 0);
    pads[2 * d] = oddBehind ? total / 2 : total - total / 2;
    pads[2 * d + 1] = total - pads[2 * d];
  }
}

/// The result's size; false where it would be empty. With `ceil` a last window
/// may reach past the padding, but must start before it.
bool Importer::Window::place() {
  for (int d : {0, 1}) {
    int64_t &after = pads[2 * d + 1], before = pads[2 * d];
    int64_t room = in[d] + before + after - reach(d);
    if (ceil && room < 0 && room > -strides[d]) {
      after -= room;
      room = 0;
      overhangs = true;
    }
    if (room < 0)
      return false;
    out[d] = room / strides[d] + 1;
    if (ceil && room % strides[d] != 0 &&
        out[d] * strides[d] < in[d] + before) {
      ++out[d];
      overhangs = true;
      after = (out[d] - 1) * strides[d] + reach(d) - in[d] - before;
    }
  }
  return true;
}

Status Importer::readWindow(const Node &node, const Value &value,
                            const std::vector<int64_t> &size, Window &window) {
  auto two = [&](const char *name, std::array<int64_t, 2> &pair) {
    auto given = node.integers(name);
    if (given && given->size() != 2)
      return false;
    for (int d : {0, 1}) {
      pair[d] = given ? (*given)[d] : pair[d];
      if (pair[d] < 1 || pair[d] > kLargestWindow)
        return false;
    }
    return true;
  };
  auto picture = *value.layout.asPicture();
  window.in = {picture[0], picture[1]};
  window.size = {size[0], size[1]};
  if (size[0] < 1 || size[1] < 1 ||
      std::max(size[0], size[1]) > kLargestWindow ||
      !two("strides", window.strides) || !two("dilations", window.dilations))
    return node.error("expected two numbers from 1 to 4096 for its window, "
                      "strides and dilations");
  auto pads = node.integers("pads");
  std::string automatic = node.text("auto_pad", "NOTSET");
  if (automatic == "SAME_UPPER" || automatic == "SAME_LOWER") {
    window.automatic = true;
    window.padSame(automatic == "SAME_UPPER");
  } else if (automatic == "NOTSET" && pads) {
    for (int64_t pad : *pads)
      if (pads->size() != 4 || pad < 0 || pad > kLargestWindow)
        return node.error("expected four pads from 0 to 4096, found " +
                          shapeText(*pads));
    if (pads->size() == 4)
      window.pads = {(*pads)[0], (*pads)[2], (*pads)[1], (*pads)[3]};
  } else if (automatic != "NOTSET" && automatic != "VALID") {
    return node.error("unknown auto_pad '" + automatic + "'");
  }
  window.ceil = node.integer("ceil_mode", 0) != 0 && !window.automatic;
  if (!window.place())
    return node.error("its window is larger than its padded input " +
                      shapeText(value.layout.shape()));
  return weights::Done{};
}

/// [OC, IC, KH, KW] to [KH, KW, IC, OC].
static Reader kernelReader(Constant kernel) {
  return [kernel](std::span<float> out) {
    const Extents &shape = kernel.shape();
    std::vector<float> values = kernel.floats();
    size_t i = 0;
    for (int64_t oc = 0; oc < shape[0]; ++oc)
      for (int64_t ic = 0; ic < shape[1]; ++ic)
        for (int64_t k = 0; k < shape[2] * shape[3]; ++k)
          out[(k * shape[1] + ic) * shape[0] + oc] = values[i++];
  };
}

static Reader plainReader(Constant constant) {
  return [constant](std::span<float> out) {
    std::vector<float> values = constant.floats();
    std::copy(values.begin(), values.end(), out.begin());
  };
}

Status Importer::conv(const Node &node) {
  auto value = operand(node, 0);
  auto kernel = constantOperand(node, 1, "kernel");
  if (!value || !kernel)
    return value ? kernel.error() : value.error();
  auto layer = picture(node, *value);
  if (!layer)
    return layer.error();
  const Extents &shape = kernel->shape();
  int64_t groups = node.integer("group", 1);
  int64_t channels = value->layout.extent(1);
  if (shape.size() != 4 || kernel->count() < 1 || groups < 1 ||
      groups > channels || channels % groups || shape[0] % groups ||
      shape[1] != channels / groups || kernel->isInteger())
    return node.error("the kernel " + shapeText(shape) + " in " +
                      std::to_string(groups) + " groups does not fit " +
                      std::to_string(channels) + " channels");
  auto given = node.integers("kernel_shape");
  if (given && *given != Extents{shape[2], shape[3]})
    return node.error("kernel_shape differs from the kernel's " +
                      shapeText(shape));
  Window window;
  if (auto s = readWindow(node, *value, {shape[2], shape[3]}, window); !s)
    return s;
  bool depthwise = groups == channels && shape[0] == channels && groups > 1;
  Draft draft(depthwise ? LayerKind::DepthwiseConv : LayerKind::Conv,
              depthwise ? "DepthwiseConv2D" : "Conv2D", *layer);
  draft.layer.window = window.size;
  draft.layer.strides = window.strides;
  draft.layer.dilations = window.dilations;
  draft.layer.pads = window.pads;
  draft.layer.groups = groups;
  draft.layer.shape = {window.out[0], window.out[1], shape[0]};
  // torch's own initial values, for a network without its weights.
  double fan = double(shape[1] * shape[2] * shape[3]);
  Initializer uniform{Initializer::Kind::Uniform, 1 / std::sqrt(fan)};
  draft.parameter("kernel", {shape[2], shape[3], shape[1], shape[0]}, uniform,
                  kernelReader(*kernel));
  if (!node.input(2).empty()) {
    auto bias = constantOperand(node, 2, "bias");
    if (!bias)
      return bias.error();
    if (bias->shape() != Extents{shape[0]})
      return node.error("expected " + std::to_string(shape[0]) +
                        " biases, found " + shapeText(bias->shape()));
    draft.layer.bias = true;
    draft.parameter("bias", {shape[0]}, uniform, plainReader(*bias));
  }
  Layout result =
      Layout::picture(batch, shape[0], window.out[0], window.out[1]);
  define(node, Value{append(node, std::move(draft)), result});
  return weights::Done{};
}

Status Importer::pool(const Node &node) {
  auto input = pictureOperand(node);
  if (!input)
    return input.error();
  const auto &[value, layer] = *input;
  auto size = node.integers("kernel_shape");
  if (!size || size->size() != 2)
    return node.error("expected a window of two extents");
  Window window;
  if (auto s = readWindow(node, value, *size, window); !s)
    return s;
  if (window.dilations != std::array<int64_t, 2>{1, 1})
    return node.error("a dilated pool is not supported");
  for (int d : {0, 1})
    if (window.pads[2 * d] >= window.size[d] ||
        (window.out[d] - 1) * window.strides[d] >=
            window.in[d] + window.pads[2 * d])
      return node.error("a window would lie in the padding alone");
  bool largest = node.op() == "MaxPool";
  bool counts = node.integer("count_include_pad", 0) != 0;
  bool padded = node.integers("pads").value_or(Extents()) != Extents(4, 0) &&
                node.integers("pads");
  // What reaches past the padding counts for nothing, the padding does.
  if (!largest && counts && window.overhangs && padded)
    return node.error("count_include_pad with padding and ceil_mode is not "
                      "supported where a window reaches past the padding");
  Draft draft(largest ? LayerKind::MaxPool : LayerKind::AvgPool,
              largest ? "MaxPooling2D" : "AveragePooling2D", layer);
  draft.layer.window = window.size;
  draft.layer.strides = window.strides;
  draft.layer.pads = window.pads;
  draft.layer.countPadding = counts && !window.overhangs;
  int64_t channels = value.layout.extent(1);
  draft.layer.shape = {window.out[0], window.out[1], channels};
  Layout result =
      Layout::picture(batch, channels, window.out[0], window.out[1]);
  define(node, Value{append(node, std::move(draft)), result});
  return weights::Done{};
}

Status Importer::globalMaxPool(const Node &node) {
  auto input = pictureOperand(node);
  if (!input)
    return input.error();
  const auto &[value, layer] = *input;
  auto [height, width, channels] = *value.layout.asPicture();
  Draft draft(LayerKind::MaxPool, "GlobalMaxPooling2D", layer);
  draft.layer.window = draft.layer.strides = {height, width};
  draft.layer.shape = {1, 1, channels};
  define(node, Value{append(node, std::move(draft)),
                     Layout::picture(batch, channels, 1, 1)});
  return weights::Done{};
}

} // namespace tl::onnx
