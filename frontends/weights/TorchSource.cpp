// See TorchSource.h. Values are read from the file where they are asked for;
// nothing of the size of the weights is kept.
#include "frontends/weights/TorchSource.h"
#include "frontends/weights/Message.h"
#include "frontends/weights/ReadValues.h"
#include "frontends/weights/TorchStateDict.h"
#include "frontends/weights/ZipArchive.h"

#include <algorithm>
#include <cstring>
#include <unordered_map>

namespace tl::weights {

namespace {

// The pickle of torch's magic word, with which the older form starts.
constexpr unsigned char magic[] = {0x80, 0x02, 0x8a, 0x0a, 0x6c,
                                   0xfc, 0x9c, 0x46, 0xf9, 0x20,
                                   0x6a, 0xa8, 0x50, 0x19, 0x2e};

class TorchSource : public WeightSource {
public:
  explicit TorchSource(File file) : file(std::move(file)) {}

  Status loadZip();
  Status loadLegacy();

  Convention convention() const override { return Convention::Torch; }
  const std::string &path() const override { return file.path(); }
  const std::vector<SourceTensor> &tensors() const override { return table; }
  Status read(size_t index, std::span<float> out) override;
  Status readPieces(size_t index, const Take &take) override;

private:
  struct Place {
    ElementType type;
    uint64_t offset;
    std::vector<int64_t> strides; // empty: one element after the other
  };
  // Where each storage's bytes start, by its key.
  using Storages = std::unordered_map<std::string, uint64_t>;

  Error error(const std::string &message) const {
    return Error{inQuotes(file.path()) + ": " + message};
  }
  Status checkByteOrder(const ZipDirectory &zip, const std::string &folder);
  Status checkSystem(const PickledData &system) const;
  Result<Storages> findStorages(const PickledData &data,
                                const PickledData &keys) const;
  Status addTensor(const TorchTensor &tensor, uint64_t storageOffset);
  Status readStrided(const Place &place, const std::vector<int64_t> &shape,
                     std::span<float> out) const;

