// The walk over the graph, node by node in the file's order. Each value is a
// constant, a layer's result in some layout, or, while attention is being put
// together, its scores. A node that no rule can express makes its results
// failures; they become the error only if the network's end needs them, since
// a pattern of several nodes (Patterns.cpp) may still be a layer as a whole.
#pragma once

#include "frontends/onnx/Fold.h"
#include "frontends/onnx/Import.h"

#include <map>
#include <unordered_map>
#include <unordered_set>
#include <variant>

namespace tl::onnx {

/// A layer's result (or the input), and which ONNX value it is.
struct Value {
  int layer = frontend::kInputValue;
  Layout layout;
};

/// scale * q k^T, [N, heads, T, T] of ONNX, before or after its softmax.
struct Scores {
  Value queries, keys;
  double scale = 1;
  bool softmax = false;
};

/// Places of a picture (row times width plus column) and how often each counts.
using PlaceSum = std::map<int64_t, double>;

/// Elements that are sums of places, of ONNX's [N, C, shape...] or, before a
/// transposition, [shape..., N, C].
struct PlaceSums {
  Value picture;
  bool inFront = false;
  Extents shape;
  std::vector<PlaceSum> sums; // one an element of the shape
};

using Item = std::variant<Error, Constant, Value, Scores, PlaceSums>;
using Reader = std::function<void(std::span<float>)>;

/// The coefficients of x^0 to x^3.
using Cubic = std::array<double, 4>;

/// A layer before it has its place and its name.
struct Draft {
  frontend::Layer layer;
  std::map<std::string, Reader> readers; // by role

  Draft(frontend::LayerKind kind, const char *kerasClass,
        llvm::ArrayRef<int> inputs);
  /// A parameter with values from the file, and how it starts without.
  void parameter(const char *role, frontend::Shape shape,
                 frontend::Initializer init, Reader reader);
  /// One that is the same number everywhere and never trained.
  void fixed(const char *role, frontend::Shape shape, double value);
};

class Importer {
public:
  Importer(std::shared_ptr<const Model> model, const ImportOptions &options);
  Result<Import> run();

private:
  using Rule = Status (Importer::*)(const Node &);
  struct NamedRule {
    llvm::StringLiteral op;
    Rule rule;
  };
  static Rule findRule(llvm::StringRef op); // Rules.cpp

  // Importer.cpp
  Status constants();
  Status findInput();
  Status inputLayout(const pb::ValueInfoProto &input, Extents shape);
  Status findOutput();
  void markNeeded();
  void visit(const Node &node);
  Status apply(const Node &node);
  Status foldNode(const Node &node);
  bool areConstant(const Node &node) const;
  Result<Import> finish();
  void prune(int &output);

  const Item *item(const std::string &name) const;
  const Constant *constant(const std::string &name) const;
  const Value *value(const std::string &name) const;
  /// The value, or an error that says that this operand must not be constant.
  Result<Value> operand(const Node &node, size_t i) const;
  Result<Constant> constantOperand(const Node &node, size_t i,
                                   const char *what) const;
  const Node *producer(const std::string &name) const;
  /// True where nothing but the one user of this value sees its layer, so that
  /// the layer may still be changed.
  bool isExclusive(std::string name) const;
  void define(const Node &node, Item item) { items[node.output(0)] = item; }

  const frontend::Shape &shapeOf(const Value &value) const {
    return network.shapeOf(value.layer);
  }
  /// Appends the layer; the first of a node has its name, others the name and
  /// their class.
  int append(const Node &node, Draft draft);
  /// The layer's result in another shape of the same memory.
  int shaped(const Node &node, int layer, frontend::Shape shape);
  /// Height, width, channels; tokens, channels; or features.
  frontend::Shape naturalShape(const Layout &layout) const;
  /// The value's layer in the shape [height, width, channels], or why not.
  Result<int> picture(const Node &node, const Value &value);
  struct PictureOperand {
    Value value;
    int layer;
  };
  /// The node's first operand, as a picture.
  Result<PictureOperand> pictureOperand(const Node &node);

  // Windows.cpp
  struct Window;
  Status readWindow(const Node &node, const Value &value,
                    const std::vector<int64_t> &size, Window &window);
  Status conv(const Node &node);
  Status pool(const Node &node);
  Status globalMaxPool(const Node &node);

  // Products.cpp
  Status gemm(const Node &node);
  Status matMul(const Node &node);
  Status dense(const Node &node, const Value &value, int64_t units,
               Reader kernel, Reader bias);
  bool absorbBias(const Node &node, const Value &value, const std::string &name,
                  const Constant &shift);

