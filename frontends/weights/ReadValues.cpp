// See ReadValues.h.
#include "frontends/weights/ReadValues.h"

#include <algorithm>
#include <vector>

namespace tl::weights {

Status readValues(const File &file, ElementType type, uint64_t offset,
                  std::span<float> out) {
  constexpr size_t chunkBytes = 1u << 20;
  if (type == ElementType::F32)
    return file.read(offset, std::as_writable_bytes(out));
  size_t size = sizeOf(type);
  std::vector<std::byte> chunk(std::min(chunkBytes, out.size() * size));
  while (!out.empty()) {
    size_t count = std::min(out.size(), chunk.size() / size);
    std::span<std::byte> bytes(chunk.data(), count * size);
    if (Status status = file.read(offset, bytes); !status)
      return status;
    widen(type, bytes.data(), count, out.data());
    offset += bytes.size();
    out = out.subspan(count);
  }
  return Done{};
}

} // namespace tl::weights
