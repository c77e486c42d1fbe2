// The values of a safetensors file (the format of `tlrun --export`): 8 bytes of
// header length, a JSON header, raw little-endian values. Nothing in it is
// trusted: every length, offset and shape is compared with the bytes there are.
#pragma once

#include "runtime/data/Result.h"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace tl::data {

struct NamedTensor {
  std::string name;
  std::vector<int64_t> shape;
  std::vector<float> values; // the shape's product
};

// All tensors in the header's order. Only float32 is read; `__metadata__` is
// passed over.
Result<std::vector<NamedTensor>>
parseSafetensors(std::span<const uint8_t> bytes);

// The message starts with the path.
Result<std::vector<NamedTensor>> readSafetensors(const std::string &path);

} // namespace tl::data
