// See FeatureCache.h. A pack, little-endian as the machines it is for:
//
//   PackHeader (64 bytes)
//   rows       rowCount x rowFloats x 4 bytes
//   Entry      rowCount x 32 bytes: key, checksum of the row
//
// Named <context>-<hash of the entries>.rows: the same rows computed by two
// processes get the same name. Rows are read with pread, not mapped: a file
// that someone truncates under a mapping would kill the process.
#include "runtime/data/FeatureCache.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <filesystem>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace tl::data {
namespace {

namespace fs = std::filesystem;

constexpr char kMagic[8] = {'T', 'L', 'R', 'O', 'W', 'S', '1', '\n'};
constexpr const char *kSuffix = ".rows";
// A temporary file untouched for so long belongs to a process that is gone.
constexpr auto kStaleAfter = std::chrono::hours(24);

struct PackHeader {
  char magic[8];
  uint64_t rowCount;
  uint64_t rowFloats;
  uint64_t contextLow;
  uint64_t contextHigh;
  uint64_t entriesChecksum;
  uint64_t reserved;
  uint64_t headerChecksum; // of the 56 bytes before it
};
static_assert(sizeof(PackHeader) == 64);

template <typename T>
std::span<const uint8_t> bytesOf(const T *data, size_t n) {
  return {reinterpret_cast<const uint8_t *>(data), n * sizeof(T)};
}

bool readAll(int descriptor, void *out, size_t size, uint64_t offset) {
  auto *to = static_cast<uint8_t *>(out);
  while (size) {
    ssize_t count = ::pread(descriptor, to, size, off_t(offset));
    if (count < 0 && errno == EINTR)
      continue;
    if (count <= 0)
      return false;
    to += count, size -= size_t(count), offset += uint64_t(count);
  }
  return true;
}

uint64_t checksumOf(const PackHeader &header) {
  return hash64(
      bytesOf(&header, 1).first(offsetof(PackHeader, headerChecksum)));
}

} // namespace

struct FeatureCache::Entry {
  Hash128 key;
  uint64_t checksum;
  uint64_t reserved;
};

struct FeatureCache::Pack {
  int descriptor;
  explicit Pack(int descriptor) : descriptor(descriptor) {}
  Pack(const Pack &) = delete;
  ~Pack() { ::close(descriptor); }

  // The entries, or nothing where the file is not a whole pack of this kind.
  std::optional<std::vector<Entry>>
  readEntries(const FeatureCacheOptions &options) const {
    PackHeader header;
    struct stat status{};
    if (::fstat(descriptor, &status) != 0 ||
        !readAll(descriptor, &header, sizeof header, 0) ||
        std::memcmp(header.magic, kMagic, sizeof kMagic) != 0 ||
        header.headerChecksum != checksumOf(header) ||
        header.rowFloats != options.rowFloats ||
        Hash128{header.contextLow, header.contextHigh} != options.context)
      return std::nullopt;
    // Bounds first: the counts come from a file.
    uint64_t body = uint64_t(status.st_size) - sizeof header;
    uint64_t perRow = header.rowFloats * 4 + sizeof(Entry);
    if (header.rowCount != body / perRow || body % perRow)
      return std::nullopt;
    std::vector<Entry> entries(header.rowCount);
    uint64_t offset = sizeof header + header.rowCount * header.rowFloats * 4;
    if (!readAll(descriptor, entries.data(), entries.size() * sizeof(Entry),
                 offset) ||
        hash64(bytesOf(entries.data(), entries.size())) !=
            header.entriesChecksum)
      return std::nullopt;
    return entries;
  }
};

FeatureCache::FeatureCache(FeatureCacheOptions given)
    : options(std::move(given)) {
  std::error_code error;
  fs::create_directories(options.folder, error);
  if (options.folder.empty())
    giveUp("no folder for them is known");
  else if (error)
    giveUp(options.folder + ": cannot be created: " + error.message());
  else
    openPacks();
}

FeatureCache::~FeatureCache() = default;

void FeatureCache::giveUp(std::string why) {
  problemText = std::move(why);
  writing.reset();
  written.clear();
}

void FeatureCache::openPacks() {
  std::string prefix = options.context.hex() + "-";
  std::vector<std::string> paths;
  std::error_code error;
  fs::directory_iterator at(options.folder, error);
  for (; !error && at != fs::directory_iterator(); at.increment(error)) {
    const std::string name = at->path().filename().native();
    if (name.starts_with(prefix) && name.ends_with(kSuffix))
      paths.push_back(at->path().native());
  }
  std::sort(paths.begin(), paths.end());
  for (const std::string &path : paths)
    openPack(path);
}

