// A read-only file that closes itself. Headers, directories and pickles are
// read by pread; the values of large tensors are mapped, one window after the
// other, so that they are converted from where the kernel keeps them and the
// pages behind us do not count as the compiler's memory.
//
// A mapped file that another process cuts short raises SIGBUS where its pages
// are gone. A window's extent is compared with the file's size when it is
// mapped, which leaves the time of converting one window; for that time
// mappedFile() gives a signal handler the name to report (README.md).
#pragma once

#include "frontends/weights/Result.h"

#include <cstddef>
#include <cstdint>
#include <span>

namespace tl::weights {

// A part of a file in memory; it ends with the object.
class Window {
public:
  Window(Window &&other) noexcept;
  Window &operator=(Window &&other) = delete;
  ~Window();

  std::span<const std::byte> bytes() const { return visible; }

private:
  friend class File;
  Window(void *base, std::span<const std::byte> visible)
      : base(base), visible(visible) {}

  void *base;
  std::span<const std::byte> visible;
};

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
  // Maps `length` bytes, at least one, privately; an error if the file ends
  // before, also if it did not when it was opened. This File must live as long
  // as the window, and a process has one window at a time.
  Result<Window> map(uint64_t offset, uint64_t length) const;

private:
  File(std::string path, int fd, uint64_t bytes);

  std::string name;
  int fd;
  uint64_t bytes;
};

// The path of the file that a window shows now, or null: for the handler of a
// SIGBUS, which may call it.
const char *mappedFile();

} // namespace tl::weights
