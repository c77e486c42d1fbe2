// Rows whose number is known only at run time (pictures of a batch), in blocks
// of known height.
#pragma once

#include "compiler/Conversion/KernelsToCPU/KernelBuilder.h"

namespace tl::cpu {

/// body(first row, height): blocks of `rows`, then one block of each power of
/// two that the remainder needs. The heights' code is separate; what is
/// computed for a row must not depend on the height.
void forEachRowBlock(KernelBuilder &b, Value count, int64_t rows,
                     llvm::function_ref<void(Value, int64_t)> body);

} // namespace tl::cpu
