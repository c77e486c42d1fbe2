// Field offsets are those of PKWARE's APPNOTE.TXT 6.3, sections 4.3 and 4.5.
#include "frontends/weights/ZipArchive.h"
#include "frontends/weights/Message.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <vector>

namespace tl::weights {

namespace {

constexpr uint64_t maxEntries = 200000;
constexpr uint64_t maxDirectoryBytes = 64u << 20;
constexpr uint32_t unknown32 = 0xffffffff;

template <typename T> T numberAt(std::span<const std::byte> bytes, size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof(T));
  return value;
}

struct DirectoryPlace {
  uint64_t offset, bytes, entries;
  // Where the records behind the directory start.
  uint64_t end;
};

class ZipReader {
public:
  explicit ZipReader(const File &file) : file(file) {}

  Result<ZipDirectory> read();

private:
  struct Range {
    uint64_t begin, end;
    std::string name;
  };

  Result<DirectoryPlace> findDirectory() const;
  Status findZip64(uint64_t locatorAt, DirectoryPlace &place) const;
  Status readEntry(std::span<const std::byte> &bytes, uint64_t directoryAt);
  Status place(const std::string &name, uint64_t headerAt, uint64_t bytes,
               uint64_t directoryAt);
  Status checkOverlap();

  const File &file;
  ZipDirectory directory;
  std::vector<Range> ranges;
};

// The end record is the last thing in the file, but for a comment of at most
// 65,535 bytes.
Result<DirectoryPlace> ZipReader::findDirectory() const {
  constexpr size_t recordBytes = 22;
  uint64_t size = file.size();
  std::vector<std::byte> tail(std::min<uint64_t>(size, recordBytes + 65535));
  uint64_t tailAt = size - tail.size();
  if (Status status = file.read(tailAt, tail); !status)
    return status.error();
  for (size_t at = tail.size() - std::min(tail.size(), recordBytes) + 1;
       at-- > 0;) {
    std::span<const std::byte> record = std::span(tail).subspan(at);
    if (record.size() < recordBytes ||
        numberAt<uint32_t>(record, 0) != 0x06054b50 ||
        numberAt<uint16_t>(record, 20) != record.size() - recordBytes)
      continue;
    DirectoryPlace place{numberAt<uint32_t>(record, 16),
                         numberAt<uint32_t>(record, 12),
                         numberAt<uint16_t>(record, 10), tailAt + at};
    if (place.offset == unknown32 || place.bytes == unknown32 ||
        place.entries == 0xffff)
      if (Status status = findZip64(tailAt + at, place); !status)
        return status.error();
    if (place.bytes > maxDirectoryBytes || place.entries > maxEntries ||
        place.offset > place.end || place.bytes > place.end - place.offset)
      return Error{"its zip directory of " + std::to_string(place.entries) +
                   " entries and " + std::to_string(place.bytes) +
                   " bytes at byte " + std::to_string(place.offset) +
                   " is out of bounds"};
    return place;
  }
  return Error{"its zip directory is missing; the file is cut short"};
}

Status ZipReader::findZip64(uint64_t endAt, DirectoryPlace &place) const {
  constexpr size_t locatorBytes = 20, recordBytes = 56;
  std::byte bytes[recordBytes];
  std::span<std::byte> locator(bytes, locatorBytes), record(bytes);
  Error error{"its zip64 directory is damaged"};
  if (endAt < locatorBytes || !file.read(endAt - locatorBytes, locator) ||
      numberAt<uint32_t>(locator, 0) != 0x07064b50)
    return error;
  uint64_t recordAt = numberAt<uint64_t>(locator, 8);
  if (recordAt > endAt || endAt - recordAt < recordBytes ||
      !file.read(recordAt, record) ||
      numberAt<uint32_t>(record, 0) != 0x06064b50)
    return error;
  place = {numberAt<uint64_t>(record, 48), numberAt<uint64_t>(record, 40),
           numberAt<uint64_t>(record, 32), recordAt};
  return Done{};
}

// The values that did not fit 32 bits, in the zip64 field of `extra`.
std::optional<std::span<const std::byte>>
zip64Field(std::span<const std::byte> extra) {
  while (extra.size() >= 4) {
    size_t size = numberAt<uint16_t>(extra, 2);
    if (size > extra.size() - 4)
      return std::nullopt;
    if (numberAt<uint16_t>(extra, 0) == 1)
      return extra.subspan(4, size);
    extra = extra.subspan(4 + size);
  }
  return std::nullopt;
}

Status ZipReader::readEntry(std::span<const std::byte> &bytes,
                            uint64_t directoryAt) {
  constexpr size_t headerBytes = 46;
  std::string number = "entry " + std::to_string(ranges.size());
  if (bytes.size() < headerBytes || numberAt<uint32_t>(bytes, 0) != 0x02014b50)
    return Error{number + " of its zip directory is damaged"};
  size_t nameBytes = numberAt<uint16_t>(bytes, 28);
  size_t extraBytes = numberAt<uint16_t>(bytes, 30);
  size_t total =
      headerBytes + nameBytes + extraBytes + numberAt<uint16_t>(bytes, 32);
  if (total > bytes.size())
    return Error{number + " of its zip directory is damaged"};
  std::string name(reinterpret_cast<const char *>(bytes.data()) + headerBytes,
                   nameBytes);
  uint64_t packed = numberAt<uint32_t>(bytes, 20);
  uint64_t plain = numberAt<uint32_t>(bytes, 24);
  uint64_t headerAt = numberAt<uint32_t>(bytes, 42);
  auto wide = zip64Field(bytes.subspan(headerBytes + nameBytes, extraBytes));
  for (uint64_t *value : {&plain, &packed, &headerAt}) {
    if (*value != unknown32)
      continue;
    if (!wide || wide->size() < 8)
      return Error{"the zip64 sizes of " + inQuotes(name) + " are missing"};
    *value = numberAt<uint64_t>(*wide, 0);
    wide = wide->subspan(8);
  }
  if (numberAt<uint16_t>(bytes, 8) & 1)
    return Error{inQuotes(name) + " in it is encrypted"};
  if (unsigned method = numberAt<uint16_t>(bytes, 10);
      method != 0 || packed != plain)
    return Error{inQuotes(name) + " in it is compressed (method " +
                 std::to_string(method) +
                 "); expected it stored, as torch.save does (a TorchScript "
                 "archive is none: save its state_dict())"};
  bytes = bytes.subspan(total);
  return place(name, headerAt, plain, directoryAt);
}

// The entry's own header says where its bytes start.
Status ZipReader::place(const std::string &name, uint64_t headerAt,
                        uint64_t bytes, uint64_t directoryAt) {
  constexpr size_t headerBytes = 30;
  std::byte header[headerBytes];
  if (directoryAt < headerBytes || headerAt > directoryAt - headerBytes)
    return Error{inQuotes(name) + " in it starts at byte " +
                 std::to_string(headerAt) + ", behind the entries"};
  if (Status status = file.read(headerAt, header); !status)
    return status;
  if (numberAt<uint32_t>(header, 0) != 0x04034b50 ||
      numberAt<uint16_t>(header, 26) != name.size())
    return Error{inQuotes(name) + " in it has no header of its own at byte " +
                 std::to_string(headerAt)};
  uint64_t offset =
      headerAt + headerBytes + name.size() + numberAt<uint16_t>(header, 28);
  if (offset > directoryAt || bytes > directoryAt - offset)
    return Error{inQuotes(name) + " in it claims " + std::to_string(bytes) +
                 " bytes at byte " + std::to_string(offset) +
                 "; the entries end at byte " + std::to_string(directoryAt)};
  if (!directory.emplace(name, ZipEntry{offset, bytes}).second)
    return Error{inQuotes(name) + " is in it twice"};
  ranges.push_back({headerAt, offset + bytes, name});
  return Done{};
}

Status ZipReader::checkOverlap() {
  std::sort(ranges.begin(), ranges.end(),
            [](const Range &a, const Range &b) { return a.begin < b.begin; });
  for (size_t i = 1; i < ranges.size(); ++i)
    if (ranges[i].begin < ranges[i - 1].end)
      return Error{inQuotes(ranges[i - 1].name) + " and " +
                   inQuotes(ranges[i].name) + " in it overlap"};
  return Done{};
}

Result<ZipDirectory> ZipReader::read() {
  Result<DirectoryPlace> found = findDirectory();
  if (!found)
    return found.error();
  std::vector<std::byte> raw(found->bytes);
  if (Status status = file.read(found->offset, raw); !status)
    return status.error();
  std::span<const std::byte> bytes = raw;
  for (uint64_t i = 0; i < found->entries; ++i)
    if (Status status = readEntry(bytes, found->offset); !status)
      return status.error();
  if (Status status = checkOverlap(); !status)
    return status.error();
  return std::move(directory);
}

} // namespace

Result<ZipDirectory> readZipDirectory(const File &file) {
  return ZipReader(file).read();
}

} // namespace tl::weights
