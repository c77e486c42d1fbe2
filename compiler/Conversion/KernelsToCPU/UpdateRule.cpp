// The rules; each line here names its own, as dialects/NN/Optimizers.h has it.
// Padding of panels has a zero gradient and zero slots, and stays zero by every
// rule, decay and average.
#include "compiler/Conversion/KernelsToCPU/UpdateRule.h"

#include "compiler/Conversion/KernelsToCPU/VectorMath.h"
#include "dialects/NN/Optimizers.h"
#include "runtime/schema/KernelAbi.h"

#include <cstddef>

namespace tl::cpu {

namespace {
/// One vector of a parameter, its gradient and its slots.
struct Element {
  Value p, g;
  Values slots;
};

bool isKeras(const UpdateRule &rule) {
  return rule.optimizer.getConvention() == nn::Convention::Keras;
}

double constant(const UpdateRule &rule, llvm::StringRef name) {
  return nn::optimizerConstant(rule.optimizer, name);
}

Value spread(KernelBuilder &b, Value scalar, Value like) {
  auto type = mlir::cast<mlir::VectorType>(like.getType());
  return b.broadcast(scalar, type.getDimSize(0));
}

/// a - b c
Value minusProduct(KernelBuilder &b, Value a, Value x, Value y) {
  return b.fma(b.negF(x), y, a);
}

void updateSgd(KernelBuilder &b, const UpdateRule &rule, Element &e) {
  Value lr = spread(b, rule.learningRate, e.p);
  double momentum = constant(rule, "momentum");
  bool nesterov = rule.optimizer.getConstants().contains("nesterov");
  if (momentum == 0) {
    e.p = minusProduct(b, e.p, lr, e.g);
    return;
  }
  Value mu = b.number(momentum, e.p), &m = e.slots[0];
  if (isKeras(rule)) { // m = mu m - lr g; p += m, or mu m - lr g
    Value scaled = b.mulF(lr, e.g);
    m = b.subF(b.mulF(mu, m), scaled);
    e.p = b.addF(e.p, nesterov ? b.subF(b.mulF(mu, m), scaled) : m);
  } else { // m = mu m + g; p -= lr m, or lr (g + mu m)
    m = b.fma(mu, m, e.g);
    e.p = minusProduct(b, e.p, lr, nesterov ? b.fma(mu, m, e.g) : m);
  }
}

void updateRmsProp(KernelBuilder &b, const UpdateRule &rule, Element &e) {
  double rho = constant(rule, "rho");
  Value epsilon = b.number(constant(rule, "epsilon"), e.p), &v = e.slots[0];
  // v = rho v + (1 - rho) g^2
  Value square = b.mulF(b.mulF(e.g, e.g), b.number(1 - rho, e.p));
  v = b.fma(v, b.number(rho, e.p), square);
  Value divisor =
      isKeras(rule) ? sqrt(b, b.addF(v, epsilon)) : b.addF(sqrt(b, v), epsilon);
  Value step = b.mulF(spread(b, rule.learningRate, e.p), e.g);
  e.p = b.subF(e.p, b.divF(step, divisor));
}

void updateAdam(KernelBuilder &b, const UpdateRule &rule, Element &e) {
  Value epsilon = b.number(constant(rule, "epsilon"), e.p);
  Value &m = e.slots[0], &v = e.slots[1];
  // m += (g - m)(1 - b1); v += (g^2 - v)(1 - b2)
  m = b.fma(b.subF(e.g, m), b.number(1 - constant(rule, "beta1"), e.p), m);
  v = b.fma(b.subF(b.mulF(e.g, e.g), v),
            b.number(1 - constant(rule, "beta2"), e.p), v);
  Value root2 = sqrt(b, rule.correction2);
  Value rate, divisor;
  if (isKeras(rule)) { // m lr sqrt(c2)/c1 / (sqrt(v) + eps)
    rate = b.divF(b.mulF(rule.learningRate, root2), rule.correction1);
    divisor = b.addF(sqrt(b, v), epsilon);
  } else { // lr/c1 m / (sqrt(v)/sqrt(c2) + eps)
    rate = b.divF(rule.learningRate, rule.correction1);
    divisor = b.addF(b.divF(sqrt(b, v), spread(b, root2, v)), epsilon);
  }
  Value step = b.mulF(m, spread(b, rate, m));
  e.p = b.subF(e.p, b.divF(step, divisor));
}

void applyRule(KernelBuilder &b, const UpdateRule &rule, Element &e) {
  switch (rule.optimizer.getKind()) {
  case nn::OptimizerKind::Sgd:
    return updateSgd(b, rule, e);
  case nn::OptimizerKind::RmsProp:
    return updateRmsProp(b, rule, e);
  case nn::OptimizerKind::Adam:
  case nn::OptimizerKind::AdamW:
    return updateAdam(b, rule, e);
  }
}

void update(KernelBuilder &b, const UpdateRule &rule, Element &e) {
  if (rule.scale) // g *= scale
    e.g = b.mulF(e.g, spread(b, rule.scale, e.g));
  if (double decay = constant(rule, "weight_decay"); decay != 0) {
    Value wd = b.number(decay, e.p);
    if (nn::decaysParameter(rule.optimizer)) // p -= lr wd p
      e.p = minusProduct(b, e.p, b.mulF(spread(b, rule.learningRate, e.p), wd),
                         e.p);
    else // g += wd p
      e.g = b.fma(wd, e.p, e.g);
  }
  applyRule(b, rule, e);
  if (!nn::keepsAverage(rule.optimizer))
    return;
  // a = e a + (1 - e) p
  Value old = spread(b, rule.emaMomentum, e.p), &average = e.slots.back();
  Value fresh = b.subF(b.number(1, old), old);
  average = b.fma(old, average, b.mulF(fresh, e.p));
}

/// The float at a byte offset of the step block (runtime/schema/KernelAbi.h).
Value stepWord(KernelBuilder &b, Value step, size_t offset) {
  return b.loadScalar(b.at(step, int64_t(offset / 4)));
}
} // namespace

UpdateRule loadRule(KernelBuilder &b, nn::OptimizerAttr optimizer, Value step,
                    int64_t rate) {
  using Block = schema::StepBlock;
  return {optimizer,
          stepWord(b, step,
                   rate ? offsetof(Block, backboneRate)
                        : offsetof(Block, learningRate)),
          stepWord(b, step, offsetof(Block, biasCorrection1)),
          stepWord(b, step, offsetof(Block, biasCorrection2)),
          stepWord(b, step, offsetof(Block, emaMomentum)),
          nullptr};
}

void updateElements(KernelBuilder &b, const UpdateRule &rule,
                    const UpdateBuffers &buffers, Value index, Value gradient,
                    int64_t active) {
  int64_t lanes =
      mlir::cast<mlir::VectorType>(gradient.getType()).getDimSize(0);
  auto load = [&](Value buffer) {
    return b.loadPart(b.at(buffer, index), lanes, active);
  };
  Element e{load(buffers.parameter), gradient, {}};
  for (Value slot : buffers.slots)
    e.slots.push_back(load(slot));
  update(b, rule, e);
  b.storePart(e.p, b.at(buffers.parameter, index), active);
  for (auto [slot, value] : llvm::zip(buffers.slots, e.slots))
    b.storePart(value, b.at(slot, index), active);
}

} // namespace tl::cpu
