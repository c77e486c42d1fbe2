// The update rules; formulas and defaults stand in the header's table.
#include "dialects/NN/Optimizers.h"

#include "dialects/NN/Storage.h"
#include "llvm/Support/MathExtras.h"

#include <cmath>

using namespace mlir;

namespace tl::nn {

double defaultLearningRate(OptimizerKind kind, Convention convention) {
  if (convention == Convention::Keras)
    return kind == OptimizerKind::Sgd ? 0.01 : 0.001;
  return kind == OptimizerKind::RmsProp ? 0.01 : 0.001;
}

SmallVector<std::pair<StringRef, double>>
defaultConstants(OptimizerKind kind, Convention convention) {
  bool keras = convention == Convention::Keras;
  double epsilon = keras ? 1e-7 : 1e-8;
  switch (kind) {
  case OptimizerKind::Sgd:
    return {{"momentum", 0.0}, {"weight_decay", 0.0}};
  case OptimizerKind::RmsProp:
    return {{"rho", keras ? 0.9 : 0.99},
            {"epsilon", epsilon},
            {"weight_decay", 0.0}};
  case OptimizerKind::Adam:
    return {{"beta1", 0.9},
            {"beta2", 0.999},
            {"epsilon", epsilon},
            {"weight_decay", 0.0}};
  case OptimizerKind::AdamW:
    return {{"beta1", 0.9},
            {"beta2", 0.999},
            {"epsilon", epsilon},
            {"weight_decay", keras ? 0.004 : 0.01}};
  }
  llvm_unreachable("every optimizer kind is listed");
}

double optimizerConstant(OptimizerAttr optimizer, StringRef name) {
  if (auto value = optimizer.getConstants().getAs<FloatAttr>(name))
    return value.getValueAsDouble();
  for (auto [key, value] :
       defaultConstants(optimizer.getKind(), optimizer.getConvention()))
    if (key == name)
      return value;
  return 0;
}

bool decaysParameter(OptimizerAttr optimizer) {
  return optimizer.getConvention() == Convention::Keras ||
         optimizer.getKind() == OptimizerKind::AdamW;
}

bool keepsAverage(OptimizerAttr optimizer) {
  return optimizerConstant(optimizer, "ema") != 0;
}

int64_t squareSums(RankedTensorType gradient) {
  return llvm::divideCeil(storageOf(gradient).elements, kSumChunk);
}

/// The slots of the rule alone.
static unsigned ruleSlots(OptimizerAttr optimizer) {
  switch (optimizer.getKind()) {
  case OptimizerKind::Sgd:
    return optimizerConstant(optimizer, "momentum") != 0 ? 1 : 0;
  case OptimizerKind::RmsProp:
    return 1;
  case OptimizerKind::Adam:
  case OptimizerKind::AdamW:
    return 2;
  }
  llvm_unreachable("every optimizer kind is listed");
}

unsigned slotCount(OptimizerAttr optimizer) {
  return ruleSlots(optimizer) + keepsAverage(optimizer);
}

static void updateSgd(OptimizerAttr o, double lr, double g, double &p,
                      MutableArrayRef<double> slots) {
  double mu = optimizerConstant(o, "momentum");
  bool nesterov = o.getConstants().contains("nesterov");
  if (mu == 0) {
    p -= lr * g;
    return;
  }
  double &m = slots[0];
  if (o.getConvention() == Convention::Keras) {
    m = mu * m - lr * g;
    p += nesterov ? mu * m - lr * g : m;
  } else {
    m = mu * m + g;
    p -= lr * (nesterov ? g + mu * m : m);
  }
}

static void updateRmsProp(OptimizerAttr o, double lr, double g, double &p,
                          MutableArrayRef<double> slots) {
  double rho = optimizerConstant(o, "rho");
  double epsilon = optimizerConstant(o, "epsilon");
  double &v = slots[0];
  v = rho * v + (1 - rho) * g * g;
  p -= lr * g /
       (o.getConvention() == Convention::Keras ? std::sqrt(v + epsilon)
                                               : std::sqrt(v) + epsilon);
}

static void updateAdam(OptimizerAttr o, const StepScalars &s, double g,
                       double &p, MutableArrayRef<double> slots) {
  double b1 = optimizerConstant(o, "beta1"), b2 = optimizerConstant(o, "beta2");
  double epsilon = optimizerConstant(o, "epsilon");
  double &m = slots[0], &v = slots[1];
  m += (g - m) * (1 - b1);
  v += (g * g - v) * (1 - b2);
  if (o.getConvention() == Convention::Keras)
    p -= m *
         (s.learningRate * std::sqrt(s.biasCorrection2) / s.biasCorrection1) /
         (std::sqrt(v) + epsilon);
  else
    p -= s.learningRate / s.biasCorrection1 * m /
         (std::sqrt(v) / std::sqrt(s.biasCorrection2) + epsilon);
}

static void applyRule(OptimizerAttr o, const StepScalars &step, double g,
                      double &p, MutableArrayRef<double> slots) {
  switch (o.getKind()) {
  case OptimizerKind::Sgd:
    return updateSgd(o, step.learningRate, g, p, slots);
  case OptimizerKind::RmsProp:
    return updateRmsProp(o, step.learningRate, g, p, slots);
  case OptimizerKind::Adam:
  case OptimizerKind::AdamW:
    return updateAdam(o, step, g, p, slots);
  }
}

void evaluateUpdate(OptimizerAttr o, const StepScalars &step, double g,
                    double &p, MutableArrayRef<double> slots) {
  double decay = optimizerConstant(o, "weight_decay");
  if (decaysParameter(o))
    p -= step.learningRate * decay * p;
  else
    g += decay * p;
  applyRule(o, step, g, p, slots);
  if (keepsAverage(o))
    slots.back() = step.emaMomentum * slots.back() + (1 - step.emaMomentum) * p;
}

} // namespace tl::nn
