// Mapping of a model.bin.
#include "runtime/core/Container.h"

#include "runtime/core/Failure.h"
#include "runtime/core/Verify.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <functional>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace tl {

namespace {
struct Descriptor {
  int number;
  ~Descriptor() {
    if (number >= 0)
      close(number);
  }
};
} // namespace

void Container::map(const char *path) {
  Descriptor file{open(path, O_RDONLY | O_CLOEXEC)};
  if (file.number < 0)
    fail(errno == ENOENT ? TL_STATUS_NOT_FOUND : TL_STATUS_IO,
         "cannot open \"%s\": %s", path, strerror(errno));
  struct stat facts;
  if (fstat(file.number, &facts) != 0)
    fail(TL_STATUS_IO, "cannot read \"%s\": %s", path, strerror(errno));
  if (!S_ISREG(facts.st_mode))
    fail(TL_STATUS_IO, "\"%s\" is not a regular file", path);
  if (uint64_t(facts.st_size) < sizeof(schema::FileHeader))
    fail(TL_STATUS_BAD_FILE,
         "\"%s\" is not a model.bin: %lld bytes are less than a header", path,
         static_cast<long long>(facts.st_size));
  void *address = mmap(nullptr, size_t(facts.st_size), PROT_READ, MAP_PRIVATE,
                       file.number, 0);
  if (address == MAP_FAILED)
    fail(TL_STATUS_IO, "cannot map \"%s\": %s", path, strerror(errno));
  bytes = static_cast<const uint8_t *>(address);
  byteCount = uint64_t(facts.st_size);
  mapped = true;
  // Every byte is about to be read for the checksums.
  posix_madvise(address, byteCount, POSIX_MADV_WILLNEED);
}

void Container::unmap() {
  if (mapped)
    munmap(const_cast<uint8_t *>(bytes), byteCount);
  mapped = false;
}

void Container::release(const void *first, uint64_t count) const {
  auto from = static_cast<const uint8_t *>(first);
  if (!mapped || std::less<>()(from, bytes) ||
      !std::less<>()(from, bytes + byteCount))
    return;
  auto page = uint64_t(sysconf(_SC_PAGESIZE));
  uint64_t begin = (uint64_t(from - bytes) + page - 1) / page * page;
  uint64_t end = (uint64_t(from - bytes) + count) / page * page;
  if (begin < end) // a private mapping that nobody can write loses nothing
    madvise(const_cast<uint8_t *>(bytes) + begin, end - begin, MADV_DONTNEED);
}

Container::Container(const char *path, uint64_t memoryLimit) {
  map(path);
  try {
    root = verifyContainer(bytes, byteCount, memoryLimit);
  } catch (const Failure &failure) {
    unmap();
    fail(failure.status, "\"%s\": %s", path, failure.message.c_str());
  } catch (...) {
    unmap();
    throw;
  }
}

Container::Container(const void *data, size_t size, uint64_t memoryLimit)
    : bytes(static_cast<const uint8_t *>(data)), byteCount(size) {
  if (reinterpret_cast<uintptr_t>(data) % 64)
    fail(TL_STATUS_INVALID_ARGUMENT, "the model's memory is not aligned to 64");
  root = verifyContainer(bytes, byteCount, memoryLimit);
}

Container::~Container() { unmap(); }

} // namespace tl
