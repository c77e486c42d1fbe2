// `slice` and `pad_channels`: the two halves of a shortcut without weights,
// every second pixel and zero channels ("option A" of residual networks).
#include "frontends/tl/Layers.h"

using namespace llvm;

namespace tl::frontend {

/// `channels: first..last`, both included.
static bool readChannels(const LayerContext &c, const Value &value,
                         Layer &layer) {
  int64_t channels = c.input.back();
  if (value.kind != Value::Kind::Interval || value.integer < 0 ||
      value.second < value.integer) {
    c.reader.expected(value, "a range of channels such as 0..15", "channels");
    return false;
  }
  if (value.second >= channels) {
    c.reporter.error(value.range)
        << "'slice' wants channels up to " << channels - 1 << ", the last of "
        << describe(c.input) << ", found " << describe(value);
    return false;
  }
  layer.firstChannel = value.integer;
  layer.shape.back() = value.second - value.integer + 1;
  return true;
}

bool applySlice(const LayerContext &c, Layer &layer) {
  layer.kind = LayerKind::Slice;
  layer.shape = c.input;
  const Value *stride = c.find("stride"), *channels = c.find("channels");
  if (!stride && !channels) {
    c.reporter.error(c.range) << "'slice' needs 'stride' or 'channels'";
    return false;
  }
  if (stride) {
    if (!expectPicture(c) || !readPair(c, "stride", 1, layer.strides))
      return false;
    for (int d : {0, 1})
      layer.shape[d] = (c.input[d] - 1) / layer.strides[d] + 1;
  }
  return !channels || readChannels(c, *channels, layer);
}

bool applyPadChannels(const LayerContext &c, Layer &layer) {
  layer.kind = LayerKind::PadChannels;
  layer.shape = c.input;
  for (auto [argument, pad] :
       {std::pair<StringRef, int64_t *>{"before", &layer.channelPads[0]},
        {"after", &layer.channelPads[1]}}) {
    auto read = c.reader.integer(*c.find(argument), argument, 0, kMostChannels);
    if (!read)
      return false;
    *pad = *read;
    layer.shape.back() += *read;
  }
  return checkShape(layer.shape, "the result", c.range, c.reporter);
}

} // namespace tl::frontend
