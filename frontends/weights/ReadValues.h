// Reads a run of stored elements as float32: what all formats share whose
// tensors are plain ranges of their file.
#pragma once

#include "frontends/weights/File.h"
#include "frontends/weights/Widen.h"

namespace tl::weights {

// Fills `out` with the elements from byte `offset` on. Needs at most 1 MiB
// beyond `out`, and nothing for float32.
Status readValues(const File &file, ElementType type, uint64_t offset,
                  std::span<float> out);

} // namespace tl::weights
