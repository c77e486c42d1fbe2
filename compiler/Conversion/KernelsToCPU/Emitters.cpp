// The table; see the header.
#include "compiler/Conversion/KernelsToCPU/Emitters.h"

#include "llvm/ADT/StringSwitch.h"

namespace tl::cpu {

Emitter findEmitter(llvm::StringRef operation) {
  return llvm::StringSwitch<Emitter>(operation)
      .Case("nn.activation", emitActivation)
      .Case("nn.conv2d", emitConv2D)
      .Case("nn.dense", emitDense)
      .Case("nn.dense_grad_input", emitDenseGradInput)
      .Case("nn.dense_grad_weight", emitDenseGradWeight)
      .Default(nullptr);
}

} // namespace tl::cpu
