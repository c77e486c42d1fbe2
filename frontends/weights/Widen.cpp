// The widening loops. The file's bytes are little-endian, as is every machine
// this compiler runs on; memcpy keeps them free of alignment.
#include "frontends/weights/Widen.h"

namespace tl::weights {

static_assert(std::endian::native == std::endian::little);

namespace {

template <typename T, typename Convert>
void each(const std::byte *from, size_t count, float *to, Convert convert) {
  for (size_t i = 0; i < count; ++i) {
    T element;
    std::memcpy(&element, from + i * sizeof(T), sizeof(T));
    to[i] = convert(element);
  }
}

template <typename T>
void castEach(const std::byte *from, size_t count, float *to) {
  each<T>(from, count, to,
          [](T element) { return static_cast<float>(element); });
}

} // namespace

void widen(ElementType type, const std::byte *from, size_t count, float *to) {
  switch (type) {
  case ElementType::F16:
    return each<uint16_t>(from, count, to, widenF16);
  case ElementType::BF16:
    return each<uint16_t>(from, count, to, widenBF16);
  case ElementType::F32:
    std::memcpy(to, from, count * sizeof(float));
    return;
  case ElementType::F64:
    return castEach<double>(from, count, to);
  case ElementType::I8:
    return castEach<int8_t>(from, count, to);
  case ElementType::U8:
    return castEach<uint8_t>(from, count, to);
  case ElementType::I16:
    return castEach<int16_t>(from, count, to);
  case ElementType::U16:
    return castEach<uint16_t>(from, count, to);
  case ElementType::I32:
    return castEach<int32_t>(from, count, to);
  case ElementType::U32:
    return castEach<uint32_t>(from, count, to);
  case ElementType::I64:
    return castEach<int64_t>(from, count, to);
  case ElementType::U64:
    return castEach<uint64_t>(from, count, to);
  }
}

} // namespace tl::weights
