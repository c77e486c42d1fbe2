// Write, check, then execute.
#include "runtime/core/CodeImage.h"

#include "runtime/core/Failure.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cerrno>
#include <cstring>
#include <sys/mman.h>

namespace tl {

CodeImage::CodeImage(const uint8_t *from, uint64_t size, uint64_t checksum)
    : memory(nullptr), bytes(size) {
  void *address = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (address == MAP_FAILED)
    fail(TL_STATUS_OUT_OF_MEMORY, "no memory for %zu bytes of code", bytes);
  memcpy(address, from, bytes);
  bool intact = XXH64(address, bytes, 0) == checksum;
  bool executable =
      intact && mprotect(address, bytes, PROT_READ | PROT_EXEC) == 0;
  int reason = errno;
  if (!executable) {
    munmap(address, bytes);
    if (!intact)
      fail(TL_STATUS_BAD_FILE, "the code changed while it was read");
    fail(TL_STATUS_UNSUPPORTED, "the system refuses executable memory: %s",
         strerror(reason));
  }
  memory = static_cast<uint8_t *>(address);
}

CodeImage::~CodeImage() { munmap(memory, bytes); }

} // namespace tl
