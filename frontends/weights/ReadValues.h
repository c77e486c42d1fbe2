// Reads a run of stored elements as float32: what all formats share whose
// tensors are plain ranges of their file.
#pragma once

#include "frontends/weights/File.h"
#include "frontends/weights/WeightSource.h"
#include "frontends/weights/Widen.h"

namespace tl::weights {

// Fills `out` with the elements from byte `offset` on.
Status readValues(const File &file, ElementType type, uint64_t offset,
                  std::span<float> out);

// Hands out the `count` elements from byte `offset` on, piece after piece.
// Needs no memory of its own for float32, else at most 16 MiB.
Status takeValues(const File &file, ElementType type, uint64_t offset,
                  uint64_t count, const WeightSource::Take &take);

} // namespace tl::weights