  // Scale.cpp
  Status add(const Node &node);
  Status sum(const Node &node);
  Status subtract(const Node &node);
  Status multiply(const Node &node);
  Status divide(const Node &node);
  Status negate(const Node &node);
  Result<Value> addValues(const Node &node, Value a, const Value &b);
  Result<Value> multiplyValues(const Node &node, Value a, Value b);
  /// scale * value + shift; null: 1 and 0.
  Result<Value> scaleShift(const Node &node, const Value &value,
                           const Constant *scale, const Constant *shift);
  Value scaled(const Node &node, const Value &value, double scale,
               double shift);
  Result<std::vector<bool>> varying(const Node &node, const Layout &layout,
                                    const Constant &constant) const;
  /// A function of each value.
  Result<Constant> mapped(const Node &node, const Constant &constant,
                          llvm::function_ref<double(double)> f);
  Reader spread(const Layout &layout, int64_t period,
                const Constant &constant) const;
  bool absorbScale(const Value &value, const std::string &name,
                   const Constant &scale);
  bool absorbShift(const Value &value, const std::string &name,
                   const Constant &shift);

  // Elementwise.cpp
  Value activate(const Node &node, const Value &value, nn::ActivationKind kind,
                 std::optional<double> alpha = std::nullopt);
  Status activation(const Node &node);
  Status hardSigmoid(const Node &node);
  Status clip(const Node &node);
  Status prelu(const Node &node);
  Status selu(const Node &node);
  Status celu(const Node &node);
  Status gelu(const Node &node);
  Status softmax(const Node &node);
  Value clamp(const Node &node, Value value, double low, double high);

  // Normalise.cpp
  Status batchNorm(const Node &node);
  Status layerNorm(const Node &node);
  Status reduceMean(const Node &node);
  Status globalAveragePool(const Node &node);
  Result<Value> mean(const Node &node, const Value &value,
                     const std::vector<bool> &dims);
  Value normalise(const Node &node, const Value &value, double epsilon,
                  Reader gamma, Reader beta);

  // Movement.cpp
  Status identity(const Node &node);
  Status dropout(const Node &node);
  Status cast(const Node &node);
  Status shape(const Node &node);
  Status regroup(const Node &node, const Value &value, const Extents &shape);
  Status flatten(const Node &node);
  Status reshape(const Node &node);
  Status transpose(const Node &node);
  Status squeeze(const Node &node);
  Status concat(const Node &node);
  Status classToken(const Node &node, size_t axis);
  Status slice(const Node &node);
  Status split(const Node &node);
  Status gather(const Node &node);
  Status pad(const Node &node);
  Result<Value> cut(const Node &node, const Value &value, size_t dim,
                    int64_t first, int64_t count, int64_t step);
  Result<Value> padded(const Node &node, const Value &value, size_t dim,
                       int64_t before, int64_t after);

  // PlaceSums.cpp
  const PlaceSums *placeSums(const std::string &name) const;
  Status gatherND(const Node &node);
  Status sumPlaces(const Node &node);
  std::optional<PlaceSums> toFront(const Node &, const PlaceSums &) const;
  std::optional<PlaceSums> pickPlaces(const Node &, const PlaceSums &) const;
  std::optional<PlaceSums> maskPlaces(const Node &) const;
  std::optional<PlaceSums> addPlaces(const Node &) const;
  std::optional<PlaceSums> dividePlaces(const Node &) const;
  std::optional<PlaceSums> meanOfPlaces(const Node &, const PlaceSums &) const;
  bool adaptivePool(const Node &node, const PlaceSums &sums);

  // Attention.cpp
  Status scores(const Node &node, const Value &queries, const Value &keys);
  Status attend(const Node &node, const Scores &scores, const Value &values);
  bool scaleScores(const Node &node);
  Status attention(const Node &node);
  int sideBySide(const Node &node, const Value &queries, const Value &keys,
                 const Value &values, int64_t tokens, int64_t width);

  // Patterns.cpp
  bool pattern(const Node &node);
  struct Factors;
  bool productPattern(const Node &node);
  std::optional<nn::ActivationKind> recogniseGate(const std::string &x,
                                                  const std::string &gate,
                                                  double factor) const;
  bool hardSigmoidPattern(const Node &node, const std::string &name,
                          double factor);
  bool isHardSigmoid(const Node &clip, const std::string &x,
                     double factor) const;
  std::optional<Cubic> polynomial(const std::string &name, const std::string &x,
                                  int depth = 0) const;
  bool layerNormPattern(const Node &node);
  std::optional<double> number(const std::string &name) const;

  std::shared_ptr<const Model> model;
  const ImportOptions &options;
  const pb::GraphProto &graph;
  std::shared_ptr<ExternalFiles> external;
  FoldBudget budget;
  std::vector<Node> nodes;
  std::unordered_map<std::string, const Node *> producers;
  std::unordered_map<std::string, int> uses;
  std::unordered_set<const Node *> needed;
  std::unordered_map<std::string, Item> items;

  int64_t batch = 0;
  Layout input;
  std::string outputName;
  frontend::Network network;
  std::vector<std::map<std::string, Reader>> readers; // one a layer
  std::unordered_set<std::string> taken;              // names of layers
  std::unordered_map<std::string, int> numbers; // behind names given before
  const Node *current = nullptr;
  bool named = false; // the current node's name is given to a layer
  std::map<std::pair<int, std::vector<int64_t>>, int> reshapes;
};

} // namespace tl::onnx
