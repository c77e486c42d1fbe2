// The element types that weight files store, and their widening to float32.
// One table for all readers: names, sizes and conversions.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace tl::weights {

enum class ElementType : uint8_t {
  F16,
  BF16,
  F32,
  F64,
  I8,
  U8,
  I16,
  U16,
  I32,
  U32,
  I64,
  U64
};

inline size_t sizeOf(ElementType type) {
  constexpr size_t sizes[] = {2, 2, 4, 8, 1, 1, 2, 2, 4, 4, 8, 8};
  return sizes[static_cast<size_t>(type)];
}

inline const char *nameOf(ElementType type) {
  constexpr const char *names[] = {"f16", "bf16", "f32", "f64", "i8",  "u8",
                                   "i16", "u16",  "i32", "u32", "i64", "u64"};
  return names[static_cast<size_t>(type)];
}

// IEEE 754 binary16. Subnormals are renormalised, NaN keeps its payload.
inline float widenF16(uint16_t half) {
  uint32_t sign = uint32_t(half & 0x8000) << 16;
  uint32_t exponent = (half >> 10) & 0x1f;
  uint32_t mantissa = half & 0x3ff;
  if (exponent == 0) {
    // mantissa * 2^-24, exact in float32.
    float magnitude = float(mantissa) * 0x1p-24f;
    return std::bit_cast<float>(std::bit_cast<uint32_t>(magnitude) | sign);
  }
  uint32_t wide = exponent == 31 ? 255 : exponent + 112;
  return std::bit_cast<float>(sign | wide << 23 | mantissa << 13);
}

inline float widenBF16(uint16_t brain) {
  return std::bit_cast<float>(uint32_t(brain) << 16);
}

// Widens `count` little-endian elements at `from`, which need not be aligned.
// (f64 and integers past 2^24 are rounded to nearest.)
void widen(ElementType type, const std::byte *from, size_t count, float *to);

} // namespace tl::weights