  File file;
  std::vector<SourceTensor> table;
  std::vector<Place> places;
};

Error noPickle(const ZipDirectory &zip) {
  if (zip.contains("model.weights.h5"))
    return Error{"is a Keras archive; expected PyTorch's, or the "
                 "'model.weights.h5' that is in it (unzip takes it out)"};
  return Error{"is a zip archive without 'data.pkl'; expected one that "
               "torch.save wrote"};
}

Status TorchSource::loadZip() {
  Result<ZipDirectory> zip = readZipDirectory(file);
  if (!zip)
    return error(zip.message());
  constexpr std::string_view pickleName = "data.pkl";
  std::string folder;
  const ZipEntry *pickle = nullptr;
  for (const auto &[name, entry] : *zip) {
    size_t slash = name.find('/');
    if (slash == std::string::npos || name.substr(slash + 1) != pickleName)
      continue;
    if (pickle)
      return error("it has more than one 'data.pkl'");
    folder = name.substr(0, slash + 1);
    pickle = &entry;
  }
  if (!pickle)
    return error(noPickle(*zip).message);
  if (Status status = checkByteOrder(*zip, folder); !status)
    return status;
  Result<PickledData> data = readPickle(
      file, pickle->offset, pickle->offset + pickle->bytes, pickleName);
  if (!data)
    return error(data.message());
  Result<std::vector<TorchTensor>> tensors = findStateDict(*data);
  if (!tensors)
    return error(tensors.message());
  for (const TorchTensor &tensor : *tensors) {
    auto entry = zip->find(folder + "data/" + tensor.storage.key);
    if (entry == zip->end())
      return error("tensor " + inQuotes(tensor.name) + " lies in 'data/" +
                   tensor.storage.key + "', which is not in it");
    size_t size = tensor.storage.type ? sizeOf(*tensor.storage.type) : 1;
    auto elements = static_cast<uint64_t>(tensor.storage.elements);
    if (tensor.storage.type && (entry->second.bytes % size != 0 ||
                                entry->second.bytes / size != elements))
      return error(inQuotes(entry->first) + " has " +
                   std::to_string(entry->second.bytes) + " bytes; expected " +
                   std::to_string(elements) + " elements of " +
                   std::to_string(size));
    if (Status status = addTensor(tensor, entry->second.offset); !status)
      return status;
  }
  return Done{};
}

// Files before torch 2.0 do not say; they are little-endian where it matters.
Status TorchSource::checkByteOrder(const ZipDirectory &zip,
                                   const std::string &folder) {
  auto entry = zip.find(folder + "byteorder");
  if (entry == zip.end())
    return Done{};
  std::string order(std::min<uint64_t>(entry->second.bytes, 20), '\0');
  if (Status status = file.read(entry->second.offset,
                                std::as_writable_bytes(std::span(order)));
      !status)
    return status;
  if (order != "little")
    return error("its byte order is " + inQuotes(order) +
                 "; expected 'little'");
  return Done{};
}

Status TorchSource::checkSystem(const PickledData &system) const {
  const PickleValue &root = system[system.root];
  for (size_t i = 0; i + 1 < root.items.size(); i += 2)
    if (system[root.items[i]].text == "little_endian" &&
        system[root.items[i + 1]].integer != 1)
      return error("it is big-endian; expected little-endian");
  return Done{};
}

Status TorchSource::loadLegacy() {
  // Version, system, state dict, keys.
  constexpr std::string_view names[] = {"the version", "the system",
                                        "the state dict", "the storages' keys"};
  PickledData pickles[std::size(names)];
  uint64_t at = sizeof(magic);
  for (size_t i = 0; i < std::size(names); ++i) {
    Result<PickledData> data = readPickle(file, at, file.size(), names[i]);
    if (!data)
      return error(data.message());
    pickles[i] = std::move(*data);
    at = pickles[i].end;
  }
  if (Status status = checkSystem(pickles[1]); !status)
    return status;
  Result<std::vector<TorchTensor>> tensors = findStateDict(pickles[2]);
  if (!tensors)
    return error(tensors.message());
  Result<Storages> storages = findStorages(pickles[2], pickles[3]);
  if (!storages)
    return storages.error();
  for (const TorchTensor &tensor : *tensors) {
    auto found = storages->find(tensor.storage.key);
    if (found == storages->end())
      return error("tensor " + inQuotes(tensor.name) + " lies in storage " +
                   inQuotes(tensor.storage.key) + ", which is not in it");
    if (Status status = addTensor(tensor, found->second); !status)
      return status;
  }
  return Done{};
}

Result<TorchSource::Storages>
TorchSource::findStorages(const PickledData &data,
                          const PickledData &keys) const {
  Result<std::vector<TorchStorage>> all = allStorages(data);
  if (!all)
    return error(all.message());
  std::unordered_map<std::string_view, const TorchStorage *> byKey;
  for (const TorchStorage &storage : *all)
    byKey[storage.key] = &storage;
  Storages storages;
  uint64_t at = keys.end;
  for (uint32_t item : keys[keys.root].items) {
    auto found = byKey.find(keys[item].text);
    if (found == byKey.end() || storages.contains(found->second->key))
      return error("the list of storages has " + inQuotes(keys[item].text) +
                   ", which no tensor names, or twice");
    const TorchStorage &storage = *found->second;
    if (!storage.type)
      return error("storage " + inQuotes(storage.key) + " is a " +
                   inQuotes(storage.typeName) + ", of unknown size");
    int64_t count = 0;
    if (Status status =
            file.read(at, std::as_writable_bytes(std::span(&count, 1)));
        !status)
      return status.error();
    at += sizeof(count);
    uint64_t size = sizeOf(*storage.type);
    if (count != storage.elements ||
        static_cast<uint64_t>(count) > (file.size() - at) / size)
      return error("storage " + inQuotes(storage.key) + " at byte " +
                   std::to_string(at) + " has " + std::to_string(count) +
                   " elements; expected " + std::to_string(storage.elements) +
                   ", and no more than the file has");
    storages[storage.key] = at;
    at += static_cast<uint64_t>(count) * size;
  }
  return storages;
}

// `tensor` lies within its storage (TorchStateDict), and that in the file.
Status TorchSource::addTensor(const TorchTensor &tensor,
                              uint64_t storageOffset) {
  const TorchStorage &storage = tensor.storage;
  if (!storage.type)
    return error("tensor " + inQuotes(tensor.name) + " is a view of a " +
                 inQuotes(storage.typeName) +
                 "; expected 16, 32 or 64 bit floats, or integers");
  auto first = static_cast<uint64_t>(storage.viewBegin + tensor.offset);
  Place place{*storage.type, storageOffset + first * sizeOf(*storage.type), {}};
  int64_t dense = 1;
  for (size_t axis = tensor.shape.size(); axis-- > 0;) {
    if (tensor.shape[axis] != 1 && tensor.strides[axis] != dense)
      place.strides = tensor.strides;
    dense *= tensor.shape[axis];
  }
  SourceTensor entry;
  entry.name = tensor.name;
  entry.shape = tensor.shape;
  entry.dtype = nameOf(*storage.type);
  table.push_back(std::move(entry));
  places.push_back(std::move(place));
  return Done{};
}

Status TorchSource::read(size_t index, std::span<float> out) {
  if (index >= table.size() ||
      out.size() != static_cast<size_t>(table[index].numElements()))
    return error("a read of " + std::to_string(out.size()) +
                 " values does not fit tensor number " + std::to_string(index));
  const Place &place = places[index];
  if (!place.strides.empty())
    return readStrided(place, table[index].shape, out);
  return readValues(file, place.type, place.offset, out);
}

Status TorchSource::readPieces(size_t index, const Take &take) {
  const Place &place = places[index];
  if (!place.strides.empty())
    return WeightSource::readPieces(index, take);
  return takeValues(file, place.type, place.offset,
                    static_cast<uint64_t>(table[index].numElements()), take);
}

// All from the view's first element to its last at once, and then the view's
// elements in order: a view is rarely much smaller than what it spans.
Status TorchSource::readStrided(const Place &place,
                                const std::vector<int64_t> &shape,
                                std::span<float> out) const {
  int64_t last = 0;
  for (size_t axis = 0; axis < shape.size(); ++axis)
    last += (shape[axis] - 1) * place.strides[axis];
  std::vector<float> span(static_cast<size_t>(last) + 1);
  if (Status status = readValues(file, place.type, place.offset, span); !status)
    return status;
  std::vector<int64_t> at(shape.size(), 0);
  int64_t from = 0;
  for (float &value : out) {
    value = span[static_cast<size_t>(from)];
    for (size_t axis = shape.size(); axis-- > 0;) {
      from += place.strides[axis];
      if (++at[axis] < shape[axis])
        break;
      from -= place.strides[axis] * shape[axis];
      at[axis] = 0;
    }
  }
  return Done{};
}

Result<std::unique_ptr<WeightSource>> open(File file,
                                           Status (TorchSource::*load)()) {
  auto source = std::make_unique<TorchSource>(std::move(file));
  if (Status status = (source.get()->*load)(); !status)
    return status.error();
  return std::unique_ptr<WeightSource>(std::move(source));
}

} // namespace

bool looksLikeZip(std::span<const std::byte> start) {
  return start.size() >= 4 && std::memcmp(start.data(), "PK\3\4", 4) == 0;
}

bool looksLikeLegacyTorch(std::span<const std::byte> start) {
  return start.size() >= sizeof(magic) &&
         std::memcmp(start.data(), magic, sizeof(magic)) == 0;
}

Result<std::unique_ptr<WeightSource>> openTorchZip(File file) {
  return open(std::move(file), &TorchSource::loadZip);
}

Result<std::unique_ptr<WeightSource>> openLegacyTorch(File file) {
  return open(std::move(file), &TorchSource::loadLegacy);
}

} // namespace tl::weights
