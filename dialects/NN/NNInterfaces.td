//===- NNInterfaces.td - interfaces of NN operations ---------------------===//
#ifndef TL_NN_INTERFACES_TD
#define TL_NN_INTERFACES_TD

include "mlir/IR/OpBase.td"

def NN_Differentiable : OpInterface<"Differentiable"> {
  let cppNamespace = "::tl::nn";
  let description = [{
    An operation that knows its gradient. The rules of the whole dialect stand
    in dialects/NN/Gradients.cpp, the formula in one line above each.
  }];
  let methods = [InterfaceMethod<[{
      Builds operations that compute, from the gradient of the result, the
      gradient of each operand that is marked in `wanted` (one bit an operand).
      Fills `gradients` (one value an operand, null where not wanted or zero).
    }],
    "void", "buildGradient",
    (ins "::mlir::OpBuilder &":$builder, "::mlir::Value":$resultGradient,
         "const ::llvm::BitVector &":$wanted,
         "::llvm::SmallVectorImpl<::mlir::Value> &":$gradients)>];
}

#endif
