// What the machine can do at best, measured beside every kernel because the
// machine may be shared and its clock changes with the vector width.
#pragma once

#include "compiler/Conversion/KernelsToCPU/Isa.h"

/// Billions of floating-point operations a second of one core that does
/// nothing but independent multiply-adds of `isa`; the best of several short
/// runs.
double measurePeak(const tl::cpu::Isa &isa);