void FeatureCache::openPack(const std::string &path) {
  int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0)
    return;
  auto pack = std::make_unique<Pack>(descriptor);
  std::optional<std::vector<Entry>> entries = pack->readEntries(options);
  if (!entries) {
    ::unlink(path.c_str()); // Damaged: it would only be refused again.
    return;
  }
  uint64_t offset = sizeof(PackHeader);
  for (const Entry &entry : *entries) {
    rows[entry.key] = {pack.get(), offset, entry.checksum};
    offset += options.rowFloats * 4;
  }
  packs.push_back(std::move(pack));
  ::utimensat(AT_FDCWD, path.c_str(), nullptr, 0); // Used now.
  own.push_back(path);
}

bool FeatureCache::read(const Hash128 &picture, float *row) const {
  auto at = rows.find(picture);
  if (at == rows.end())
    return false;
  const Place &place = at->second;
  return readAll(place.pack->descriptor, row, options.rowFloats * 4,
                 place.offset) &&
         hash64(bytesOf(row, options.rowFloats)) == place.checksum;
}

void FeatureCache::startPack() {
  Result<AtomicFile> file =
      AtomicFile::create(options.folder + "/" + options.context.hex() + "-new");
  if (!file)
    return giveUp(file.message());
  writing.emplace(std::move(*file));
  PackHeader blank{};
  if (Status s = writing->append(bytesOf(&blank, 1)); !s)
    giveUp(s.message());
}

void FeatureCache::write(const Hash128 &picture, const float *row) {
  if (!problemText.empty())
    return;
  if (!writing)
    startPack();
  if (!writing)
    return;
  std::span<const uint8_t> bytes = bytesOf(row, options.rowFloats);
  if (Status s = writing->append(bytes); !s)
    return giveUp(s.message());
  written.push_back({picture, hash64(bytes), 0});
  if (writing->size() >= options.packBytes)
    commit();
}

Status FeatureCache::finishPack() {
  PackHeader header{};
  std::memcpy(header.magic, kMagic, sizeof kMagic);
  header.rowCount = written.size();
  header.rowFloats = options.rowFloats;
  header.contextLow = options.context.low;
  header.contextHigh = options.context.high;
  std::span<const uint8_t> entries = bytesOf(written.data(), written.size());
  header.entriesChecksum = hash64(entries);
  header.headerChecksum = checksumOf(header);
  if (Status s = writing->append(entries); !s)
    return s;
  if (Status s = writing->writeAt(0, bytesOf(&header, 1)); !s)
    return s;
  std::string path = options.folder + "/" + options.context.hex() + "-" +
                     hash128(entries).hex() + kSuffix;
  if (Status s = writing->commit(path); !s)
    return s;
  own.push_back(path);
  return Done{};
}

void FeatureCache::commit() {
  if (!writing)
    return;
  if (Status s = finishPack(); !s)
    return giveUp(s.message());
  writing.reset();
  written.clear();
  evict();
}

// Packs that this object reads or wrote go last: they are in use.
void FeatureCache::evict() const {
  struct Candidate {
    bool inUse;
    fs::file_time_type used;
    std::string path;
    uint64_t bytes;
  };
  std::vector<Candidate> candidates;
  uint64_t total = 0;
  std::error_code error, ignored;
  fs::directory_iterator at(options.folder, error);
  for (; !error && at != fs::directory_iterator(); at.increment(error)) {
    const std::string path = at->path().native();
    std::error_code gone;
    fs::file_time_type used = fs::last_write_time(path, gone);
    uint64_t bytes = gone ? 0 : fs::file_size(path, gone);
    if (gone)
      continue;
    if (path.ends_with(kTemporarySuffix)) {
      if (fs::file_time_type::clock::now() - used > kStaleAfter)
        fs::remove(path, ignored);
    } else if (path.ends_with(kSuffix)) {
      bool inUse = std::find(own.begin(), own.end(), path) != own.end();
      candidates.push_back({inUse, used, path, bytes});
      total += bytes;
    }
  }
  std::sort(candidates.begin(), candidates.end(),
            [](const Candidate &a, const Candidate &b) {
              return std::tie(a.inUse, a.used, a.path) <
                     std::tie(b.inUse, b.used, b.path);
            });
  for (const Candidate &pack : candidates) {
    if (total <= options.maxBytes)
      break;
    if (fs::remove(pack.path, ignored))
      total -= pack.bytes;
  }
}

} // namespace tl::data
