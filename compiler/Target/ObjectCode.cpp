// LLVM's part of code generation; see the header. Functions are marked so that
// nothing can be called and nothing needs a relocation: no builtins (so no
// memset or memcpy is recognised in loops), no jump tables, no unwinding.
#include "compiler/Target/ObjectCode.h"

#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/Target/TargetOptions.h"

#include <mutex>

using namespace mlir;

namespace tl {

namespace {
std::unique_ptr<llvm::TargetMachine> makeTarget(const cpu::Isa &isa,
                                                std::string &error) {
  static std::once_flag once;
  std::call_once(once, [] {
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
  });
  llvm::Triple triple("x86_64-pc-linux-gnu");
  const llvm::Target *target =
      llvm::TargetRegistry::lookupTarget(triple, error);
  if (!target)
    return nullptr;
  return std::unique_ptr<llvm::TargetMachine>(target->createTargetMachine(
      triple, isa.cpu, "", llvm::TargetOptions(), llvm::Reloc::PIC_,
      std::nullopt, llvm::CodeGenOptLevel::Aggressive));
}

void markFunctions(llvm::Module &module, const cpu::Isa &isa) {
  for (llvm::Function &f : module) {
    if (f.isDeclaration())
      continue;
    f.addFnAttr("target-cpu", isa.cpu);
    f.addFnAttr("no-builtins");
    f.addFnAttr("no-jump-tables", "true");
    f.addFnAttr("prefer-vector-width", std::to_string(isa.lanes * 32));
    f.addFnAttr(llvm::Attribute::NoUnwind);
    if (f.hasLocalLinkage())
      f.addFnAttr(llvm::Attribute::AlwaysInline);
    else
      f.setVisibility(llvm::GlobalValue::HiddenVisibility);
  }
}

/// The emitters have vectorised and unrolled already; LLVM's own attempts would
/// only make remainder loops.
void optimize(llvm::Module &module, llvm::TargetMachine &target) {
  llvm::PipelineTuningOptions tuning;
  tuning.LoopVectorization = false;
  tuning.SLPVectorization = false;
  tuning.LoopInterleaving = false;
  tuning.LoopUnrolling = false;
  llvm::LoopAnalysisManager lam;
  llvm::FunctionAnalysisManager fam;
  llvm::CGSCCAnalysisManager cam;
  llvm::ModuleAnalysisManager mam;
  llvm::PassBuilder pb(&target, tuning);
  pb.registerModuleAnalyses(mam);
  pb.registerCGSCCAnalyses(cam);
  pb.registerFunctionAnalyses(fam);
  pb.registerLoopAnalyses(lam);
  pb.crossRegisterProxies(lam, fam, cam, mam);
  pb.buildPerModuleDefaultPipeline(llvm::OptimizationLevel::O3)
      .run(module, mam);
}

/// A kernel on its way: the LLVM module and the machine it is for.
struct Translation {
  llvm::LLVMContext context;
  std::unique_ptr<llvm::TargetMachine> target;
  std::unique_ptr<llvm::Module> module;

  LogicalResult start(ModuleOp lowered, const cpu::Isa &isa) {
    std::string error;
    target = makeTarget(isa, error);
    if (!target)
      return lowered.emitError() << "no code generator for x86-64: " << error;
    module = translateModuleToLLVMIR(lowered, context);
    if (!module)
      return lowered.emitError("internal error: kernel has no LLVM IR");
    module->setTargetTriple(target->getTargetTriple());
    module->setDataLayout(target->createDataLayout());
    markFunctions(*module, isa);
    return success();
  }

  LogicalResult generate(ModuleOp lowered, llvm::CodeGenFileType type,
                         ObjectBytes &bytes) {
    llvm::raw_svector_ostream os(bytes);
    llvm::legacy::PassManager pm;
    if (target->addPassesToEmitFile(pm, os, nullptr, type))
      return lowered.emitError("internal error: no code generator pipeline");
    pm.run(*module);
    return success();
  }
};
} // namespace

llvm::FailureOr<ObjectBytes> makeObject(ModuleOp lowered, const cpu::Isa &isa) {
  Translation translation;
  if (failed(translation.start(lowered, isa)))
    return failure();
  optimize(*translation.module, *translation.target);
  ObjectBytes bytes;
  if (failed(translation.generate(lowered, llvm::CodeGenFileType::ObjectFile,
                                  bytes)))
    return failure();
  return bytes;
}

llvm::FailureOr<std::string> printObject(ModuleOp lowered, const cpu::Isa &isa,
                                         ObjectText stage) {
  Translation translation;
  if (failed(translation.start(lowered, isa)))
    return failure();
  if (stage != ObjectText::Llvm)
    optimize(*translation.module, *translation.target);
  if (stage == ObjectText::Assembly) {
    ObjectBytes bytes;
    if (failed(translation.generate(
            lowered, llvm::CodeGenFileType::AssemblyFile, bytes)))
      return failure();
    return std::string(bytes.begin(), bytes.end());
  }
  std::string text;
  llvm::raw_string_ostream os(text);
  translation.module->print(os, nullptr);
  return text;
}

} // namespace tl
