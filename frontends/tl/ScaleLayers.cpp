// Layers that multiply each channel by a number of its own: learnt (layer
// scale), constants of the network, statistics from its weight file.
#include "frontends/tl/Layers.h"

#include <cmath>

using namespace llvm;

namespace tl::frontend {

// H. Touvron et al., "Going deeper with Image Transformers", 2021
// (arXiv:2103.17239).
bool applyLayerScale(const LayerContext &c, Layer &layer) {
  layer.kind = LayerKind::LayerScale;
  layer.shape = c.input;
  auto initial = c.reader.real(*c.find("initial"), "initial");
  if (!initial)
    return false;
  layer.parameters = {
      {"scale", {c.input.back()}, {Initializer::Kind::Fill, *initial}}};
  return true;
}

/// One number for all channels, or a list with one a channel.
static bool readChannels(const LayerContext &c, const Value &value,
                         StringRef name, std::vector<double> &numbers) {
  ArrayRef<Value> elements(value);
  if (value.kind == Value::Kind::List)
    elements = value.elements;
  for (const Value &element : elements) {
    auto number = c.reader.real(element, name);
    if (!number)
      return false;
    numbers.push_back(*number);
  }
  if (numbers.size() == 1 || int64_t(numbers.size()) == c.input.back())
    return true;
  c.reader.expected(value,
                    "a number, or a list of " + Twine(c.input.back()) +
                        ", one a channel,",
                    name);
  return false;
}

bool applyRescale(const LayerContext &c, Layer &layer) {
  layer.kind = LayerKind::Rescale;
  layer.shape = c.input;
  std::vector<double> scale, offset{0};
  if (!readChannels(c, *c.find("scale"), "scale", scale))
    return false;
  if (const Value *value = c.find("offset")) {
    offset.clear();
    if (!readChannels(c, *value, "offset", offset))
      return false;
  }
  layer.scale.assign(scale.begin(), scale.end());
  layer.offset.assign(offset.begin(), offset.end());
  return true;
}

/// (x - mean) / sqrt(variance) of constants, as a product and a sum.
static bool constantNormalization(const LayerContext &c, Layer &layer) {
  std::vector<double> mean, variance;
  if (!readChannels(c, *c.find("mean"), "mean", mean) ||
      !readChannels(c, *c.find("variance"), "variance", variance))
    return false;
  for (int64_t channel = 0; channel < c.input.back(); ++channel) {
    double v = variance[variance.size() == 1 ? 0 : channel];
    if (!(v > 0)) {
      c.reader.expected(*c.find("variance"), "numbers above 0", "variance");
      return false;
    }
    double scale = 1 / std::sqrt(v);
    layer.scale.push_back(float(scale));
    layer.offset.push_back(
        float(-mean[mean.size() == 1 ? 0 : channel] * scale));
  }
  return true;
}

bool applyNormalization(const LayerContext &c, Layer &layer) {
  layer.shape = c.input;
  const Value *mean = c.find("mean"), *variance = c.find("variance");
  if (mean && variance) {
    layer.kind = LayerKind::Rescale;
    return constantNormalization(c, layer);
  }
  if (mean || variance) {
    c.reporter.error((mean ? mean : variance)->range)
        << "'mean' and 'variance' come together, or both from the weight file";
    return false;
  }
  layer.kind = LayerKind::Normalization;
  Shape shape{c.input.back()};
  Initializer one{Initializer::Kind::Fill, 1}, zero;
  // How many values the statistics were taken from; nothing reads it.
  layer.parameters = {
      {"mean", shape, zero}, {"variance", shape, one}, {"count", {1}, zero}};
  return true;
}

} // namespace tl::frontend
