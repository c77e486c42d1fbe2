// Layers on tokens, values of shape [tokens, channels]: from pictures to
// tokens, attention and normalisation, and back to features. Initial values are
// those of torch's modules and of ViT implementations; where Keras differs, its
// own.
#include "frontends/tl/Layers.h"

#include <cmath>

using namespace llvm;

namespace tl::frontend {

/// False, with a message, where the input is no tokens.
static bool expectTokens(const LayerContext &c) {
  if (c.input.size() == 2)
    return true;
  c.reporter.error(c.range)
      << "'" << c.name << "' wants tokens and channels, found "
      << describe(c.input) << "; put 'tokens' before it";
  return false;
}

bool applyTokens(const LayerContext &c, Layer &layer) {
  layer.kind = LayerKind::Tokens;
  if (c.input.size() != 3) {
    c.reporter.error(c.range)
        << "'tokens' wants height, width and channels, found "
        << describe(c.input);
    return false;
  }
  layer.shape = {c.input[0] * c.input[1], c.input[2]};
  return true;
}

bool applyClassToken(const LayerContext &c, Layer &layer) {
  layer.kind = LayerKind::ClassToken;
  if (!expectTokens(c))
    return false;
  layer.parameters = {{"token", {c.input[1]}, {Initializer::Kind::Fill, 0}}};
  layer.shape = {c.input[0] + 1, c.input[1]};
  return checkShape(layer.shape, "the result", c.range, c.reporter);
}

/// `resample:` and `grid:`, which come together: how a file's embedding of
/// another grid is brought to this one. Tokens before those of the grid (the
/// class token) keep their own.
static bool readResample(const LayerContext &c, Layer &layer) {
  const Value *how = c.find("resample"), *grid = c.find("grid");
  if (!how && !grid)
    return true;
  if (!how || !grid) {
    c.reporter.error((how ? how : grid)->range)
        << "'resample' and 'grid' (rows, columns) come together";
    return false;
  }
  auto word = c.reader.word(*how, "resample", {"bicubic", "bicubic_antialias"});
  if (!word)
    return false;
  layer.resample = word->str();
  if (grid->kind != Value::Kind::List || grid->elements.size() != 2) {
    c.reader.expected(*grid, "(rows, columns)", "grid");
    return false;
  }
  for (int d : {0, 1}) {
    auto extent =
        c.reader.integer(grid->elements[d], "grid", 1, int64_t(1) << 15);
    if (!extent)
      return false;
    layer.grid[d] = *extent;
  }
  if (layer.grid[0] * layer.grid[1] <= c.input[0])
    return true;
  c.reporter.error(grid->range)
      << "a grid of " << layer.grid[0] << "x" << layer.grid[1]
      << " has more places than there are tokens, " << c.input[0];
  return false;
}

bool applyPosition(const LayerContext &c, Layer &layer) {
  layer.kind = LayerKind::Position;
  layer.shape = c.input;
  // torchvision/models/vision_transformer.py: normal, standard deviation 0.02.
  layer.parameters = {{"position", c.input, {Initializer::Kind::Normal, 0.02}}};
  return expectTokens(c) && readResample(c, layer);
}

bool applyLayerNorm(const LayerContext &c, Layer &layer) {
  layer.kind = LayerKind::LayerNorm;
  layer.shape = c.input;
  Shape shape{c.input.back()};
  layer.parameters = {{"gamma", shape, {Initializer::Kind::Fill, 1}},
                      {"beta", shape, {Initializer::Kind::Fill, 0}}};
  return readEpsilon(c, layer);
}

/// Reads `heads`, which must divide the `channels` of each.
static bool readHeads(const LayerContext &c, int64_t channels, Layer &layer) {
  const Value &value = *c.find("heads");
  auto heads = c.reader.integer(value, "heads", 1, kMostHeads);
  if (!heads)
    return false;
  layer.heads = *heads;
  if (channels % *heads == 0)
    return true;
  c.reporter.error(value.range)
      << *heads << " heads do not divide the " << channels << " channels";
  return false;
}

bool applyAttention(const LayerContext &c, Layer &layer) {
  layer.kind = LayerKind::Attention;
  layer.shape = c.input;
  if (!expectTokens(c) || !readHeads(c, c.input[1], layer))
    return false;
  int64_t width = c.input[1];
  Shape in{width, 3 * width};
  if (!checkShape(in, "the kernel", c.range, c.reporter))
    return false;
  // Glorot uniform, biases 0; torch's out_proj is a Linear whose bias it zeroes
  // (torch/nn/modules/activation.py, _reset_parameters).
  auto glorot = [](int64_t rows, int64_t columns) {
    return std::sqrt(6.0 / double(rows + columns));
  };
  double out = c.convention == Convention::Keras
                   ? glorot(width, width)
                   : 1.0 / std::sqrt(double(width));
  Initializer zero;
  layer.parameters = {
      {"in_proj_kernel",
       in,
       {Initializer::Kind::Uniform, glorot(width, 3 * width)}},
      {"in_proj_bias", {3 * width}, zero},
      {"out_proj_kernel", {width, width}, {Initializer::Kind::Uniform, out}},
      {"out_proj_bias", {width}, zero}};
  return true;
}

bool applySelfAttention(const LayerContext &c, Layer &layer) {
  layer.kind = LayerKind::SelfAttention;
  if (!expectTokens(c))
    return false;
  if (c.input[1] % 3 != 0) {
    c.reporter.error(c.range)
        << "'self_attention' wants queries, keys and values side by side, "
           "found "
        << c.input[1] << " channels; put 'dense' with three times the channels "
        << "before it";
    return false;
  }
  layer.shape = {c.input[0], c.input[1] / 3};
  return readHeads(c, layer.shape[1], layer);
}

bool applyFirstToken(const LayerContext &c, Layer &layer) {
  layer.kind = LayerKind::FirstToken;
  if (!expectTokens(c))
    return false;
  layer.shape = {c.input[1]};
  return true;
}

bool applyMeanTokens(const LayerContext &c, Layer &layer) {
  layer.kind = LayerKind::MeanTokens;
  if (!expectTokens(c))
    return false;
  if (const Value *skip = c.find("skip")) {
    auto count = c.reader.integer(*skip, "skip", 0, c.input[0] - 1);
    if (!count)
      return false;
    layer.firstPlace[0] = *count;
  }
  layer.shape = {c.input[1]};
  return true;
}

} // namespace tl::frontend
