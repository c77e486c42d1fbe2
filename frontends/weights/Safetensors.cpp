// See Safetensors.h.
#include "frontends/weights/Safetensors.h"
#include "frontends/weights/Message.h"
#include "frontends/weights/ReadValues.h"
#include "frontends/weights/SafetensorsHeader.h"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <optional>

namespace tl::weights {

namespace {

// Real headers stay below 1 MiB even for thousands of tensors.
constexpr uint64_t maxHeaderBytes = 16u << 20;

std::optional<ElementType> parseType(std::string_view dtype) {
  constexpr std::pair<std::string_view, ElementType> types[] = {
      {"F16", ElementType::F16}, {"BF16", ElementType::BF16},
      {"F32", ElementType::F32}, {"F64", ElementType::F64},
      {"I8", ElementType::I8},   {"U8", ElementType::U8},
      {"I16", ElementType::I16}, {"U16", ElementType::U16},
      {"I32", ElementType::I32}, {"U32", ElementType::U32},
      {"I64", ElementType::I64}, {"U64", ElementType::U64}};
  for (auto [name, type] : types)
    if (name == dtype)
      return type;
  return std::nullopt;
}

class SafetensorsSource : public WeightSource {
public:
  explicit SafetensorsSource(File file) : file(std::move(file)) {}

  Status load();

  Convention convention() const override {
    return own     ? Convention::Own
           : keras ? Convention::Keras
                   : Convention::Torch;
  }
  const std::string &path() const override { return file.path(); }
  const std::vector<SourceTensor> &tensors() const override { return table; }
  Status read(size_t index, std::span<float> out) override;
  Status readPieces(size_t index, const Take &take) override;

private:
  struct Place {
    ElementType type;
    uint64_t offset;
  };

  Error error(const std::string &message) const {
    return Error{inQuotes(file.path()) + ": " + message};
  }
  Status addTensor(const HeaderEntry &entry, uint64_t dataStart);
  Status checkCover(const std::vector<HeaderEntry> &entries,
                    uint64_t dataBytes) const;

  File file;
  bool own = false;   // written by tlrun --export under its own names
  bool keras = false; // or under Keras's: "conv1/kernel"
  std::vector<SourceTensor> table;
  std::vector<Place> places;
};

Status SafetensorsSource::load() {
  uint64_t headerBytes = 0;
  if (Status status =
          file.read(0, std::as_writable_bytes(std::span(&headerBytes, 1)));
      !status)
    return status;
  if (headerBytes > maxHeaderBytes || headerBytes > file.size() - 8)
    return error("the header claims " + std::to_string(headerBytes) +
                 " bytes; expected at most " +
                 std::to_string(std::min(maxHeaderBytes, file.size() - 8)));
  std::string json(headerBytes, '\0');
  if (Status status = file.read(8, std::as_writable_bytes(std::span(json)));
      !status)
    return status;
  Result<SafetensorsHeader> header = parseSafetensorsHeader(json);
  if (!header)
    return error("bad safetensors header: " + header.message());
  own = header->format == "tl";
  keras = header->writtenBy == "tlrun" && !own &&
          std::ranges::any_of(header->entries, [](const HeaderEntry &entry) {
            return entry.name.find('/') != std::string::npos;
          });
  for (const HeaderEntry &entry : header->entries) {
    if (Status status = addTensor(entry, 8 + headerBytes); !status)
      return status;
    table.back().ofHead = header->head.contains(entry.name);
  }
  return checkCover(header->entries, file.size() - 8 - headerBytes);
}

Status SafetensorsSource::addTensor(const HeaderEntry &entry,
                                    uint64_t dataStart) {
  std::optional<ElementType> type = parseType(entry.dtype);
  if (!type)
    return error("tensor " + inQuotes(entry.name) + " has type " +
                 inQuotes(entry.dtype) +
                 "; expected F16, BF16, F32, F64 or an integer type");
  int64_t elements = checkedElements(entry.shape);
  if (elements < 0)
    return error("tensor " + inQuotes(entry.name) + " has the shape " +
                 shapeText(entry.shape) +
                 "; expected extents of at least 1 and a sensible product");
  auto [begin, end] = entry.offsets;
  uint64_t expected = static_cast<uint64_t>(elements) * sizeOf(*type);
  if (end < begin || end - begin != expected)
    return error("tensor " + inQuotes(entry.name) + " of shape " +
                 shapeText(entry.shape) + ": expected " +
                 std::to_string(expected) + " bytes, found data offsets " +
                 std::to_string(begin) + " to " + std::to_string(end));
  SourceTensor tensor;
  tensor.name = entry.name;
  tensor.shape = entry.shape;
  tensor.dtype = nameOf(*type);
  if (size_t slash = entry.name.rfind('/');
      keras && slash != std::string::npos) {
    tensor.layer = entry.name.substr(0, slash);
    tensor.role = entry.name.substr(slash + 1);
  }
  table.push_back(std::move(tensor));
  places.push_back({*type, dataStart + begin});
  return Done{};
}

// The tensors must tile the data exactly: the format forbids overlap and holes.
Status SafetensorsSource::checkCover(const std::vector<HeaderEntry> &entries,
                                     uint64_t dataBytes) const {
  std::vector<size_t> order(entries.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return entries[a].offsets < entries[b].offsets;
  });
  uint64_t reached = 0;
  for (size_t i : order) {
    auto [begin, end] = entries[i].offsets;
    if (begin != reached)
      return error("tensor " + inQuotes(entries[i].name) + " starts at byte " +
                   std::to_string(begin) + " of the data; expected " +
                   std::to_string(reached) +
                   (begin < reached ? ", it overlaps another" : ", a hole"));
    reached = end;
  }
  if (reached != dataBytes)
    return error("the tensors take " + std::to_string(reached) +
                 " bytes but the file has " + std::to_string(dataBytes) +
                 (reached > dataBytes ? "; it is cut short" : ""));
  return Done{};
}

Status SafetensorsSource::read(size_t index, std::span<float> out) {
  if (index >= table.size() ||
      out.size() != static_cast<size_t>(table[index].numElements()))
    return error("a read of " + std::to_string(out.size()) +
                 " values does not fit tensor number " + std::to_string(index));
  Place place = places[index];
  return readValues(file, place.type, place.offset, out);
}

Status SafetensorsSource::readPieces(size_t index, const Take &take) {
  Place place = places[index];
  return takeValues(file, place.type, place.offset,
                    static_cast<uint64_t>(table[index].numElements()), take);
}

} // namespace

bool looksLikeSafetensors(std::span<const std::byte> start) {
  if (start.size() < 9 || start[8] != std::byte('{'))
    return false;
  // Every file whose ninth byte opens an object is treated as safetensors if
  // its length has the two high bytes empty; the reader checks the rest.
  uint64_t length;
  std::memcpy(&length, start.data(), 8);
  return length < uint64_t(1) << 48;
}

Result<std::unique_ptr<WeightSource>> openSafetensors(File file) {
  auto source = std::make_unique<SafetensorsSource>(std::move(file));
  if (Status status = source->load(); !status)
    return status.error();
  return std::unique_ptr<WeightSource>(std::move(source));
}

} // namespace tl::weights
