// The safetensors reader: an 8-byte length, a JSON header, then raw
// little-endian tensors. Follows the format's own rules
// (huggingface/safetensors, README) and holds files to them: offsets within
// the file, no overlap, no hole, sizes that agree with shapes, no name twice.
#pragma once

#include "frontends/weights/File.h"
#include "frontends/weights/WeightSource.h"

namespace tl::weights {

// True if the first bytes of a file look like safetensors: a plausible length,
// then '{'.
bool looksLikeSafetensors(std::span<const std::byte> start);

Result<std::unique_ptr<WeightSource>> openSafetensors(File file);

} // namespace tl::weights
