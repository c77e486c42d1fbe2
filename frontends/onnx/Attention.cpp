// Attention as exporters write it: two products of values with a softmax
// between them. The dialect has it as one operation on queries, keys and values
// side by side, [T, 3C].
#include "frontends/onnx/Importer.h"

#include "frontends/weights/Message.h"

#include <cmath>
#include <numeric>

namespace tl::onnx {

using frontend::LayerKind;

/// The heads of [N, heads, T, d] (N and heads perhaps joined) whose memory is
/// [N, T, heads, d], or 0.
static int64_t headsOf(const Layout &layout) {
  size_t rank = layout.rank();
  if (rank < 3)
    return 0;
  std::vector<int> outer;
  for (size_t i = 0; i + 2 < rank; ++i)
    outer.insert(outer.end(), layout.dimensions()[i].begin(),
                 layout.dimensions()[i].end());
  const auto &rows = layout.dimensions()[rank - 2];
  const auto &columns = layout.dimensions()[rank - 1];
  using Atoms = std::vector<int>;
  llvm::erase(outer, 0);
  if (outer == Atoms{2} && rows == Atoms{1} && columns == Atoms{3})
    return layout.atoms()[2];
  return outer.empty() && rows == Atoms{1} && columns == Atoms{2} ? 1 : 0;
}

Status Importer::scores(const Node &node, const Value &queries,
                        const Value &keys) {
  std::vector<size_t> order(keys.layout.rank());
  std::iota(order.begin(), order.end(), 0);
  if (order.size() >= 2)
    std::swap(order[order.size() - 2], order.back());
  if (headsOf(queries.layout) == 0 ||
      keys.layout.transposed(order) != queries.layout)
    return node.error("a product of two values is only known in attention, of "
                      "queries [N, heads, T, C] with keys [N, heads, C, T], "
                      "found " +
                      weights::shapeText(queries.layout.shape()) + " and " +
                      weights::shapeText(keys.layout.shape()));
  define(node, Scores{queries, keys});
  return weights::Done{};
}

/// A product or quotient of scores with a number.
bool Importer::scaleScores(const Node &node) {
  const Item *left = item(node.input(0)), *right = item(node.input(1));
  const Scores *scores = left ? std::get_if<Scores>(left) : nullptr;
  const Item *other = right;
  if (!scores && node.op() == "Mul") {
    scores = right ? std::get_if<Scores>(right) : nullptr;
    other = left;
  }
  const Constant *factor = other ? std::get_if<Constant>(other) : nullptr;
  if (!scores || scores->softmax || !factor || !factor->scalar())
    return false;
  Scores scaled = *scores;
  double number = *factor->scalar();
  scaled.scale *= node.op() == "Mul" ? number : 1 / number;
  define(node, scaled);
  return true;
}

/// The layer that holds queries, keys and values side by side: the one that
/// they are thirds of, or all three joined.
int Importer::sideBySide(const Node &node, const Value &queries,
                         const Value &keys, const Value &values, int64_t tokens,
                         int64_t width) {
  const Value *parts[] = {&queries, &keys, &values};
  int whole = frontend::kInputValue;
  for (int i = 0; i < 3; ++i) {
    int layer = parts[i]->layer;
    const frontend::Layer *part =
        layer == frontend::kInputValue ? nullptr : &network.layers[layer];
    bool third = part && part->kind == LayerKind::Slice &&
                 part->strides == std::array<int64_t, 2>{1, 1} &&
                 part->firstPlace == std::array<int64_t, 2>{0, 0} &&
                 part->firstChannel == i * width && part->shape.size() == 2 &&
                 part->shape.back() == width &&
                 part->inputShapes[0].back() == 3 * width &&
                 (i == 0 || part->inputs[0] == whole);
    if (!third)
      break;
    whole = part->inputs[0];
    if (i == 2)
      return whole;
  }
  Draft draft(LayerKind::Concat, "Concatenate", {});
  for (const Value *part : parts)
    draft.layer.inputs.push_back(shaped(node, part->layer, {tokens, width}));
  draft.layer.shape = {tokens, 3 * width};
  bool before = std::exchange(named, true);
  int layer = append(node, std::move(draft));
  named = before;
  return layer;
}

Status Importer::attend(const Node &node, const Scores &scores,
                        const Value &values) {
  int64_t heads = headsOf(values.layout);
  const Layout &layout = scores.queries.layout;
  if (!scores.softmax || heads == 0 || values.layout != layout)
    return node.error("expected the softmax of scores with values [N, heads, "
                      "T, C] of the same shape as the queries");
  int64_t tokens = layout.atoms()[1], width = layout.perPicture() / tokens;
  int joined =
      sideBySide(node, scores.queries, scores.keys, values, tokens, width);
  Draft draft(LayerKind::SelfAttention, "SelfAttention", joined);
  draft.layer.heads = heads;
  draft.layer.attentionScale = scores.scale;
  draft.layer.shape = {tokens, width};
  define(node, Value{append(node, std::move(draft)), layout});
  return weights::Done{};
}

/// [N, T, heads * d] as [N, heads, T, d]; the latter as it is.
static std::optional<Layout> splitHeads(const Layout &layout, int64_t heads) {
  if (layout.rank() != 3)
    return layout;
  int64_t width = layout.extent(2);
  if (heads < 1 || width % heads)
    return std::nullopt;
  auto split = layout.reshaped(
      {layout.extent(0), layout.extent(1), heads, width / heads});
  if (!split)
    return std::nullopt;
  return split->transposed({0, 2, 1, 3});
}

/// The operator of version 23: queries, keys and values alone.
Status Importer::attention(const Node &node) {
  for (size_t i = 3; i < node.inputs(); ++i)
    if (!node.input(i).empty())
      return node.error("a mask or keys of the past are not supported");
  int64_t heads = node.integer("q_num_heads", 0);
  if (node.integer("is_causal", 0) != 0 || node.real("softcap", 0) != 0 ||
      node.integer("kv_num_heads", heads) != heads)
    return node.error("only attention of each token to all, with as many heads "
                      "of keys as of queries, is supported");
  Value parts[3];
  for (size_t i : {0, 1, 2}) {
    auto value = operand(node, i);
    if (!value)
      return value.error();
    auto layout = splitHeads(value->layout, heads);
    if (!layout || headsOf(*layout) == 0 ||
        (i > 0 && *layout != parts[0].layout))
      return node.error("expected queries, keys and values [N, heads, T, C] or "
                        "[N, T, heads * C] of one shape, found " +
                        weights::shapeText(value->layout.shape()));
    parts[i] = {value->layer, *layout};
  }
  double channels = double(parts[0].layout.extent(parts[0].layout.rank() - 1));
  Scores scores{parts[0], parts[1], node.real("scale", 1 / std::sqrt(channels)),
                true};
  Layout whole = value(node.input(0))->layout;
  if (Status status = attend(node, scores, parts[2]); !status)
    return status;
  define(node, Value{value(node.output(0))->layer, whole});
  return weights::Done{};
}

} // namespace tl::onnx
