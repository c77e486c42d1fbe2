// Writing a file so that a kill or a full disk leaves the old one whole: into
// a temporary file of the same folder, flushed to disk, renamed over the old.
#pragma once

#include <cstddef>
#include <string>

namespace tl {

class AtomicFile {
public:
  // Throws Failure (IO), also from the functions below.
  explicit AtomicFile(const char *path);
  ~AtomicFile(); // removes the temporary file unless committed
  AtomicFile(const AtomicFile &) = delete;
  AtomicFile &operator=(const AtomicFile &) = delete;

  void write(const void *data, size_t bytes);
  void padTo(size_t offset); // zeros up to `offset` from the file's start
  void commit();

private:
  [[noreturn]] void failed(const char *what);

  std::string path, folder, temporary;
  size_t written = 0;
  int descriptor = -1;
};

} // namespace tl
