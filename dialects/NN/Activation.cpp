// Formulas of the elementwise functions; see the header.
#include "dialects/NN/Activation.h"

#include <algorithm>
#include <cmath>

namespace tl::nn {

static double slope(ActivationAttr activation) {
  return activation.getAlpha() ? activation.getAlpha().getValueAsDouble() : 0.0;
}

static double sigmoid(double x) {
  return x >= 0 ? 1 / (1 + std::exp(-x)) : std::exp(x) / (1 + std::exp(x));
}

// hard_sigmoid: relu6(x + 3) / 6 (Keras 3 and PyTorch).
static double hardSigmoid(double x) {
  return std::clamp(x / 6 + 0.5, 0.0, 1.0);
}

// The argument of gelu_tanh's tanh: sqrt(2 / pi) (x + 0.044715 x^3).
static double geluCubic(double x) {
  return std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x);
}

double evaluateActivation(ActivationAttr activation, double x) {
  switch (activation.getKind()) {
  case ActivationKind::None:
    return x;
  case ActivationKind::Relu:
    return std::max(x, 0.0);
  case ActivationKind::Relu6:
    return std::clamp(x, 0.0, 6.0);
  case ActivationKind::LeakyRelu:
    return x >= 0 ? x : slope(activation) * x;
  case ActivationKind::Sigmoid:
    return sigmoid(x);
  case ActivationKind::Tanh:
    return std::tanh(x);
  case ActivationKind::Silu:
    return x * sigmoid(x);
  case ActivationKind::Gelu:
    return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0)));
  case ActivationKind::HardSigmoid:
    return hardSigmoid(x);
  case ActivationKind::HardSwish:
    return x * hardSigmoid(x);
  case ActivationKind::Elu:
    return x >= 0 ? x : slope(activation) * std::expm1(x);
  case ActivationKind::GeluTanh:
    return 0.5 * x * (1 + std::tanh(geluCubic(x)));
  }
  llvm_unreachable("every activation kind is listed");
}

double evaluateActivationGradient(ActivationAttr activation, double v) {
  switch (activation.getKind()) {
  case ActivationKind::None:
    return 1;
  case ActivationKind::Relu: // from y
    return v > 0 ? 1 : 0;
  case ActivationKind::Relu6: // from y
    return v > 0 && v < 6 ? 1 : 0;
  case ActivationKind::LeakyRelu: // from y: same sign as x
    return v >= 0 ? 1 : slope(activation);
  case ActivationKind::Sigmoid: // y (1 - y)
    return v * (1 - v);
  case ActivationKind::Tanh: // 1 - y^2
    return 1 - v * v;
  case ActivationKind::Silu: { // s + x s (1 - s)
    double s = sigmoid(v);
    return s + v * s * (1 - s);
  }
  case ActivationKind::Gelu: // Phi(x) + x phi(x)
    return 0.5 * (1 + std::erf(v / std::sqrt(2.0))) +
           v * std::exp(-0.5 * v * v) / std::sqrt(2 * M_PI);
  case ActivationKind::HardSigmoid:
    return v > -3 && v < 3 ? 1.0 / 6 : 0;
  case ActivationKind::HardSwish:
    return v <= -3 ? 0 : v >= 3 ? 1 : v / 3 + 0.5;
  case ActivationKind::Elu: // from y: y + alpha below zero
    return v >= 0 ? 1 : v + slope(activation);
  case ActivationKind::GeluTanh: { // (1 + t) / 2 + x (1 - t^2) u' / 2
    double t = std::tanh(geluCubic(v));
    double slope = std::sqrt(2 / M_PI) * (1 + 3 * 0.044715 * v * v);
    return 0.5 * (1 + t) + 0.5 * v * (1 - t * t) * slope;
  }
  }
  llvm_unreachable("every activation kind is listed");
}

bool gradientNeedsInput(ActivationKind kind) {
  switch (kind) {
  case ActivationKind::Silu:
  case ActivationKind::Gelu:
  case ActivationKind::GeluTanh:
  case ActivationKind::HardSigmoid:
  case ActivationKind::HardSwish:
    return true;
  default:
    return false;
  }
}

} // namespace tl::nn
