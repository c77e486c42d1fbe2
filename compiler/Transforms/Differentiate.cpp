// Turns the forward pass of a training step into a training step: gradients
// by the rules of dialects/NN/Gradients.cpp in reverse order, then one update
// for each parameter that the phase trains.
#include "compiler/Transforms/Passes.h"
#include "dialects/NN/Optimizers.h"
#include "mlir/IR/Builders.h"

using namespace mlir;

namespace tl {
#define GEN_PASS_DEF_DIFFERENTIATE
#include "compiler/Transforms/Passes.h.inc"

namespace {

/// One training step being differentiated.
class StepDifferentiator {
public:
  StepDifferentiator(func::FuncOp step, SymbolTable &symbols)
      : step(step), symbols(symbols), builder(step.front().getTerminator()),
        phase(step->getAttrOfType<IntegerAttr>(nn::kPhaseAttr).getInt()),
        optimizer(step->getAttrOfType<nn::OptimizerAttr>("nn.optimizer")) {}

  LogicalResult run() {
    // The operations of the forward pass, before any gradient joins them.
    SmallVector<Operation *> forward;
    for (Operation &op : step.front().without_terminator())
      forward.push_back(&op);
    markActive(forward);
    for (Operation *op : llvm::reverse(forward))
      if (failed(differentiate(op)))
        return failure();
    for (nn::GetOp get : trained)
      update(get);
    return success();
  }

private:
  bool trains(nn::GetOp get) {
    auto parameter = symbols.lookup<nn::ParameterOp>(get.getParameter());
    auto first = parameter.getFirstPhase();
    return first && int64_t(*first) <= phase;
  }

  /// A value is active if a parameter of this phase lies at or below it: only
  /// active values get a gradient.
  void markActive(ArrayRef<Operation *> forward) {
    for (Operation *op : forward) {
      auto get = dyn_cast<nn::GetOp>(op);
      if (get && trains(get)) {
        active.insert(get.getResult());
        trained.push_back(get);
      } else if (llvm::any_of(op->getOperands(), [&](Value operand) {
                   return active.contains(operand);
                 })) {
        active.insert(op->result_begin(), op->result_end());
      }
    }
  }

  LogicalResult differentiate(Operation *op) {
    if (isa<nn::GetOp>(op) || !active.contains(op->getResult(0)))
      return success();
    if (isa<nn::SoftmaxCrossEntropyOp, nn::SigmoidCrossEntropyOp>(op)) {
      seed(op);
      return success();
    }
    Value gradient = gradients.lookup(op->getResult(0));
    if (!gradient)
      return success(); // read by an output only, not by the loss
    auto rule = dyn_cast<nn::Differentiable>(op);
    llvm::BitVector wanted(op->getNumOperands());
    for (auto [i, operand] : llvm::enumerate(op->getOperands()))
      wanted[i] = active.contains(operand);
    SmallVector<Value> operandGradients;
    if (rule)
      rule.buildGradient(builder, gradient, wanted, operandGradients);
    for (unsigned i : wanted.set_bits()) {
      if (!rule || !operandGradients[i])
        return op->emitError()
               << "not supported yet: training through '" << op->getName()
               << "' (layer '" << nn::layerOf(op) << "')";
      nameAfter(operandGradients[i], op);
      accumulate(op->getOperand(i), operandGradients[i]);
    }
    return success();
  }

  /// The gradient of the batch's mean loss by the logits.
  void seed(Operation *loss) {
    Value logits = loss->getOperand(0), labels = loss->getOperand(1);
    auto smoothing = loss->getAttrOfType<FloatAttr>("label_smoothing");
    Value gradient;
    if (isa<nn::SoftmaxCrossEntropyOp>(loss))
      gradient = nn::SoftmaxCrossEntropyGradOp::create(
          builder, loss->getLoc(), logits.getType(), logits, labels, Value(),
          Value(), Value(), smoothing);
    else
      gradient = nn::SigmoidCrossEntropyGradOp::create(
          builder, loss->getLoc(), logits.getType(), logits, labels, Value(),
          Value(), Value(), smoothing);
    nameAfter(gradient, loss);
    accumulate(logits, gradient);
  }

