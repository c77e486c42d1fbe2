// nn.activation and its gradient: elementwise functions, row by row, so that
// inputs and output may have different halos. Also the shortest example of an
// emitter.
#include "compiler/Conversion/KernelsToCPU/Emitters.h"
#include "compiler/Conversion/KernelsToCPU/PictureTiles.h"
#include "compiler/Conversion/KernelsToCPU/VectorMath.h"

#include <cmath>

using Predicate = mlir::arith::CmpFPredicate;

namespace tl::cpu {

llvm::FailureOr<Grid> emitActivation(KernelBuilder &b, mlir::Operation *op) {
  auto activation = mlir::cast<nn::ActivationOp>(op);
  Buffer x = b.buffer(activation.getInput());
  Buffer y = b.buffer(activation.getResult());
  return forEachRow(
      b, y, {x}, [&](Value to, llvm::ArrayRef<Value> from, int64_t elements) {
        b.forEachVector(elements, [&](Value i, int64_t lanes) {
          Value v = b.load(b.at(from[0], i), lanes);
          b.store(activate(b, activation.getActivation(), v), b.at(to, i));
        });
      });
}

/// f'(v) of dialects/NN/Activation.h: v is the result f(x) or the input x.
static Value activationGradient(KernelBuilder &b, nn::ActivationAttr activation,
                                Value v) {
  Value zero = b.number(0, v), one = b.number(1, v);
  double alpha =
      activation.getAlpha() ? activation.getAlpha().getValueAsDouble() : 0;
  auto above = [&](double x) {
    return b.compareF(Predicate::OGT, v, b.number(x, v));
  };
  auto below = [&](double x) {
    return b.compareF(Predicate::OLT, v, b.number(x, v));
  };
  switch (activation.getKind()) {
  case nn::ActivationKind::None:
    return one;
  case nn::ActivationKind::Relu:
    return b.select(above(0), one, zero);
  case nn::ActivationKind::Relu6:
    return b.select(above(0), b.select(below(6), one, zero), zero);
  case nn::ActivationKind::LeakyRelu:
    return b.select(below(0), b.number(alpha, v), one);
  case nn::ActivationKind::Sigmoid: // y (1 - y)
    return b.mulF(v, b.subF(one, v));
  case nn::ActivationKind::Tanh: // (1 - y)(1 + y): 1 - y^2 cancels near 1
    return b.mulF(b.subF(one, v), b.addF(one, v));
  case nn::ActivationKind::Silu: { // s (1 + x (1 - s))
    Value s = sigmoid(b, v);
    return b.mulF(s, b.fma(v, b.subF(one, s), one));
  }
  case nn::ActivationKind::Gelu: { // Phi(x) + x phi(x)
    Value e = erf(b, b.mulF(v, b.number(std::sqrt(0.5), v)));
    Value cumulative = b.fma(e, b.number(0.5, v), b.number(0.5, v));
    Value density = b.mulF(exp(b, b.mulF(b.mulF(v, v), b.number(-0.5, v))),
                           b.number(1 / std::sqrt(2 * M_PI), v));
    return b.fma(v, density, cumulative);
  }
  case nn::ActivationKind::HardSigmoid:
    return b.select(above(-3), b.select(below(3), b.number(1.0 / 6, v), zero),
                    zero);
  case nn::ActivationKind::HardSwish: { // x / 3 + 1/2 between the bends
    Value slope = b.fma(v, b.number(1.0 / 3, v), b.number(0.5, v));
    return b.select(above(-3), b.select(below(3), slope, one), zero);
  }
  case nn::ActivationKind::Elu: // y + alpha below zero
    return b.select(below(0), b.addF(v, b.number(alpha, v)), one);
  case nn::ActivationKind::GeluTanh: { // s (1 + x (1 - s) 2 u'), s = s(2 u)
    Value square = b.mulF(v, v);
    double k = 2 * std::sqrt(2 / M_PI);
    Value s = sigmoid(
        b, b.mulF(v, b.fma(square, b.number(0.044715 * k, v), b.number(k, v))));
    Value slope = b.fma(square, b.number(3 * 0.044715 * k, v), b.number(k, v));
    return b.mulF(s, b.fma(b.mulF(v, slope), b.subF(one, s), one));
  }
  }
  llvm_unreachable("every activation kind is listed");
}

llvm::FailureOr<Grid> emitActivationGrad(KernelBuilder &b,
                                         mlir::Operation *op) {
  auto gradient = mlir::cast<nn::ActivationGradOp>(op);
  Buffer dy = b.buffer(gradient.getGradient());
  Buffer value = b.buffer(gradient.getValue());
  Buffer dx = b.buffer(gradient.getResult());
  return forEachRow(
      b, dx, {dy, value},
      [&](Value to, llvm::ArrayRef<Value> from, int64_t elements) {
        b.forEachVector(elements, [&](Value i, int64_t lanes) {
          Value v = b.load(b.at(from[1], i), lanes);
          Value slope = activationGradient(b, gradient.getActivation(), v);
          Value g = b.load(b.at(from[0], i), lanes);
          b.store(b.mulF(g, slope), b.at(to, i));
        });
      });
}

} // namespace tl::cpu
