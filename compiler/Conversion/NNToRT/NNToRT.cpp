// Turns entry functions into RT entries. Each NN operation becomes a call of
// an outlined kernel; operations that differ only in their layer's name share
// one, so that a network of twenty equal blocks compiles each kernel once.
#include "compiler/Transforms/Passes.h"
#include "dialects/NN/Marks.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;

namespace tl {
#define GEN_PASS_DEF_CONVERTNNTORT
#include "compiler/Transforms/Passes.h.inc"

namespace {

/// Finds or makes the kernel that computes an operation.
class KernelTable {
public:
  explicit KernelTable(ModuleOp module)
      : builder(module.getContext()), module(module) {}

  rt::KernelOp kernelFor(Operation *op) {
    auto [known, inserted] = kernels.try_emplace(key(op));
    if (inserted)
      known->second = outline(op);
    return known->second;
  }

private:
  /// What the operation computes, as text: name, attributes, types.
  static std::string key(Operation *op) {
    std::string text;
    llvm::raw_string_ostream os(text);
    os << op->getName() << op->getPropertiesAsAttribute();
    // Operands that are one value make another kernel than two values.
    for (auto [i, operand] : llvm::enumerate(op->getOperands()))
      os << operand.getType() << '#'
         << llvm::find(op->getOperands(), operand).getIndex();
    os << "->" << op->getResultTypes();
    return text;
  }

  rt::KernelOp outline(Operation *op) {
    builder.setInsertionPointToEnd(module.getBody());
    StringRef base = op->getName().stripDialect();
    std::string name = (base + "_" + Twine(counts[base]++)).str();
    auto kernel = rt::KernelOp::create(builder, op->getLoc(), name,
                                       DenseI64ArrayAttr(), DictionaryAttr());
    Block *block = builder.createBlock(&kernel.getBody());
    IRMapping mapping;
    for (Value operand : op->getOperands()) {
      Value argument = block->addArgument(operand.getType(), op->getLoc());
      if (!mapping.contains(operand))
        mapping.map(operand, argument);
    }
    Operation *computation = builder.clone(*op, mapping);
    computation->removeAttr(nn::kLayerAttr);
    rt::ReturnOp::create(builder, op->getLoc(), computation->getResults());
    if (isa<nn::UpdateOp, nn::DenseUpdateOp, nn::MovingAverageOp>(op))
      kernel.setInPlace(inPlace(op->getNumResults()));
    return kernel;
  }

  /// Result i of an update takes the storage of argument i: the parameter,
  /// then its slots. A moving average takes that of the old one.
  static SmallVector<int64_t> inPlace(unsigned results) {
    SmallVector<int64_t> pairs;
    for (int64_t i = 0; i < int64_t(results); ++i)
      pairs.append({i, i});
    return pairs;
  }

  OpBuilder builder;
  ModuleOp module;
  llvm::StringMap<rt::KernelOp> kernels;
  llvm::StringMap<unsigned> counts;
};

rt::BufferType bufferOf(Value value) {
  return rt::BufferType::get(value.getContext(),
                             cast<RankedTensorType>(value.getType()));
}

struct ConvertNNToRT : impl::ConvertNNToRTBase<ConvertNNToRT> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    KernelTable kernels(module);
    for (auto parameter : module.getOps<nn::ParameterOp>())
      if (!parameter.getFirstPhase() && !parameter.getSlotOf())
        constants.insert(parameter.getSymName());
    for (auto function :
         llvm::make_early_inc_range(module.getOps<func::FuncOp>()))
      if (failed(convert(function, kernels)))
        return signalPassFailure();
    for (auto parameter :
         llvm::make_early_inc_range(module.getOps<nn::ParameterOp>()))
      convert(parameter);
  }

  void convert(nn::ParameterOp parameter) {
    OpBuilder builder(parameter);
    rt::TensorRole role = parameter.getSlotOf() ? rt::TensorRole::Slot
                          : parameter.getFirstPhase()
                              ? rt::TensorRole::Parameter
                              : rt::TensorRole::Constant;
    auto name = parameter.getSymNameAttr();
    auto type = parameter.getTypeAttr();
    auto tensor = rt::TensorOp::create(
        builder, parameter.getLoc(), name,
        rt::TensorRoleAttr::get(&getContext(), role), type,
        parameter.getValueAttr(), parameter.getInitAttr(),
        parameter.getLayerAttr(), parameter.getFirstPhaseAttr(),
        parameter.getSlotOfAttr());
    for (StringRef mark : {nn::kAverageAttr, nn::kSourceAttr})
      if (Attribute value = parameter->getAttr(mark))
        tensor->setAttr(mark, value);
    parameter.erase();
  }

