// The instruction sets that kernels are made for, and what emitters may know
// about each: how wide a vector is, whether there is a fused multiply-add, and
// the micro-tile of a matrix multiplication whose accumulators fit in the
// registers. Measured choices are explained in README.md.
#pragma once

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

#include <cstdint>

namespace tl::cpu {

struct Isa {
  llvm::StringLiteral name; ///< as in the container: "x86_64_v3"
  llvm::StringLiteral cpu;  ///< LLVM's name of the target CPU
  int64_t lanes;            ///< f32 in one vector: 4, 8 or 16
  bool fma;                 ///< else a multiplication and an addition
  int64_t rows;             ///< of the micro-tile
  int64_t columns;          ///< of the micro-tile, a multiple of 16
  int64_t registers;        ///< vector registers

  /// Vectors across the micro-tile.
  int64_t vectors() const { return columns / lanes; }
};

/// From the oldest to the newest: x86_64, x86_64_v3, x86_64_v4.
llvm::ArrayRef<Isa> allIsas();

/// The ISA of that name, or null.
const Isa *findIsa(llvm::StringRef name);

/// True if the machine this runs on can run code for `isa`.
bool hostRuns(const Isa &isa);

} // namespace tl::cpu
