// Whole files in and out. Reading refuses what is not a regular file, so that
// a FIFO among the pictures cannot hang a run; writing leaves the old file or
// the new one, wherever the process is killed.
//
// Nothing is flushed to the disk. What is written here (rows of features with
// their checksums, predicted arrays, reports) can be computed again, and a
// flush took about half of the 35 ms of a prediction by MobileNet.
// Models and states of training are the library's to write, and it flushes.
#pragma once

#include "runtime/data/Result.h"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace tl::data {

// The message starts with the path.
Result<std::vector<uint8_t>> readFile(const std::string &path,
                                      uint64_t maxBytes);

// A file that appears under its name only when it is complete: written beside
// it under a temporary name, then renamed. Without commit(), nothing of it
// remains. Not thread-safe.
class AtomicFile {
public:
  static Result<AtomicFile> create(const std::string &path);
  AtomicFile(AtomicFile &&other) noexcept;
  AtomicFile &operator=(AtomicFile &&other) = delete;
  ~AtomicFile();

  Status append(std::span<const uint8_t> bytes);
  Status writeAt(uint64_t offset, std::span<const uint8_t> bytes);
  Status commit();
  // The same under a name that is only known now, in the same folder.
  Status commit(const std::string &name);
  uint64_t size() const { return written; }

private:
  AtomicFile(std::string path, std::string temporary, int descriptor);
  Error failure(const char *what) const;

  std::string path, temporary;
  int descriptor = -1;
  uint64_t written = 0;
};

// How the temporary names of AtomicFile end, for whoever cleans up after a
// process that was killed.
inline constexpr char kTemporarySuffix[] = ".tmp";

} // namespace tl::data
