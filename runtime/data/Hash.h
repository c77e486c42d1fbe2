// Hashes that are part of files and of results (which pictures validate), so
// they can never change: XXH64 and XXH3-128, both with seed 0.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace tl::data {

uint64_t hash64(std::span<const uint8_t> bytes);
uint64_t hash64(std::string_view text);

struct Hash128 {
  uint64_t low = 0;
  uint64_t high = 0;
  auto operator<=>(const Hash128 &) const = default;
  std::string hex() const; // 32 digits, high half first
};

Hash128 hash128(std::span<const uint8_t> bytes);

// A hash of several things in order, e.g. a context and a picture.
Hash128 combine(std::span<const Hash128> parts);

} // namespace tl::data
