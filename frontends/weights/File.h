// A read-only file that closes itself. Reads are positioned and complete, by
// pread and not by mmap: a file cut while we read it is then an error instead
// of a SIGBUS, and its pages do not count as the compiler's memory.
#pragma once

#include "frontends/weights/Result.h"

#include <cstddef>
#include <cstdint>
#include <span>

namespace tl::weights {

class File {
public:
  static Result<File> open(const std::string &path);
  File(File &&other) noexcept;
  File &operator=(File &&other) = delete;
  ~File();

  const std::string &path() const { return name; }
  int descriptor() const { return fd; }
  uint64_t size() const { return bytes; }
  // Fills `out` from `offset`; an error if the file ends before.
  Status read(uint64_t offset, std::span<std::byte> out) const;

private:
  File(std::string path, int fd, uint64_t bytes);

  std::string name;
  int fd;
  uint64_t bytes;
};

} // namespace tl::weights
