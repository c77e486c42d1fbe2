// Large aligned memory straight from the system: zero at first, page-aligned,
// only touched pages cost anything.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <sys/mman.h>

namespace tl {

class Memory {
public:
  Memory() = default;
  explicit Memory(uint64_t size) { reserve(size); }
  ~Memory() { release(); }
  Memory(const Memory &) = delete;
  Memory &operator=(const Memory &) = delete;

  uint8_t *data() const { return bytes; }
  uint64_t size() const { return count; }

  // At least `size` bytes; contents are lost when it grows. Throws bad_alloc.
  void reserve(uint64_t size) {
    if (size <= count)
      return;
    release();
    void *address = mmap(nullptr, size, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (address == MAP_FAILED)
      throw std::bad_alloc();
    // Arenas are read and written whole, batch after batch: fewer TLB misses.
    madvise(address, size, MADV_HUGEPAGE);
    bytes = static_cast<uint8_t *>(address);
    count = size;
  }

  // The pages go back to the system, the addresses stay; contents are lost.
  void discard() {
    if (bytes)
      madvise(bytes, count, MADV_DONTNEED);
  }

private:
  void release() {
    if (bytes)
      munmap(bytes, count);
    bytes = nullptr;
    count = 0;
  }

  uint8_t *bytes = nullptr;
  uint64_t count = 0;
};

} // namespace tl
