// The way of all kernels of a program to one image; see the header.
#include "compiler/Target/CodeImage.h"

#include "compiler/Target/LinkImage.h"
#include "compiler/Target/ObjectCode.h"
#include "mlir/IR/Threading.h"
#include "llvm/Support/xxhash.h"

using namespace mlir;

namespace tl {

/// A hash of the kernel's lowered code: what machine code is made from.
static uint64_t fingerprintOf(ModuleOp lowered, const cpu::Isa &isa) {
  std::string text = (isa.name + "\nLLVM " LLVM_VERSION_STRING "\n").str();
  llvm::raw_string_ostream os(text);
  lowered->print(os);
  uint64_t hash = llvm::xxh3_64bits(text);
  return hash ? hash : 1;
}

llvm::FailureOr<CodeImage> compileKernels(ModuleOp program,
                                          const cpu::Isa &isa) {
  CodeImage image;
  image.isa = isa.name.str();
  SmallVector<rt::KernelOp> kernels(program.getOps<rt::KernelOp>());
  if (kernels.empty())
    return image;
  MLIRContext *context = program.getContext();
  cpu::loadCpuDialects(*context);
  std::vector<ObjectBytes> objects(kernels.size());
  image.kernels.resize(kernels.size());
  auto compile = [&](size_t i) -> LogicalResult {
    auto emitted = cpu::emitKernel(kernels[i], isa);
    if (failed(emitted) || failed(cpu::lowerKernel(*emitted->module)))
      return failure();
    auto object = makeObject(*emitted->module, isa);
    if (failed(object))
      return failure();
    objects[i] = std::move(*object);
    image.kernels[i] = {kernels[i].getSymName().str(), 0, emitted->grid,
                        fingerprintOf(*emitted->module, isa)};
    return success();
  };
  if (failed(
          failableParallelForEach(context, llvm::seq(kernels.size()), compile)))
    return failure();

  auto linked = linkImage(objects);
  if (!linked) {
    program.emitError() << llvm::toString(linked.takeError());
    return failure();
  }
  image.bytes = std::move(linked->bytes);
  for (CodeImage::Kernel &kernel : image.kernels) {
    auto symbol = linked->symbols.find(kernel.name);
    if (symbol == linked->symbols.end()) {
      program.emitError() << "internal error: no code for kernel '"
                          << kernel.name << "'";
      return failure();
    }
    kernel.offset = symbol->second;
  }
  return image;
}

llvm::FailureOr<std::string> printKernel(rt::KernelOp kernel,
                                         const cpu::Isa &isa, CodeStage stage) {
  cpu::loadCpuDialects(*kernel.getContext());
  auto emitted = cpu::emitKernel(kernel, isa);
  if (failed(emitted))
    return failure();
  if (stage == CodeStage::Vector) {
    std::string text;
    llvm::raw_string_ostream os(text);
    (*emitted->module)->print(os);
    return text;
  }
  if (failed(cpu::lowerKernel(*emitted->module)))
    return failure();
  return printObject(*emitted->module, isa,
                     stage == CodeStage::Llvm ? ObjectText::Llvm
                     : stage == CodeStage::LlvmOptimized
                         ? ObjectText::LlvmOptimized
                         : ObjectText::Assembly);
}

} // namespace tl
