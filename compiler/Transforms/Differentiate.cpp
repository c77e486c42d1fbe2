// Turns the forward pass of a training step into a training step: gradients
// by the rules of dialects/NN/Gradients.cpp in reverse order, then one update
// for each parameter that the phase trains. Everything that writes stands
// behind the loss, so that a step whose loss is not finite changes nothing.
#include "compiler/Transforms/Passes.h"
#include "dialects/NN/Marks.h"
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
        optimizer(step->getAttrOfType<nn::OptimizerAttr>(nn::kOptimizerAttr)) {}

  LogicalResult run() {
    // The operations of the forward pass, before any gradient joins them.
    SmallVector<Operation *> forward;
    for (Operation &op : step.front().without_terminator())
      forward.push_back(&op);
    markActive(forward);
    for (nn::BatchStatsOp stats : statistics)
      updateStatistics(stats);
    for (Operation *op : llvm::reverse(forward))
      if (failed(differentiate(op)))
        return failure();
    llvm::erase_if(trained, [&](nn::GetOp get) {
      return !gradients.contains(get.getResult()); // the loss needs it not
    });
    Value scale = clipScale();
    for (nn::GetOp get : trained)
      update(get, scale);
    step->removeAttr(nn::kClipNormAttr);
    return success();
  }

private:
  bool trains(nn::GetOp get) {
    auto parameter = symbols.lookup<nn::ParameterOp>(get.getParameter());
    auto first = parameter.getFirstPhase();
    return first && int64_t(*first) <= phase &&
           !nn::isStatistic(parameter.getRole().value_or(""));
  }

  /// A value is active if a parameter of this phase lies at or below it: only
  /// active values get a gradient. Statistics of a batch never do: the rule of
  /// the batch norm that reads them accounts for them.
  void markActive(ArrayRef<Operation *> forward) {
    for (Operation *op : forward) {
      if (auto stats = dyn_cast<nn::BatchStatsOp>(op)) {
        statistics.push_back(stats);
        continue;
      }
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
    if (auto loss = dyn_cast<nn::SoftmaxCrossEntropyOp>(op)) {
      seed<nn::SoftmaxCrossEntropyGradOp>(loss);
      return success();
    }
    if (auto loss = dyn_cast<nn::SigmoidCrossEntropyOp>(op)) {
      seed<nn::SigmoidCrossEntropyGradOp>(loss);
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
  template <typename Gradient, typename Loss> void seed(Loss loss) {
    Value logits = loss.getLogits();
    Value gradient = Gradient::create(
        builder, loss.getLoc(), logits.getType(), logits, loss.getLabels(),
        loss.getWeights(), loss.getMixLabels(), loss.getMix(),
        loss.getLabelSmoothingAttr());
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

  /// The factor on all gradients, or null without clipping.
  Value clipScale() {
    auto norm = step->getAttrOfType<FloatAttr>(nn::kClipNormAttr);
    if (!norm || trained.empty())
      return {};
    SmallVector<Value> sums;
    for (nn::GetOp get : trained) {
      Value gradient = gradients.lookup(get.getResult());
      auto type = cast<RankedTensorType>(gradient.getType());
      sums.push_back(nn::SumSquaresOp::create(
          builder, get.getLoc(),
          RankedTensorType::get({nn::squareSums(type)}, type.getElementType()),
          gradient));
      nameAfter(sums.back(), gradient.getDefiningOp());
    }
    return nn::ClipScaleOp::create(
        builder, step.getLoc(),
        RankedTensorType::get({1}, builder.getF32Type()), sums, norm,
        isTorch() ? builder.getUnitAttr() : UnitAttr());
  }

  bool isTorch() const {
    return optimizer.getConvention() == nn::Convention::Torch;
  }

  /// The slot that holds number `index` of a parameter's state, shared by all
  /// phases: each starts it at zero.
  nn::ParameterOp slot(nn::ParameterOp parameter, unsigned index) {
    bool average =
        nn::keepsAverage(optimizer) && index + 1 == nn::slotCount(optimizer);
    std::string name =
        (parameter.getSymName() +
         (average ? ".average" : ".slot" + std::to_string(index)))
            .str();
    if (auto known = symbols.lookup<nn::ParameterOp>(name))
      return known;
    OpBuilder at(parameter);
    at.setInsertionPointAfter(parameter);
    auto made = nn::ParameterOp::create(
        at, parameter.getLoc(), at.getStringAttr(name),
        TypeAttr::get(parameter.getTensorType()), ElementsAttr(),
        nn::InitAttr(), parameter.getLayerAttr(), StringAttr(), IntegerAttr(),
        FlatSymbolRefAttr::get(parameter.getSymNameAttr()));
    if (average)
      made->setAttr(nn::kAverageAttr, at.getUnitAttr());
    symbols.insert(made);
    return made;
  }

  void update(nn::GetOp get, Value scale) {
    auto parameter = symbols.lookup<nn::ParameterOp>(get.getParameter());
    SmallVector<nn::ParameterOp> stored{parameter};
    SmallVector<Value> slots;
    for (unsigned i = 0; i < nn::slotCount(optimizer); ++i) {
      stored.push_back(slot(parameter, i));
      slots.push_back(nn::GetOp::create(builder, get.getLoc(), get.getType(),
                                        stored.back().getSymName()));
    }
    SmallVector<Type> types(slots.size() + 1, get.getType());
    int64_t rate = parameter->hasAttr(nn::kBackboneAttr);
    auto update = nn::UpdateOp::create(
        builder, get.getLoc(), types, get.getResult(), slots,
        gradients.lookup(get.getResult()), scale, stepBlock(), optimizer,
        builder.getI64IntegerAttr(rate));
    if (auto layer = parameter.getLayerAttr())
      update->setAttr(nn::kLayerAttr, layer);
    for (auto [to, value] : llvm::zip(stored, update.getResults()))
      nn::SetOp::create(builder, get.getLoc(), to.getSymName(), value);
  }

  /// running = momentum running + (1 - momentum) batch. Keras: momentum 0.99,
  /// the biased variance (keras/src/layers/normalization/batch_normalization);
  /// torch: 0.9, the unbiased one (torch.nn.BatchNorm2d, momentum=0.1). It
  /// reads the batch norm's input, for its batch size, and so stands before the
  /// gradients, which need that input anyway: at the step's end it would keep
  /// it for longer.
  void updateStatistics(nn::BatchStatsOp stats) {
    auto names = stats->getAttrOfType<ArrayAttr>(nn::kStatisticsAttr);
    stats->removeAttr(nn::kStatisticsAttr);
    for (auto [name, batch] : llvm::zip(names, stats.getResults())) {
      StringRef parameter = cast<FlatSymbolRefAttr>(name).getValue();
      bool unbiased = isTorch() && batch == stats.getVariance();
      Location loc = stats.getLoc();
      Value old = nn::GetOp::create(builder, loc, batch.getType(), parameter);
      auto next = nn::MovingAverageOp::create(
          builder, loc, old.getType(), old, batch, stats.getInput(),
          builder.getF64FloatAttr(isTorch() ? 0.9 : 0.99),
          unbiased ? builder.getUnitAttr() : UnitAttr());
      nameAfter(next, stats);
      nn::SetOp::create(builder, loc, parameter, next);
    }
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
  SmallVector<nn::BatchStatsOp> statistics; // of batch norms in training mode
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
