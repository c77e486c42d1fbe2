// Read from the planned program, so that these are the numbers of what runs
// and not of a formula beside it.
#include "compiler/tools/PlanSummary.h"

#include "compiler/Analysis/Lifetimes.h"
#include "compiler/Analysis/MultiplyAdds.h"
#include "compiler/tools/Numbers.h"
#include "dialects/NN/Marks.h"
#include "dialects/NN/Storage.h"
#include "dialects/RT/RT.h"
#include "dialects/TL/TL.h"

using namespace mlir;

namespace tl {

namespace {

class PlanPrinter {
public:
  PlanPrinter(ModuleOp module, ask::ModelOp model, llvm::raw_ostream &os)
      : module(module), model(model), os(os) {}

  void print(ask::PhaseOp phase, uint64_t index);

private:
  void trained(uint64_t phase);
  void frontier(ask::PhaseOp phase, rt::EntryOp step);
  void work(ask::PhaseOp phase, rt::EntryOp step);
  void memory(rt::EntryOp step);
  rt::EntryOp entry(StringRef name) {
    return module.lookupSymbol<rt::EntryOp>(name);
  }

  ModuleOp module;
  ask::ModelOp model;
  llvm::raw_ostream &os;
};

void PlanPrinter::trained(uint64_t phase) {
  int64_t layers = 0, parameters = 0;
  for (auto row : model.getLayers()->getAsRange<DictionaryAttr>()) {
    auto first = row.getAs<IntegerAttr>("first_phase");
    layers += first && first.getInt() <= int64_t(phase);
  }
  for (auto tensor : module.getOps<rt::TensorOp>()) {
    auto first = tensor.getFirstPhase();
    StringRef role = tensor.getSymName().rsplit('.').second;
    if (tensor.getRole() == rt::TensorRole::Parameter && first &&
        *first <= phase && !nn::isStatistic(role))
      parameters += tensor.getTensorType().getNumElements();
  }
  os << "  trains         " << grouped(parameters) << " parameters of "
     << layers << (layers == 1 ? " layer\n" : " layers\n");
}

/// What a step takes besides labels and the like.
void PlanPrinter::frontier(ask::PhaseOp phase, rt::EntryOp step) {
  int64_t floats = 0;
  for (auto input : step.getBody().front().getOps<rt::InputOp>()) {
    StringRef name = input.getName();
    auto type = cast<rt::BufferType>(input.getBuffer().getType()).getTensor();
    if (name == "pixels" || name.starts_with("frontier"))
      floats += RankedTensorType::get(type.getShape().drop_front(),
                                      type.getElementType())
                    .getNumElements();
  }
  os << "  frontier       ";
  llvm::interleaveComma(
      phase->getAttrOfType<ArrayAttr>(ask::kFrontierAttr), os,
      [&](Attribute name) { os << cast<StringAttr>(name).getValue(); });
  os << ": " << grouped(floats) << " floats a picture\n";
}

void PlanPrinter::work(ask::PhaseOp phase, rt::EntryOp step) {
  auto extract = phase->getAttrOfType<StringAttr>(ask::kExtractAttr);
  uint64_t extraction = extract ? multiplyAdds(entry(extract.getValue())) : 0;
  os << "  multiply-adds  " << grouped(multiplyAdds(step))
     << " a picture of a step, " << grouped(extraction)
     << " to extract it once\n";
}

void PlanPrinter::memory(rt::EntryOp step) {
  int64_t parameters = 0, slots = 0;
  for (auto tensor : module.getOps<rt::TensorOp>()) {
    int64_t bytes = nn::storageOf(tensor.getTensorType()).bytes;
    parameters += tensor.getRole() == rt::TensorRole::Parameter ? bytes : 0;
    slots += tensor.getRole() == rt::TensorRole::Slot ? bytes : 0;
  }
  int64_t batch = model.getTrain().getBatch();
  int64_t arena = arenaPlanned(step).at(batch);
  os << "  step's memory  " << grouped(arena + parameters + slots)
     << " bytes at batch " << batch << ": parameters " << grouped(parameters)
     << ", optimizer state " << grouped(slots) << ", values " << grouped(arena)
     << " (at least " << grouped(arenaLowerBound(step).at(batch)) << ")\n";
}

void PlanPrinter::print(ask::PhaseOp phase, uint64_t index) {
  rt::EntryOp step = entry(("train_step." + phase.getName()).str());
  os << "phase " << phase.getName() << "\n";
  trained(index);
  frontier(phase, step);
  work(phase, step);
  memory(step);
}

} // namespace

void printPlan(ModuleOp planned, llvm::raw_ostream &os) {
  for (auto model : planned.getOps<ask::ModelOp>()) {
    ask::TrainOp train = model.getTrain();
    if (!train)
      continue;
    PlanPrinter printer(planned, model, os);
    uint64_t index = 0;
    for (auto phase : train.getBody().front().getOps<ask::PhaseOp>())
      printer.print(phase, index++);
  }
}

} // namespace tl
