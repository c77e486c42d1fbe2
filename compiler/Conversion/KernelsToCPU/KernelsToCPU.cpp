// Emission and lowering of kernels; see the header. The kernel's code is an
// inner function with one pointer an argument, so that pointers can be
// promised not to alias; the outer one has the ABI's signature and unpacks.
#include "compiler/Conversion/KernelsToCPU/KernelsToCPU.h"

#include "compiler/Conversion/KernelsToCPU/Emitters.h"
#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

namespace tl::cpu {

void registerCpuDialects(DialectRegistry &registry) {
  registry.insert<arith::ArithDialect, cf::ControlFlowDialect,
                  func::FuncDialect, LLVM::LLVMDialect, math::MathDialect,
                  scf::SCFDialect, vector::VectorDialect>();
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
}

/// The pipeline of KERNELS.md section 4, without what pointers make needless
/// (memref, index, affine).
static void buildPipeline(PassManager &pm) {
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  pm.addPass(createLoopInvariantCodeMotionPass());
  pm.addPass(createSCFToControlFlowPass());
  pm.addPass(createConvertVectorToLLVMPass());
  pm.addPass(createConvertMathToLLVMPass());
  pm.addPass(createArithToLLVMConversionPass());
  pm.addPass(createConvertFuncToLLVMPass());
  pm.addPass(createConvertControlFlowToLLVMPass());
  pm.addPass(createReconcileUnrealizedCastsPass());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
}

void loadCpuDialects(MLIRContext &context) {
  DialectRegistry registry;
  registerCpuDialects(registry);
  PassManager pm(&context);
  buildPipeline(pm);
  pm.getDependentDialects(registry);
  context.appendDialectRegistry(registry);
  for (StringRef name : registry.getDialectNames())
    context.getOrLoadDialect(name);
}

/// The function that the emitter fills. Its pointers do not alias: an in-place
/// result has no pointer of its own, every other value has its own memory.
static func::FuncOp makeInner(ModuleOp module, rt::KernelOp kernel,
                              unsigned buffers) {
  OpBuilder b(module.getBodyRegion());
  auto pointer = LLVM::LLVMPointerType::get(b.getContext());
  SmallVector<Type> types(buffers, pointer);
  types.append({b.getI64Type(), b.getI64Type(), pointer});
  auto inner = func::FuncOp::create(b, kernel.getLoc(),
                                    (kernel.getSymName() + ".tile").str(),
                                    b.getFunctionType(types, {}));
  inner.setPrivate();
  for (unsigned i : llvm::seq(buffers + 3))
    if (types[i] == pointer) {
      inner.setArgAttr(i, "llvm.noalias", b.getUnitAttr());
      inner.setArgAttr(i, "llvm.align", b.getI64IntegerAttr(64));
    }
  inner.addEntryBlock();
  return inner;
}

static void makeOuter(ModuleOp module, rt::KernelOp kernel, func::FuncOp inner,
                      unsigned buffers) {
  ImplicitLocOpBuilder b(kernel.getLoc(),
                         OpBuilder::atBlockEnd(module.getBody()));
  auto pointer = LLVM::LLVMPointerType::get(b.getContext());
  auto outer = func::FuncOp::create(
      b, kernel.getSymName(),
      b.getFunctionType({pointer, b.getI64Type(), b.getI64Type(), pointer},
                        {}));
  Block *block = outer.addEntryBlock();
  b.setInsertionPointToStart(block);
  SmallVector<Value> operands;
  for (unsigned i : llvm::seq(buffers)) {
    Value slot = LLVM::GEPOp::create(b, pointer, pointer, block->getArgument(0),
                                     ArrayRef<LLVM::GEPArg>{int32_t(i)});
    operands.push_back(LLVM::LoadOp::create(b, pointer, slot));
  }
  llvm::append_range(operands, block->getArguments().drop_front());
  func::CallOp::create(b, inner, operands);
  func::ReturnOp::create(b);
}

llvm::FailureOr<KernelModule> emitKernel(rt::KernelOp kernel, const Isa &isa) {
  Block *body = kernel.getBlock();
  Operation *computation = kernel.getComputation();
  if (body->getOperations().size() != 2)
    return kernel.emitOpError("must hold one operation and rt.return to be "
                              "compiled for a CPU");
  Emitter emitter = findEmitter(computation->getName().getStringRef());
  if (!emitter)
    return computation->emitOpError("has no CPU kernel");

  unsigned buffers = body->getNumArguments();
  for (unsigned i : llvm::seq<unsigned>(kernel.getReturned().size()))
    buffers += kernel.getInPlaceArgument(i) < 0;
  KernelModule result;
  result.module = ModuleOp::create(kernel.getLoc());
  func::FuncOp inner = makeInner(*result.module, kernel, buffers);
  KernelBuilder b(isa, kernel, inner.front(), kernel.getLoc());
  FailureOr<Grid> grid = emitter(b, computation);
  if (failed(grid))
    return failure();
  if (b.form().text.empty())
    return computation->emitOpError("internal: its emitter gives no form");
  result.form = b.form();
  func::ReturnOp::create(b);
  makeOuter(*result.module, kernel, inner, buffers);
  result.grid = rt::GridAttr::getChecked(
      [&] { return kernel.emitOpError(); }, kernel.getContext(), grid->fixed,
      grid->pictures, grid->tiles, grid->scratch);
  if (!result.grid || failed(verify(*result.module)))
    return failure();
  return result;
}

LogicalResult lowerKernel(ModuleOp module) {
  PassManager pm(module.getContext());
  buildPipeline(pm);
  return pm.run(module);
}

} // namespace tl::cpu
