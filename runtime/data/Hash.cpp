// See Hash.h. xxHash is used header-only, so that nothing is linked for it.
#include "runtime/data/Hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace tl::data {

uint64_t hash64(std::span<const uint8_t> bytes) {
  return XXH64(bytes.data(), bytes.size(), 0);
}

uint64_t hash64(std::string_view text) {
  return XXH64(text.data(), text.size(), 0);
}

Hash128 hash128(std::span<const uint8_t> bytes) {
  XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
  return {hash.low64, hash.high64};
}

Hash128 combine(std::span<const Hash128> parts) {
  return hash128(
      {reinterpret_cast<const uint8_t *>(parts.data()), parts.size_bytes()});
}

std::string Hash128::hex() const {
  static constexpr char digits[] = "0123456789abcdef";
  std::string text;
  for (uint64_t half : {high, low})
    for (int shift = 60; shift >= 0; shift -= 4)
      text += digits[half >> shift & 15];
  return text;
}

} // namespace tl::data
