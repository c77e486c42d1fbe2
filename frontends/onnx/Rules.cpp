// Which operators are known: the table that README.md lists.
#include "frontends/onnx/Importer.h"

namespace tl::onnx {

Importer::Rule Importer::findRule(llvm::StringRef op) {
  static constexpr NamedRule kRules[] = {
      // Windows.cpp
      {"Conv", &Importer::conv},
      {"MaxPool", &Importer::pool},
      {"AveragePool", &Importer::pool},
      {"GlobalMaxPool", &Importer::globalMaxPool},
      // Products.cpp
      {"Gemm", &Importer::gemm},
      {"MatMul", &Importer::matMul},
      // Scale.cpp
      {"Add", &Importer::add},
      {"Sum", &Importer::sum},
      {"Sub", &Importer::subtract},
      {"Mul", &Importer::multiply},
      {"Div", &Importer::divide},
      {"Neg", &Importer::negate},
      // Elementwise.cpp
      {"Relu", &Importer::activation},
      {"LeakyRelu", &Importer::activation},
      {"Elu", &Importer::activation},
      {"Sigmoid", &Importer::activation},
      {"Tanh", &Importer::activation},
      {"HardSwish", &Importer::activation},
      {"HardSigmoid", &Importer::hardSigmoid},
      {"Clip", &Importer::clip},
      {"PRelu", &Importer::prelu},
      {"Selu", &Importer::selu},
      {"Celu", &Importer::celu},
      {"Gelu", &Importer::gelu},
      {"Softmax", &Importer::softmax},
      // Attention.cpp
      {"Attention", &Importer::attention},
      // Normalise.cpp
      {"BatchNormalization", &Importer::batchNorm},
      {"LayerNormalization", &Importer::layerNorm},
      {"ReduceMean", &Importer::reduceMean},
      {"GlobalAveragePool", &Importer::globalAveragePool},
      // Movement.cpp
      {"Identity", &Importer::identity},
      {"Dropout", &Importer::dropout},
      {"Cast", &Importer::cast},
      {"Shape", &Importer::shape},
      {"Flatten", &Importer::flatten},
      {"Reshape", &Importer::reshape},
      {"Transpose", &Importer::transpose},
      {"Squeeze", &Importer::squeeze},
      {"Unsqueeze", &Importer::squeeze},
      {"Concat", &Importer::concat},
      {"Slice", &Importer::slice},
      {"Split", &Importer::split},
      {"Gather", &Importer::gather},
      {"Pad", &Importer::pad},
      // PlaceSums.cpp
      {"GatherND", &Importer::gatherND}};
  for (const NamedRule &one : kRules)
    if (op == one.op)
      return one.rule;
  return nullptr;
}

} // namespace tl::onnx
