// Products with a constant matrix: dense layers, of features and of tokens.
#include "frontends/onnx/Importer.h"

#include "frontends/weights/Message.h"

#include <cmath>

namespace tl::onnx {

using frontend::Initializer;
using frontend::LayerKind;
using weights::shapeText;

/// Rows in the order in which the input's features lie in memory: behind a
/// flatten ONNX counts them C, H, W and we H, W, C.
static Reader rowsReader(Constant matrix, bool transposed, double factor,
                         Layout layout) {
  return [=](std::span<float> out) {
    size_t last = layout.rank() - 1;
    int64_t rows = layout.extent(last), columns = int64_t(out.size()) / rows;
    std::vector<float> values = matrix.floats();
    layout.forEach(rows, [&](int64_t row, llvm::ArrayRef<int64_t> at) {
      for (int64_t column = 0; column < columns; ++column)
        out[row * columns + column] =
            float(factor * values[transposed ? column * rows + at[last]
                                             : at[last] * columns + column]);
    });
  };
}

/// One bias a column, repeated where there is one for all.
static Reader biasReader(Constant bias, double factor) {
  return [=](std::span<float> out) {
    std::vector<float> values = bias.floats();
    for (size_t i = 0; i < out.size(); ++i)
      out[i] = float(factor * values[values.size() == 1 ? 0 : i]);
  };
}

Status Importer::dense(const Node &node, const Value &value, int64_t units,
                       Reader kernel, Reader bias) {
  size_t last = value.layout.rank() - 1;
  int64_t rows = value.layout.extent(last);
  if (!value.layout.isInnermost(last, false) || value.layout.rank() < 2)
    return node.error("the last dimension of " +
                      shapeText(value.layout.shape()) +
                      " would have to move in memory");
  int64_t tokens = value.layout.perPicture() / rows;
  auto shape = [&](int64_t channels) {
    return tokens == 1 ? frontend::Shape{channels}
                       : frontend::Shape{tokens, channels};
  };
  Draft draft(LayerKind::Dense, "Dense",
              shaped(node, value.layer, shape(rows)));
  draft.layer.shape = shape(units);
  Initializer uniform{Initializer::Kind::Uniform, 1 / std::sqrt(double(rows))};
  draft.parameter("kernel", {rows, units}, uniform, std::move(kernel));
  if (bias) {
    draft.layer.bias = true;
    draft.parameter("bias", {units}, uniform, std::move(bias));
  }
  define(node, Value{append(node, std::move(draft)),
                     value.layout.withInnermost(last, units)});
  return weights::Done{};
}

Status Importer::gemm(const Node &node) {
  auto value = operand(node, 0);
  auto matrix = constantOperand(node, 1, "matrix");
  if (!value || !matrix)
    return value ? matrix.error() : value.error();
  bool transposed = node.integer("transB", 0) != 0;
  double alpha = node.real("alpha", 1), beta = node.real("beta", 1);
  const Extents &shape = matrix->shape();
  if (node.integer("transA", 0) != 0)
    return node.error("transA would mix pictures of the batch");
  if (shape.size() != 2 || value->layout.rank() != 2 || matrix->count() < 1 ||
      shape[transposed ? 1 : 0] != value->layout.extent(1))
    return node.error("the matrix " + shapeText(shape) + " does not fit " +
                      shapeText(value->layout.shape()));
  int64_t units = shape[transposed ? 0 : 1];
  Reader bias;
  if (!node.input(2).empty()) {
    auto addend = constantOperand(node, 2, "addend");
    if (!addend)
      return addend.error();
    Extents wanted = addend->shape();
    while (!wanted.empty() && wanted[0] == 1)
      wanted.erase(wanted.begin());
    if (wanted != Extents{units} && addend->count() != 1)
      return node.error("expected an addend of " + std::to_string(units) +
                        " numbers, found " + shapeText(addend->shape()));
    bias = biasReader(*addend, beta);
  }
  return dense(node, *value, units,
               rowsReader(*matrix, transposed, alpha, value->layout),
               std::move(bias));
}

Status Importer::matMul(const Node &node) {
  const Item *left = item(node.input(0)), *right = item(node.input(1));
  if (!left || !right)
    return node.error("expected two operands");
  const Value *a = std::get_if<Value>(left), *b = std::get_if<Value>(right);
  if (const Scores *probabilities = std::get_if<Scores>(left);
      probabilities && b)
    return attend(node, *probabilities, *b);
  if (a && b)
    return scores(node, *a, *b);
  auto value = operand(node, 0);
  auto matrix = constantOperand(node, 1, "matrix");
  if (!value || !matrix)
    return value ? matrix.error() : value.error();
  Extents shape = matrix->shape();
  while (shape.size() > 2 && shape[0] == 1)
    shape.erase(shape.begin());
  size_t rank = value->layout.rank();
  if (shape.size() != 2 || rank < 2 || matrix->count() < 1 ||
      matrix->shape().size() > rank ||
      shape[0] != value->layout.extent(rank - 1))
    return node.error("the matrix " + shapeText(matrix->shape()) +
                      " does not fit " + shapeText(value->layout.shape()));
  return dense(node, *value, shape[1],
               rowsReader(*matrix, false, 1, value->layout), Reader());
}

/// A dense layer without a bias takes the constant that is added to it.
bool Importer::absorbBias(const Node &node, const Value &value,
                          const std::string &name, const Constant &shift) {
  if (!isExclusive(name))
    return false;
  frontend::Layer &layer = network.layers[value.layer];
  size_t last = value.layout.rank() - 1;
  if (layer.kind != LayerKind::Dense || layer.bias ||
      !value.layout.isInnermost(last, true) ||
      value.layout.extent(last) != layer.shape.back() ||
      shift.count() != layer.shape.back() || shift.shape().empty() ||
      shift.shape().back() != shift.count() ||
      shift.shape().size() > value.layout.rank())
    return false;
  layer.bias = true;
  layer.parameters.push_back(
      {"bias", {layer.shape.back()}, layer.parameters[0].init});
  readers[value.layer]["bias"] = biasReader(shift, 1);
  return true;
}

} // namespace tl::onnx
