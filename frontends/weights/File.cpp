// See File.h.
#include "frontends/weights/File.h"
#include "frontends/weights/Message.h"

#include <atomic>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace tl::weights {

static std::atomic<const char *> mappedName = nullptr;

const char *mappedFile() { return mappedName; }

Window::Window(Window &&other) noexcept
    : base(std::exchange(other.base, nullptr)), visible(other.visible) {}

Window::~Window() {
  if (!base)
    return;
  auto end = visible.data() + visible.size();
  ::munmap(base, static_cast<size_t>(end - static_cast<std::byte *>(base)));
  mappedName = nullptr;
}

File::File(std::string path, int fd, uint64_t bytes)
    : name(std::move(path)), fd(fd), bytes(bytes) {}

File::File(File &&other) noexcept
    : name(std::move(other.name)), fd(std::exchange(other.fd, -1)),
      bytes(other.bytes) {}

File::~File() {
  if (fd >= 0)
    ::close(fd);
}

Result<File> File::open(const std::string &path) {
  // Without O_NONBLOCK opening a fifo would wait for a writer.
  int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0)
    return Error{"cannot open " + inQuotes(path) + ": " + std::strerror(errno)};
  struct stat info;
  bool known = ::fstat(fd, &info) == 0;
  if (!known || !S_ISREG(info.st_mode)) {
    ::close(fd);
    return Error{inQuotes(path) + " is not a regular file"};
  }
  return File(path, fd, static_cast<uint64_t>(info.st_size));
}

Status File::read(uint64_t offset, std::span<std::byte> out) const {
  while (!out.empty()) {
    ssize_t got =
        ::pread(fd, out.data(), out.size(), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return Error{"cannot read " + inQuotes(name) + ": " +
                   std::strerror(errno)};
    if (got == 0)
      return Error{inQuotes(name) + " ends at byte " + std::to_string(offset) +
                   ", " + std::to_string(out.size()) + " bytes too early"};
    offset += static_cast<uint64_t>(got);
    out = out.subspan(static_cast<size_t>(got));
  }
  return Done{};
}

Result<Window> File::map(uint64_t offset, uint64_t length) const {
  struct stat info;
  uint64_t size =
      ::fstat(fd, &info) == 0 ? static_cast<uint64_t>(info.st_size) : 0;
  if (offset > size || length > size - offset)
    return Error{inQuotes(name) + " ends at byte " + std::to_string(size) +
                 ", " + std::to_string(offset + length - size) +
                 " bytes too early"};
  auto page = static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  uint64_t before = offset % page;
  void *base =
      ::mmap(nullptr, before + length, PROT_READ, MAP_PRIVATE | MAP_POPULATE,
             fd, static_cast<off_t>(offset - before));
  if (base == MAP_FAILED)
    return Error{"cannot map " + inQuotes(name) + ": " + std::strerror(errno)};
  mappedName = name.c_str();
  return Window(base, {static_cast<std::byte *>(base) + before, length});
}

} // namespace tl::weights
