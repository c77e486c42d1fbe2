// See RowStore.h.
#include "runtime/data/RowStore.h"

#include "runtime/data/File.h"

#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

namespace tl::data {
namespace {

std::string reason(int code) { return std::generic_category().message(code); }

// Null where there is none.
uint8_t *map(uint64_t size, int flags, int descriptor) {
  void *at =
      ::mmap(nullptr, size, PROT_READ | PROT_WRITE, flags, descriptor, 0);
  return at == MAP_FAILED ? nullptr : static_cast<uint8_t *>(at);
}

} // namespace

RowStore::RowStore(uint64_t rowBytes, uint64_t memoryRows, uint64_t fileRows,
                   const std::string &folder)
    : bytes(rowBytes) {
  if (memoryRows) {
    memory = map(memoryRows * bytes, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    if (memory)
      inMemory = memoryRows;
    else
      problemText = "not enough memory for cached rows";
  }
  if (fileRows)
    openFile(fileRows, folder);
}

void RowStore::openFile(uint64_t rows, const std::string &folder) {
  std::error_code ignored;
  std::filesystem::create_directories(folder, ignored);
  // Unlinked at once; the suffix is for FeatureCache, which removes what a kill
  // between the two calls leaves.
  std::string path = folder + "/rows-XXXXXX" + kTemporarySuffix;
  int descriptor =
      ::mkostemps(path.data(), int(sizeof kTemporarySuffix - 1), O_CLOEXEC);
  if (descriptor < 0) {
    problemText = folder + ": no file can be made there: " + reason(errno);
    return;
  }
  ::unlink(path.c_str());
  int code = ::posix_fallocate(descriptor, 0, off_t(rows * bytes));
  if (code == 0)
    file = map(rows * bytes, MAP_SHARED, descriptor);
  if (file)
    inFile = rows;
  else
    problemText = folder + ": no room for a file of " +
                  std::to_string(rows * bytes) +
                  " bytes: " + reason(code ? code : errno);
  ::close(descriptor);
}

RowStore::~RowStore() {
  if (memory)
    ::munmap(memory, inMemory * bytes);
  if (file)
    ::munmap(file, inFile * bytes);
}

RowStore::RowStore(RowStore &&other) noexcept { *this = std::move(other); }

RowStore &RowStore::operator=(RowStore &&other) noexcept {
  std::swap(bytes, other.bytes);
  std::swap(inMemory, other.inMemory);
  std::swap(inFile, other.inFile);
  std::swap(memory, other.memory);
  std::swap(file, other.file);
  std::swap(problemText, other.problemText);
  return *this;
}

uint8_t *RowStore::row(uint64_t row) const {
  return row < inMemory ? memory + row * bytes
                        : file + (row - inMemory) * bytes;
}

} // namespace tl::data
