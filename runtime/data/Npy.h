// NumPy's .npy files: how arrays go in and out of `tlrun --predict X.npy`.
// Read: float32 and uint8, C order, little-endian, format versions 1 to 3.
// Written: float32, version 1, to a temporary name first.
#pragma once

#include "runtime/data/Result.h"

#include <cstdint>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace tl::data {

struct NpyArray {
  std::vector<uint64_t> shape;
  std::variant<std::vector<float>, std::vector<uint8_t>> values;
};

// Refuses any header that does not account for exactly the bytes there are.
Result<NpyArray> parseNpy(std::span<const uint8_t> bytes);

// The message starts with the path.
Result<NpyArray> readNpy(const std::string &path);

Status writeNpy(const std::string &path, std::span<const uint64_t> shape,
                std::span<const float> values);

} // namespace tl::data
