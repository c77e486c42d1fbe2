// nn.update: one step of an optimizer, in place, over the stored elements of a
// parameter whatever its form. Padding of panels has a zero gradient and zero
// slots, and stays zero by every rule, decay and average. The rules and their
// two conventions stand in dialects/NN/Optimizers.h; each line here names its
// own.
#include "compiler/Conversion/KernelsToCPU/Emitters.h"
#include "compiler/Conversion/KernelsToCPU/PictureTiles.h"
#include "compiler/Conversion/KernelsToCPU/VectorMath.h"
#include "dialects/NN/Optimizers.h"
#include "runtime/schema/KernelAbi.h"
#include "llvm/Support/MathExtras.h"

#include <cstddef>

namespace tl::cpu {

namespace {
/// One vector of a parameter, its gradient and its slots.
struct Element {
  Value p, g;
  Values slots;
};

/// The rule and the scalars of the step, all f32.
struct Rule {
  nn::OptimizerAttr optimizer;
  Value learningRate, correction1, correction2, emaMomentum;
  Value scale; ///< of the gradient; null: none

  bool keras() const {
    return optimizer.getConvention() == nn::Convention::Keras;
  }
  double constant(llvm::StringRef name) const {
    return nn::optimizerConstant(optimizer, name);
  }
};

Value spread(KernelBuilder &b, Value scalar, Value like) {
  auto type = mlir::cast<mlir::VectorType>(like.getType());
  return b.broadcast(scalar, type.getDimSize(0));
}

/// a - b c
Value minusProduct(KernelBuilder &b, Value a, Value x, Value y) {
  return b.fma(b.negF(x), y, a);
}

void updateSgd(KernelBuilder &b, const Rule &rule, Element &e) {
  Value lr = spread(b, rule.learningRate, e.p);
  double momentum = rule.constant("momentum");
  bool nesterov = rule.optimizer.getConstants().contains("nesterov");
  if (momentum == 0) {
    e.p = minusProduct(b, e.p, lr, e.g);
    return;
  }
  Value mu = b.number(momentum, e.p), &m = e.slots[0];
  if (rule.keras()) { // m = mu m - lr g; p += m, or mu m - lr g
    Value scaled = b.mulF(lr, e.g);
    m = b.subF(b.mulF(mu, m), scaled);
    e.p = b.addF(e.p, nesterov ? b.subF(b.mulF(mu, m), scaled) : m);
  } else { // m = mu m + g; p -= lr m, or lr (g + mu m)
    m = b.fma(mu, m, e.g);
    e.p = minusProduct(b, e.p, lr, nesterov ? b.fma(mu, m, e.g) : m);
  }
}

void updateRmsProp(KernelBuilder &b, const Rule &rule, Element &e) {
  double rho = rule.constant("rho");
  Value epsilon = b.number(rule.constant("epsilon"), e.p), &v = e.slots[0];
  // v = rho v + (1 - rho) g^2
  Value square = b.mulF(b.mulF(e.g, e.g), b.number(1 - rho, e.p));
  v = b.fma(v, b.number(rho, e.p), square);
  Value divisor =
      rule.keras() ? sqrt(b, b.addF(v, epsilon)) : b.addF(sqrt(b, v), epsilon);
  Value step = b.mulF(spread(b, rule.learningRate, e.p), e.g);
  e.p = b.subF(e.p, b.divF(step, divisor));
}

void updateAdam(KernelBuilder &b, const Rule &rule, Element &e) {
  Value epsilon = b.number(rule.constant("epsilon"), e.p);
  Value &m = e.slots[0], &v = e.slots[1];
  // m += (g - m)(1 - b1); v += (g^2 - v)(1 - b2)
  m = b.fma(b.subF(e.g, m), b.number(1 - rule.constant("beta1"), e.p), m);
  v = b.fma(b.subF(b.mulF(e.g, e.g), v),
            b.number(1 - rule.constant("beta2"), e.p), v);
  Value root2 = sqrt(b, rule.correction2);
  Value rate, divisor;
  if (rule.keras()) { // m lr sqrt(c2)/c1 / (sqrt(v) + eps)
    rate = b.divF(b.mulF(rule.learningRate, root2), rule.correction1);
    divisor = b.addF(sqrt(b, v), epsilon);
  } else { // lr/c1 m / (sqrt(v)/sqrt(c2) + eps)
    rate = b.divF(rule.learningRate, rule.correction1);
    divisor = b.addF(b.divF(sqrt(b, v), spread(b, root2, v)), epsilon);
  }
  Value step = b.mulF(m, spread(b, rate, m));
  e.p = b.subF(e.p, b.divF(step, divisor));
}

void applyRule(KernelBuilder &b, const Rule &rule, Element &e) {
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

void update(KernelBuilder &b, const Rule &rule, Element &e) {
  if (rule.scale) // g *= scale
    e.g = b.mulF(e.g, spread(b, rule.scale, e.g));
  if (double decay = rule.constant("weight_decay"); decay != 0) {
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

Rule ruleOf(KernelBuilder &b, nn::UpdateOp node) {
  Value step = b.buffer(node.getStep()).pointer;
  Value scale = b.bufferOrNone(node.getScale()).pointer;
  using Block = schema::StepBlock;
  return {node.getOptimizer(),
          stepWord(b, step,
                   node.getRate() ? offsetof(Block, backboneRate)
                                  : offsetof(Block, learningRate)),
          stepWord(b, step, offsetof(Block, biasCorrection1)),
          stepWord(b, step, offsetof(Block, biasCorrection2)),
          stepWord(b, step, offsetof(Block, emaMomentum)),
          scale ? b.loadScalar(scale) : Value()};
}
} // namespace

llvm::FailureOr<Grid> emitUpdate(KernelBuilder &b, mlir::Operation *op) {
  auto node = mlir::cast<nn::UpdateOp>(op);
  Buffer parameter = b.buffer(node.getParameter());
  Value gradient = b.buffer(node.getGradient()).pointer;
  Values slots, results;
  for (Value slot : node.getSlots())
    slots.push_back(b.buffer(slot).pointer);
  for (Value result : node.getResults())
    results.push_back(b.buffer(result).pointer);
  Rule rule = ruleOf(b, node);
  int64_t elements = parameter.storage.elements;
  Value begin = b.mul(b.tile(), kTileElements);
  Value count =
      b.min(b.sub(b.constant(elements), begin), b.constant(kTileElements));
  b.forEachVector(count, [&](Value offset, int64_t lanes) {
    Value i = b.add(begin, offset);
    Element e{b.load(b.at(parameter.pointer, i), lanes),
              b.load(b.at(gradient, i), lanes),
              {}};
    for (Value slot : slots)
      e.slots.push_back(b.load(b.at(slot, i), lanes));
    update(b, rule, e);
    b.store(e.p, b.at(results[0], i));
    for (auto [slot, value] : llvm::zip(llvm::drop_begin(results), e.slots))
      b.store(value, b.at(slot, i));
  });
  b.describe("vectors, in place, a range a tile");
  return Grid{int64_t(llvm::divideCeil(elements, kTileElements)), 1, 0, 0};
}

} // namespace tl::cpu
