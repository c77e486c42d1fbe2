// onnx-eval: an ONNX file on given numbers, by the importer and the reference
// interpreter. It knows no pictures: the file's own input shape counts, so that
// the node tests of the onnx package run on it (test/numerics/
// onnx_node_tests.py), and the small goldens beside this file.
//
//   onnx-eval MODEL.onnx INPUT OUTPUT [VALUE [whole | nhwc]]
//
// The first dimension is the batch (where the file leaves it open, as many
// pictures as INPUT holds); with `whole` there is none, and the network is a
// function of the whole input. With `nhwc` pictures have their channels last.
// An empty VALUE is the graph's output.
// INPUT holds float32 numbers in ONNX's order; OUTPUT gets an int64 rank, int64
// extents and float32 numbers, of the graph's output or of VALUE.
#include "compiler/Conversion/TLToNN/Network.h"
#include "compiler/Interpreter/Interpreter.h"
#include "frontends/onnx/Import.h"
#include "frontends/tl/MLIRGen.h"

#include "mlir/IR/Verifier.h"

#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>

namespace tl {
namespace {

/// The network as a function of NN operations.
mlir::func::FuncOp function(onnx::Import &import, frontend::SourceRange range,
                            mlir::ModuleOp &module, mlir::MLIRContext &context,
                            mlir::OwningOpRef<mlir::ModuleOp> &owner) {
  frontend::Recipe recipe;
  recipe.range = recipe.backbone.range = recipe.backbone.preprocess.range =
      range;
  recipe.name = recipe.backbone.name = "onnx";
  recipe.input = import.network.inputShape;
  recipe.backbone.network = import.network;
  recipe.backbone.list =
      frontend::listLayers(import.network, frontend::Convention::Torch);
  recipe.backbone.preprocess.name = "raw";
  owner = frontend::generate(recipe, {"", "", {}}, &context);
  module = *owner;
  auto model = *module.getOps<ask::ModelOp>().begin();
  Network network = flattenNetwork(model);
  auto *end = network.function.getBody().front().getTerminator();
  end->setOperands(network.output);
  network.function.setFunctionType(mlir::FunctionType::get(
      &context, network.pixels.getType(), network.output.getType()));
  return network.function;
}

void fillParameters(onnx::Import &import, Interpreter &interpreter) {
  for (const onnx::ImportedTensor &tensor : import.tensors) {
    std::vector<float> values(onnx::countElements(tensor.shape));
    tensor.read(values);
    interpreter.parameters[tensor.name] =
        NNValue(tensor.shape, {values.begin(), values.end()});
  }
  for (const frontend::Layer &layer : import.network.layers)
    for (const frontend::Parameter &parameter : layer.parameters)
      if (parameter.fixed)
        interpreter.parameters[layer.name + "." + parameter.role] =
            NNValue(parameter.shape, std::vector<double>(parameter.elements(),
                                                         parameter.init.scale));
}

/// The index in ONNX's order of each element in ours, batch pictures. (A batch
/// of 1 may stand anywhere.)
std::vector<int64_t> onnxOrder(const onnx::Layout &layout, int64_t batch) {
  onnx::Extents shape = layout.shape();
  int64_t count = layout.perPicture();
  std::vector<int64_t> order(batch * count);
  layout.forEach(count, [&](int64_t i, llvm::ArrayRef<int64_t> at) {
    int64_t index = 0;
    for (size_t d = batch == 1 ? 0 : 1; d < shape.size(); ++d)
      index = index * shape[d] + at[d];
    for (int64_t n = 0; n < batch; ++n)
      order[n * count + i] = n * count + index;
  });
  return order;
}

bool write(const char *path, const onnx::Extents &shape,
           const std::vector<float> &values) {
  std::ofstream out(path, std::ios::binary);
  int64_t rank = int64_t(shape.size());
  out.write(reinterpret_cast<const char *>(&rank), 8);
  out.write(reinterpret_cast<const char *>(shape.data()), 8 * rank);
  out.write(reinterpret_cast<const char *>(values.data()), 4 * values.size());
  return bool(out);
}

int fail(const std::string &message) {
  std::cerr << message << "\n";
  return 1;
}

} // namespace

static int run(int argc, char **argv) {
  if (argc < 4 || argc > 6)
    return fail("expected MODEL.onnx INPUT OUTPUT [VALUE [whole | nhwc]]");
  frontend::SourceFile file(argv[1], "");
  frontend::SourceRange range{&file, 0, 0};
  std::string mode = argc == 6 ? argv[5] : "";
  auto import =
      onnx::importModel(argv[1], {std::nullopt, argc >= 5 ? argv[4] : "", range,
                                  mode == "whole", mode == "nhwc"});
  if (!import)
    return fail(import.message());
  bool single = import->input.atoms()[0] == 1;
  if (!single && !import->output.batchFirst())
    return fail("the first dimension of the output is not the batch");
  std::ifstream in(argv[2], std::ios::binary);
  std::string bytes(std::istreambuf_iterator<char>(in), {});
  int64_t picture = 4 * import->input.perPicture();
  int64_t batch = single              ? 1
                  : import->openBatch ? int64_t(bytes.size()) / picture
                                      : import->input.extent(0);
  std::vector<int64_t> order = onnxOrder(import->input, batch);
  if (bytes.size() != 4 * order.size())
    return fail("expected " + std::to_string(order.size()) + " numbers");
  std::vector<float> numbers(order.size());
  std::memcpy(numbers.data(), bytes.data(), bytes.size());
  llvm::SmallVector<int64_t> shape{batch};
  llvm::append_range(shape, import->network.inputShape);
  NNValue input(shape);
  for (size_t i = 0; i < order.size(); ++i)
    input.data[i] = numbers[order[i]];

  mlir::MLIRContext context;
  context.loadDialect<ask::TLDialect, nn::NNDialect, mlir::func::FuncDialect>();
  mlir::OwningOpRef<mlir::ModuleOp> owner;
  mlir::ModuleOp module;
  mlir::func::FuncOp network = function(*import, range, module, context, owner);
  if (failed(mlir::verify(network)))
    return 2;
  Interpreter interpreter;
  fillParameters(*import, interpreter);
  auto results = interpreter.run(network, {input});
  if (failed(results))
    return 2;
  const NNValue &result = (*results)[0];
  order = onnxOrder(import->output, batch);
  if (order.size() != result.data.size())
    return 2;
  std::vector<float> values(order.size());
  for (size_t i = 0; i < order.size(); ++i)
    values[order[i]] = float(result.data[i]);
  onnx::Extents extents = import->output.shape();
  if (!single)
    extents[0] = batch;
  return write(argv[3], extents, values) ? 0 : 2;
}

} // namespace tl

int main(int argc, char **argv) { return tl::run(argc, argv); }
