// See File.h.
#include "runtime/data/File.h"

#include <atomic>
#include <cerrno>
#include <cstring>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace tl::data {
namespace {

std::string reason() { return std::generic_category().message(errno); }

// Closes what it holds when the scope ends.
struct Descriptor {
  int number;
  ~Descriptor() {
    if (number >= 0)
      ::close(number);
  }
};

bool writeAll(int descriptor, const uint8_t *data, size_t size,
              uint64_t offset) {
  while (size) {
    ssize_t count = ::pwrite(descriptor, data, size, off_t(offset));
    if (count < 0 && errno == EINTR)
      continue;
    if (count <= 0)
      return false;
    data += count, size -= size_t(count), offset += uint64_t(count);
  }
  return true;
}

} // namespace

Result<std::vector<uint8_t>> readFile(const std::string &path,
                                      uint64_t maxBytes) {
  // Not blocking: opening a FIFO that nobody writes to would wait forever.
  Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  struct stat status {};
  if (file.number < 0 || ::fstat(file.number, &status) != 0)
    return Error{path + ": cannot be opened: " + reason()};
  if (!S_ISREG(status.st_mode))
    return Error{path + ": not a regular file"};
  if (uint64_t(status.st_size) > maxBytes)
    return Error{path + ": the file has " + std::to_string(status.st_size) +
                 " bytes, at most " + std::to_string(maxBytes) + " are read"};
  std::vector<uint8_t> bytes;
  try {
    bytes.resize(size_t(status.st_size));
  } catch (const std::bad_alloc &) {
    return Error{path + ": not enough memory to read it"};
  }
  size_t filled = 0;
  while (filled < bytes.size()) {
    ssize_t count =
        ::read(file.number, bytes.data() + filled, bytes.size() - filled);
    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0)
      return Error{path + ": cannot be read: " + reason()};
    if (count == 0)
      break; // Someone shortened it meanwhile.
    filled += size_t(count);
  }
  bytes.resize(filled);
  return bytes;
}

AtomicFile::AtomicFile(std::string path, std::string temporary, int descriptor)
    : path(std::move(path)), temporary(std::move(temporary)),
      descriptor(descriptor) {}

AtomicFile::AtomicFile(AtomicFile &&other) noexcept
    : path(std::move(other.path)), temporary(std::move(other.temporary)),
      descriptor(std::exchange(other.descriptor, -1)), written(other.written) {}

AtomicFile::~AtomicFile() {
  if (descriptor < 0)
    return;
  ::close(descriptor);
  ::unlink(temporary.c_str());
}

Error AtomicFile::failure(const char *what) const {
  return {path + ": cannot be " + what + ": " + reason()};
}

Result<AtomicFile> AtomicFile::create(const std::string &path) {
  static std::atomic<unsigned> counter = 0;
  std::string temporary = path + "." + std::to_string(::getpid()) + "-" +
                          std::to_string(counter++) + kTemporarySuffix;
  int descriptor =
      ::open(temporary.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (descriptor < 0)
    return Error{path + ": cannot be created: " + reason()};
  return AtomicFile(path, std::move(temporary), descriptor);
}

Status AtomicFile::append(std::span<const uint8_t> bytes) {
  if (!writeAll(descriptor, bytes.data(), bytes.size(), written))
    return failure("written");
  written += bytes.size();
  return Done{};
}

Status AtomicFile::writeAt(uint64_t offset, std::span<const uint8_t> bytes) {
  if (!writeAll(descriptor, bytes.data(), bytes.size(), offset))
    return failure("written");
  return Done{};
}

Status AtomicFile::commit(const std::string &name) {
  path = name;
  return commit();
}

Status AtomicFile::commit() {
  // Some file systems (NFS) say only at the end that the disk is full.
  Status status = Done{};
  if (::close(std::exchange(descriptor, -1)) != 0)
    status = failure("written");
  else if (::rename(temporary.c_str(), path.c_str()) != 0)
    status = failure("renamed into place");
  if (!status)
    ::unlink(temporary.c_str());
  return status;
}

} // namespace tl::data
