// See Room.h.
#include "runtime/data/Room.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <limits>
#include <optional>

#include <sys/statvfs.h>

namespace tl::data {
namespace {

namespace fs = std::filesystem;

// A file of one number; nothing where it says "max" or is not there.
std::optional<uint64_t> readNumber(const std::string &path) {
  std::ifstream file(path);
  uint64_t number;
  if (file >> number)
    return number;
  return std::nullopt;
}

// The number behind a word: "MemAvailable: 123", "inactive_file 123".
std::optional<uint64_t> readField(const std::string &path,
                                  const std::string &name) {
  std::ifstream file(path);
  std::string word;
  uint64_t number;
  while (file >> word)
    if (word == name && file >> number)
      return number;
  return std::nullopt;
}

// What a group's limit leaves; cached files that nobody uses would be given up.
uint64_t leftIn(const std::string &group, const char *limit,
                const char *usage) {
  constexpr uint64_t unlimited = std::numeric_limits<uint64_t>::max();
  std::optional<uint64_t> most = readNumber(group + limit);
  std::optional<uint64_t> used = readNumber(group + usage);
  if (!most || !used)
    return unlimited;
  uint64_t files =
      readField(group + "memory.stat", "inactive_file").value_or(0);
  uint64_t held = *used - std::min(*used, files);
  return *most - std::min(*most, held);
}

uint64_t leftInGroups() {
  std::ifstream file("/proc/self/cgroup");
  std::string line;
  std::getline(file, line);
  if (!line.starts_with("0::")) // version 1
    return leftIn("/sys/fs/cgroup/memory/", "memory.limit_in_bytes",
                  "memory.usage_in_bytes");
  fs::path root = "/sys/fs/cgroup";
  uint64_t least = std::numeric_limits<uint64_t>::max();
  for (fs::path group = root / fs::path(line.substr(3)).relative_path();;
       group = group.parent_path()) {
    least = std::min(
        least, leftIn(group.native() + "/", "memory.max", "memory.current"));
    if (group.native().size() <= root.native().size())
      return least;
  }
}

} // namespace

uint64_t availableMemory() {
  uint64_t kernel =
      readField("/proc/meminfo", "MemAvailable:").value_or(0) * 1024;
  return std::min(kernel, leftInGroups());
}

uint64_t freeDisk(const std::string &folder) {
  std::error_code error;
  fs::path at = fs::absolute(folder.empty() ? "." : folder, error);
  while (!fs::exists(at, error) && at.has_relative_path())
    at = at.parent_path();
  struct statvfs status {};
  if (::statvfs(at.c_str(), &status) != 0)
    return 0;
  return uint64_t(status.f_bavail) * status.f_frsize;
}

} // namespace tl::data
