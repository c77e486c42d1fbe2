// Small matrices of vectors on their side: what panels of weights need when
// inputs and outputs change places.
#pragma once

#include "compiler/Conversion/KernelsToCPU/KernelBuilder.h"

namespace tl::cpu {

/// Vectors become columns: element j of vector i moves to element i of vector
/// j. As many vectors as lanes, a power of two.
void transpose(KernelBuilder &b, Values &vectors);

/// `rows` rows of a panel (16 wide) become columns of a panel of which the
/// first `columns` rows are stored; what is right of `rows` is zero.
void transposePanel(KernelBuilder &b, Value from, Value to, int64_t rows,
                    int64_t columns);

} // namespace tl::cpu
