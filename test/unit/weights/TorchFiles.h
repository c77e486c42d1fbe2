// Writes what torch.save writes, for the tests: pickles opcode by opcode, the
// zip form and the form before 1.6. (That torch itself writes such is shown by
// the real files and by those of make_torch_files.py.)
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

namespace tl::weights {

template <typename T> std::string raw(T value) {
  return {reinterpret_cast<const char *>(&value), sizeof(T)};
}

template <typename T> std::string rawAll(const std::vector<T> &values) {
  return {reinterpret_cast<const char *>(values.data()),
          values.size() * sizeof(T)};
}

// Python's opcodes, each as the bytes that push one value.
namespace py {

inline std::string text(const std::string &value) {
  return "X" + raw(static_cast<uint32_t>(value.size())) + value;
}
inline std::string integer(int32_t value) { return "J" + raw(value); }
// For numbers that 32 bits do not hold.
inline std::string wide(int64_t value) { return "\x8a\x08" + raw(value); }
inline std::string tuple(const std::vector<std::string> &items) {
  std::string all = "(";
  for (const std::string &item : items)
    all += item;
  return all + "t";
}
inline std::string list(const std::vector<std::string> &items) {
  std::string all = "](";
  for (const std::string &item : items)
    all += item;
  return all + "e";
}
inline std::string
dict(const std::vector<std::pair<std::string, std::string>> &items) {
  std::string all = "}(";
  for (const auto &[key, value] : items)
    all += text(key) + value;
  return all + "u";
}
inline std::string global(const std::string &module, const std::string &name) {
  return "c" + module + "\n" + name + "\n";
}
inline std::string call(const std::string &function,
                        const std::vector<std::string> &arguments) {
  return function + tuple(arguments) + "R";
}
inline std::string pickle(const std::string &value) {
  return "\x80\x02" + value + ".";
}

} // namespace py

// One storage and what the pickle says of it.
struct WrittenStorage {
  std::string key;
  std::string type; // "FloatStorage"
  int64_t elements;
  std::string bytes;
};

inline std::string storageId(const WrittenStorage &storage, bool legacy,
                             const std::string &view = "N") {
  std::vector<std::string> id = {
      py::text("storage"), py::global("torch", storage.type),
      py::text(storage.key), py::text("cuda:0"), py::wide(storage.elements)};
  if (legacy)
    id.push_back(view);
  return py::tuple(id) + "Q";
}

inline std::string numbers(const std::vector<int64_t> &values) {
  std::vector<std::string> items;
  for (int64_t value : values)
    items.push_back(py::wide(value));
  return py::tuple(items);
}

// A tensor, given its storage's id.
inline std::string tensor(const std::string &storage, int64_t offset,
                          const std::vector<int64_t> &shape,
                          const std::vector<int64_t> &strides) {
  return py::call(py::global("torch._utils", "_rebuild_tensor_v2"),
                  {storage, py::wide(offset), numbers(shape), numbers(strides),
                   "\x89",
                   py::call(py::global("collections", "OrderedDict"), {})});
}

// Entries one after the other, and the directory; `method` 8 claims deflate.
class ZipWriter {
public:
  void add(const std::string &name, const std::string &bytes,
           uint16_t method = 0) {
    entries.push_back({name, file.size(), bytes.size(), method});
    file += "PK\3\4" + std::string(4, '\0') + raw(method) +
            std::string(16, '\0') + raw(static_cast<uint16_t>(name.size())) +
            raw(uint16_t(0)) + name + bytes;
  }

  // With zip64 records and fields, as archives past 4 GiB have them.
  std::string finish(bool zip64 = false) {
    std::string directory;
    for (const Entry &entry : entries)
      directory += describe(entry, zip64);
    uint64_t at = file.size(), size = directory.size();
    file += directory;
    if (zip64) {
      uint64_t recordAt = file.size();
      file += "PK\6\6" + raw(uint64_t(44)) + std::string(12, '\0') +
              raw(uint64_t(entries.size())) + raw(uint64_t(entries.size())) +
              raw(size) + raw(at);
      file += "PK\6\7" + raw(uint32_t(0)) + raw(recordAt) + raw(uint32_t(1));
    }
    auto narrow = [&](uint64_t value) {
      return raw(zip64 ? ~uint32_t(0) : static_cast<uint32_t>(value));
    };
    auto count =
        zip64 ? uint16_t(0xffff) : static_cast<uint16_t>(entries.size());
    file += "PK\5\6" + raw(uint32_t(0)) + raw(count) + raw(count) +
            narrow(size) + narrow(at) + raw(uint16_t(0));
    return file;
  }

  struct Entry {
    std::string name;
    uint64_t offset, size;
    uint16_t method;
  };
  std::vector<Entry> entries;

private:
  static std::string describe(const Entry &entry, bool zip64) {
    auto narrow = [&](uint64_t value) {
      return raw(zip64 ? ~uint32_t(0) : static_cast<uint32_t>(value));
    };
    std::string extra;
    if (zip64)
      extra = raw(uint16_t(1)) + raw(uint16_t(24)) + raw(entry.size) +
              raw(entry.size) + raw(entry.offset);
    return "PK\1\2" + std::string(6, '\0') + raw(entry.method) +
           std::string(8, '\0') + narrow(entry.size) + narrow(entry.size) +
           raw(static_cast<uint16_t>(entry.name.size())) +
           raw(static_cast<uint16_t>(extra.size())) + std::string(10, '\0') +
           narrow(entry.offset) + entry.name + extra;
  }

  std::string file;
};

inline std::string zipFile(const std::string &value,
                           const std::vector<WrittenStorage> &storages,
                           bool zip64 = false) {
  ZipWriter zip;
  zip.add("any/data.pkl", py::pickle(value));
  zip.add("any/byteorder", "little");
  for (const WrittenStorage &storage : storages)
    zip.add("any/data/" + storage.key, storage.bytes);
  zip.add("any/version", "3\n");
  return zip.finish(zip64);
}

inline std::string legacyFile(const std::string &value,
                              const std::vector<WrittenStorage> &storages) {
  std::string file("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.",
                   15);
  file += py::pickle(py::integer(1001));
  file += py::pickle(py::dict({{"little_endian", "\x88"}}));
  file += py::pickle(value);
  std::vector<std::string> keys;
  for (const WrittenStorage &storage : storages)
    keys.push_back(py::text(storage.key));
  file += py::pickle(py::list(keys));
  for (const WrittenStorage &storage : storages)
    file += raw(storage.elements) + storage.bytes;
  return file;
}

} // namespace tl::weights