  LogicalResult convert(func::FuncOp function, KernelTable &kernels) {
    auto kindName = function->getAttrOfType<StringAttr>(nn::kEntryAttr);
    auto known =
        kindName ? rt::symbolizeEntryKind(kindName.getValue()) : std::nullopt;
    if (!known)
      return function.emitError("expected a function with nn.entry");
    kind = *known;
    OpBuilder builder(function);
    // The name is free for the entry once the function has given it up.
    std::string name = function.getSymName().str();
    function.setSymName(name + ".nn");
    auto entry = rt::EntryOp::create(
        builder, function.getLoc(), rt::EntryKindAttr::get(&getContext(), kind),
        builder.getStringAttr(name),
        function->getAttrOfType<IntegerAttr>(nn::kPhaseAttr), IntegerAttr(),
        IntegerAttr());
    builder.createBlock(&entry.getBody());
    buffers.clear();
    convertInputs(function, builder);
    for (Operation &op : function.front().without_terminator())
      if (failed(convert(&op, builder, kernels)))
        return failure();
    Operation *end = function.front().getTerminator();
    for (auto [i, value] : llvm::enumerate(end->getOperands()))
      rt::OutputOp::create(
          builder, function.getLoc(),
          portName(function.getResultAttrOfType<StringAttr>(i, nn::kNameAttr)),
          buffers.lookup(value));
    function.erase();
    return success();
  }

  StringAttr portName(StringAttr name) {
    return name ? name : StringAttr::get(&getContext(), "");
  }

  void convertInputs(func::FuncOp function, OpBuilder &builder) {
    for (BlockArgument argument : function.getArguments()) {
      auto name = portName(function.getArgAttrOfType<StringAttr>(
          argument.getArgNumber(), nn::kNameAttr));
      Location loc = argument.getLoc();
      if (name.getValue() == "step") {
        buffers[argument] =
            rt::StepOp::create(builder, loc, bufferOf(argument));
        continue;
      }
      Value buffer =
          rt::BufferOp::create(builder, loc, bufferOf(argument), IntegerAttr());
      buffers[argument] = buffer;
      rt::InputOp::create(builder, loc, name, buffer);
    }
  }

  LogicalResult convert(Operation *op, OpBuilder &builder,
                        KernelTable &kernels) {
    if (auto get = dyn_cast<nn::GetOp>(op)) {
      buffers[get.getResult()] = rt::WeightOp::create(
          builder, op->getLoc(), bufferOf(get.getResult()), get.getParameter());
      return success();
    }
    if (auto set = dyn_cast<nn::SetOp>(op))
      return checkInPlace(set);
    SmallVector<Value> inputs, outputs;
    for (Value operand : op->getOperands())
      inputs.push_back(buffers.lookup(operand));
    rt::KernelOp kernel = kernels.kernelFor(op);
    if (rt::WeightOp source = fixedSource(op)) {
      buffers[op->getResult(0)] = derive(op, source, kernel, builder);
      return success();
    }
    for (auto [i, result] : llvm::enumerate(op->getResults())) {
      if (int64_t argument = kernel.getInPlaceArgument(i); argument >= 0) {
        buffers[result] = inputs[argument];
        continue;
      }
      buffers[result] = rt::BufferOp::create(builder, op->getLoc(),
                                             bufferOf(result), IntegerAttr());
      outputs.push_back(buffers[result]);
    }
    rt::CallOp::create(builder, op->getLoc(), kernel.getSymName(), inputs,
                       outputs, op->getAttrOfType<StringAttr>(nn::kLayerAttr));
    return success();
  }

  /// The weight that `op` only brings into another form, the same in every run
  /// of this entry; or null. What trains changes for the entries that a
  /// training runs, not for those that a finished file is used by.
  rt::WeightOp fixedSource(Operation *op) {
    if (!isa<nn::WinogradFilterOp, nn::TransposeFilterOp>(op))
      return nullptr;
    auto weight =
        buffers.lookup(op->getOperand(0)).getDefiningOp<rt::WeightOp>();
    bool fixed = weight && (!rt::runsInTraining(kind) ||
                            constants.contains(weight.getTensor()));
    return fixed ? weight : nullptr;
  }

  /// Entries share what they derive.
  Value derive(Operation *op, rt::WeightOp source, rt::KernelOp kernel,
               OpBuilder &builder) {
    std::string name = (source.getTensor() + "." + kernel.getSymName()).str();
    rt::BufferType type = bufferOf(op->getResult(0));
    if (derived.insert(name).second) {
      OpBuilder module(builder.getInsertionBlock()->getParentOp());
      rt::DerivedOp::create(module, op->getLoc(), name, kernel.getSymName(),
                            source.getTensor(), type.getTensor());
    }
    return rt::WeightOp::create(builder, op->getLoc(), type, name);
  }

  /// A stored value must already lie in its parameter's memory.
  LogicalResult checkInPlace(nn::SetOp set) {
    auto weight = buffers.lookup(set.getValue()).getDefiningOp<rt::WeightOp>();
    if (weight && weight.getTensor() == set.getParameter())
      return success();
    return set.emitError("only an update or a moving average of the same "
                         "parameter can be stored");
  }

  // Of the entry that is being converted.
  rt::EntryKind kind = rt::EntryKind::Extract;
  llvm::DenseMap<Value, Value> buffers;
  llvm::StringSet<> constants; ///< parameters that no phase trains
  llvm::StringSet<> derived;
};
} // namespace
} // namespace tl
