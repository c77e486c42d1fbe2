// See ReadValues.h.
#include "frontends/weights/ReadValues.h"

#include <algorithm>
#include <functional>
#include <vector>

namespace tl::weights {

namespace {

// Mapping costs system calls and whole pages: a bias is cheaper to copy.
constexpr uint64_t smallBytes = 64u << 10;
// A multiple of every element's size. What is mapped counts as our memory.
constexpr uint64_t windowBytes = 4u << 20;

Status
forEachWindow(const File &file, uint64_t offset, uint64_t bytes,
              const std::function<void(std::span<const std::byte>)> &visit) {
  if (bytes <= smallBytes) {
    std::vector<std::byte> copy(bytes);
    if (Status status = file.read(offset, copy); !status)
      return status;
    visit(copy);
    return Done{};
  }
  while (bytes > 0) {
    uint64_t length = std::min(bytes, windowBytes);
    Result<Window> window = file.map(offset, length);
    if (!window)
      return window.error();
    visit(window->bytes());
    offset += length;
    bytes -= length;
  }
  return Done{};
}

} // namespace

Status readValues(const File &file, ElementType type, uint64_t offset,
                  std::span<float> out) {
  size_t size = sizeOf(type);
  return forEachWindow(file, offset, out.size() * size,
                       [&](std::span<const std::byte> bytes) {
                         size_t count = bytes.size() / size;
                         widen(type, bytes.data(), count, out.data());
                         out = out.subspan(count);
                       });
}

Status takeValues(const File &file, ElementType type, uint64_t offset,
                  uint64_t count, const WeightSource::Take &take) {
  size_t size = sizeOf(type);
  std::vector<float> wide;
  return forEachWindow(
      file, offset, count * size, [&](std::span<const std::byte> bytes) {
        size_t elements = bytes.size() / size;
        bool aligned =
            reinterpret_cast<uintptr_t>(bytes.data()) % alignof(float) == 0;
        if (type == ElementType::F32 && aligned) {
          take({reinterpret_cast<const float *>(bytes.data()), elements});
          return;
        }
        wide.resize(elements);
        widen(type, bytes.data(), elements, wide.data());
        take(wide);
      });
}

} // namespace tl::weights