  void nameAfter(Value gradient, Operation *op) {
    if (Operation *made = gradient.getDefiningOp())
      if (Attribute layer = op->getAttr(nn::kLayerAttr);
          layer && !made->hasAttr(nn::kLayerAttr))
        made->setAttr(nn::kLayerAttr, layer);
  }

  void accumulate(Value value, Value gradient) {
    Value &sum = gradients[value];
    sum = sum ? nn::AddOp::create(builder, value.getLoc(), value.getType(), sum,
                                  gradient, nn::ActivationAttr())
                    .getResult()
              : gradient;
  }

  nn::ParameterOp slot(nn::ParameterOp parameter, unsigned index) {
    std::string name =
        (parameter.getSymName() + ".slot" + llvm::Twine(index)).str();
    if (auto known = symbols.lookup<nn::ParameterOp>(name))
      return known;
    OpBuilder at(parameter);
    at.setInsertionPointAfter(parameter);
    auto made = nn::ParameterOp::create(
        at, parameter.getLoc(), at.getStringAttr(name),
        TypeAttr::get(parameter.getTensorType()), ElementsAttr(),
        nn::InitAttr(), parameter.getLayerAttr(), StringAttr(), IntegerAttr(),
        FlatSymbolRefAttr::get(parameter.getSymNameAttr()));
    symbols.insert(made);
    return made;
  }

  void update(nn::GetOp get) {
    Value gradient = gradients.lookup(get.getResult());
    if (!gradient)
      return; // the loss does not depend on it
    auto parameter = symbols.lookup<nn::ParameterOp>(get.getParameter());
    SmallVector<nn::ParameterOp> stored{parameter};
    SmallVector<Value> slots;
    for (unsigned i = 0; i < nn::slotCount(optimizer); ++i) {
      stored.push_back(slot(parameter, i));
      slots.push_back(nn::GetOp::create(builder, get.getLoc(), get.getType(),
                                        stored.back().getSymName()));
    }
    SmallVector<Type> types(slots.size() + 1, get.getType());
    auto update =
        nn::UpdateOp::create(builder, get.getLoc(), types, get.getResult(),
                             slots, gradient, /*scale=*/Value(), stepBlock(),
                             optimizer, builder.getI64IntegerAttr(0));
    if (auto layer = parameter.getLayerAttr())
      update->setAttr(nn::kLayerAttr, layer);
    for (auto [to, value] : llvm::zip(stored, update.getResults()))
      nn::SetOp::create(builder, get.getLoc(), to.getSymName(), value);
  }

  Value stepBlock() {
    for (unsigned i = 0; i < step.getNumArguments(); ++i)
      if (auto name = step.getArgAttrOfType<StringAttr>(i, nn::kNameAttr);
          name && name.getValue() == "step")
        return step.getArgument(i);
    llvm_unreachable("convert-tl-to-nn gives each step its step block");
  }

  func::FuncOp step;
  SymbolTable &symbols;
  OpBuilder builder;
  int64_t phase;
  nn::OptimizerAttr optimizer;
  llvm::DenseSet<Value> active;
  SmallVector<nn::GetOp> trained;
  llvm::DenseMap<Value, Value> gradients;
};

struct Differentiate : impl::DifferentiateBase<Differentiate> {
  void runOnOperation() override {
    SymbolTable symbols(getOperation());
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      auto entry = function->getAttrOfType<StringAttr>(nn::kEntryAttr);
      if (entry && entry.getValue() == "train_step" &&
          failed(StepDifferentiator(function, symbols).run()))
        return signalPassFailure();
    }
  }
};
} // namespace
} // namespace tl
