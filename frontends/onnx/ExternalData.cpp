// See the header. The path is opened one component at a time below the model's
// folder, so that no link can be slipped in between a check and its use.
#include "frontends/onnx/ExternalData.h"

#include "frontends/weights/Message.h"

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Path.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace tl::onnx {

using weights::inQuotes;

// A model's weights lie in one file, or in one a tensor.
constexpr size_t kMostFiles = 10000;

ExternalFiles::~ExternalFiles() {
  for (auto &[name, bytes] : mapped)
    if (!bytes.empty())
      ::munmap(const_cast<std::byte *>(bytes.data()), bytes.size());
}

/// A descriptor of the file at `location` below `folder`.
static Result<int> openBelow(const std::string &folder,
                             const std::string &location) {
  auto outside = [&] {
    return Error{"external data must lie in the model's folder, found " +
                 inQuotes(location)};
  };
  if (location.empty() || location[0] == '/' ||
      location.find('\0') != std::string::npos)
    return outside();
  int at = ::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  llvm::StringRef rest = location;
  while (at >= 0 && !rest.empty()) {
    auto [step, behind] = rest.split('/');
    rest = behind;
    if (step.empty() || step == ".")
      continue;
    if (step == "..") {
      ::close(at);
      return outside();
    }
    int flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
    int next = ::openat(at, step.str().c_str(),
                        rest.empty() ? flags : flags | O_DIRECTORY);
    int problem = errno;
    ::close(at);
    errno = problem;
    at = next;
  }
  if (at < 0 && (errno == ELOOP || errno == ENOTDIR))
    return outside();
  if (at < 0)
    return Error{"cannot open the external data " + inQuotes(location) + ": " +
                 std::strerror(errno)};
  return at;
}

Result<std::span<const std::byte>>
ExternalFiles::map(const std::string &location) {
  if (auto found = mapped.find(location); found != mapped.end())
    return found->second;
  if (mapped.size() == kMostFiles)
    return Error{"more than " + std::to_string(kMostFiles) +
                 " files of external data"};
  std::string folder = llvm::sys::path::parent_path(modelPath).str();
  auto file = openBelow(folder.empty() ? "." : folder, location);
  if (!file)
    return file.error();
  struct stat info;
  bool regular = ::fstat(*file, &info) == 0 && S_ISREG(info.st_mode);
  void *memory = MAP_FAILED;
  if (regular && info.st_size > 0)
    memory = ::mmap(nullptr, info.st_size, PROT_READ, MAP_PRIVATE, *file, 0);
  ::close(*file);
  if (memory == MAP_FAILED)
    return Error{"the external data " + inQuotes(location) +
                 " is no regular file, or is empty"};
  std::span<const std::byte> bytes(static_cast<std::byte *>(memory),
                                   size_t(info.st_size));
  mapped[location] = bytes;
  return bytes;
}

Result<std::span<const std::byte>>
ExternalFiles::find(const pb::TensorProto &tensor, uint64_t bytes) {
  std::string location;
  uint64_t offset = 0, length = bytes;
  for (const pb::StringStringEntryProto &entry : tensor.external_data()) {
    bool bad = false;
    if (entry.key() == "location")
      location = entry.value();
    else if (entry.key() == "offset")
      bad = llvm::StringRef(entry.value()).getAsInteger(10, offset);
    else if (entry.key() == "length")
      bad = llvm::StringRef(entry.value()).getAsInteger(10, length);
    if (bad)
      return Error{"expected a number for the external data's " + entry.key() +
                   ", found " + inQuotes(entry.value())};
  }
  auto file = map(location);
  if (!file)
    return file.error();
  if (length != bytes || offset > file->size() || bytes > file->size() - offset)
    return Error{"expected " + std::to_string(bytes) + " bytes at " +
                 std::to_string(offset) + " of the external data " +
                 inQuotes(location) + ", found a length of " +
                 std::to_string(length) + " in a file of " +
                 std::to_string(file->size())};
  return file->subspan(offset, bytes);
}

} // namespace tl::onnx
