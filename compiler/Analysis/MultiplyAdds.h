// How much arithmetic a program does, in multiply-adds of one picture. Only
// what grows with weights or with pairs of tokens counts: convolutions, dense
// layers, attention, and their gradients. Work that a batch shares (updates,
// a transposed filter) does not.
#pragma once

#include "dialects/NN/NN.h"
#include "dialects/RT/RT.h"

namespace tl {

/// Of one NN operation.
uint64_t multiplyAdds(mlir::Operation *op);

/// Of what a call's kernel computes.
uint64_t multiplyAdds(rt::CallOp call);

/// Of all calls of an entry.
uint64_t multiplyAdds(rt::EntryOp entry);

} // namespace tl
