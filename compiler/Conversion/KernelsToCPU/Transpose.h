// Small matrices of vectors on their side: what panels of weights need when
// inputs and outputs change places.
#pragma once

#include "compiler/Conversion/KernelsToCPU/KernelBuilder.h"

namespace tl::cpu {

/// Vectors become columns: element j of vector i moves to element i of vector
/// j. As many vectors as lanes, a power of two.
void transpose(KernelBuilder &b, Values &vectors);

} // namespace tl::cpu
