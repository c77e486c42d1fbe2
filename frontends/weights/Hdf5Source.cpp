// See Hdf5Source.h. Everything that comes over the socket is checked here as if
// the file itself had sent it.
#include "frontends/weights/Hdf5Source.h"
#include "frontends/weights/Hdf5Protocol.h"
#include "frontends/weights/KerasNames.h"
#include "frontends/weights/Message.h"
#include "frontends/weights/Widen.h"

#include <cstring>

namespace tl::weights {

namespace {

// Takes the table apart; `ok` turns false at the first thing out of bounds.
class Unpacker {
public:
  explicit Unpacker(std::span<const std::byte> bytes) : bytes(bytes) {}

  template <typename T> T number() {
    T value{};
    if (bytes.size() < sizeof(T)) {
      ok = false;
      return value;
    }
    std::memcpy(&value, bytes.data(), sizeof(T));
    bytes = bytes.subspan(sizeof(T));
    return value;
  }

  std::string text() {
    auto size = number<uint32_t>();
    if (size > bytes.size()) {
      ok = false;
      return {};
    }
    std::string value(reinterpret_cast<const char *>(bytes.data()), size);
    bytes = bytes.subspan(size);
    return value;
  }

  bool ok = true;

private:
  std::span<const std::byte> bytes;
};

class Hdf5Source : public WeightSource {
public:
  Hdf5Source(std::string path, std::unique_ptr<ChildProcess> child)
      : filePath(std::move(path)), child(std::move(child)) {}

  Status load();

  Convention convention() const override { return Convention::Keras; }
  const std::string &path() const override { return filePath; }
  const std::vector<SourceTensor> &tensors() const override { return table; }
  Status read(size_t index, std::span<float> out) override;

private:
  Error error(const std::string &message) const {
    return Error{inQuotes(filePath) + ": " + message};
  }
  // The header of the next message, which must be of `kind`.
  Result<uint32_t> expect(MessageKind kind, uint32_t maxBytes);
  Status unpack(std::span<const std::byte> bytes);

  std::string filePath;
  std::unique_ptr<ChildProcess> child;
  std::vector<SourceTensor> table;
};

Result<uint32_t> Hdf5Source::expect(MessageKind kind, uint32_t maxBytes) {
  MessageHeader header;
  if (Status status =
          child->receive(std::as_writable_bytes(std::span(&header, 1)));
      !status)
    return error(status.message());
  if (header.kind == MessageKind::Error && header.bytes <= maxErrorBytes) {
    std::string text(header.bytes, '\0');
    if (Status status = child->receive(std::as_writable_bytes(std::span(text)));
        !status)
      return error(status.message());
    return error(text);
  }
  if (header.kind != kind || header.bytes > maxBytes)
    return error("the reading process sent nonsense; the file is damaged");
  return header.bytes;
}

Status Hdf5Source::load() {
  Result<uint32_t> size = expect(MessageKind::Table, maxTableBytes);
  if (!size)
    return size.error();
  std::vector<std::byte> bytes(*size);
  if (Status status = child->receive(bytes); !status)
    return error(status.message());
  return unpack(bytes);
}

Status Hdf5Source::unpack(std::span<const std::byte> bytes) {
  Unpacker in(bytes);
  auto layout = in.number<KerasFileLayout>();
  auto count = in.number<uint32_t>();
  bool sound = count <= maxTensors;
  for (uint32_t i = 0; i < count && sound && in.ok; ++i) {
    SourceTensor tensor;
    tensor.name = in.text();
    auto type = in.number<ElementType>();
    auto rank = in.number<uint8_t>();
    for (unsigned axis = 0; axis < rank && in.ok; ++axis)
      tensor.shape.push_back(in.number<int64_t>());
    std::string group = in.text();
    std::string name = in.text();
    sound = type <= ElementType::U64 && checkedElements(tensor.shape) >= 1;
    if (!sound || !in.ok)
      break;
    tensor.dtype = nameOf(type);
    if (layout == KerasFileLayout::Legacy)
      nameLegacyTensor(group, name, tensor);
    else
      nameKeras3Tensor(group, name, tensor);
    table.push_back(std::move(tensor));
  }
  if (!sound || !in.ok)
    return error("the reading process sent nonsense; the file is damaged");
  return Done{};
}

Status Hdf5Source::read(size_t index, std::span<float> out) {
  if (index >= table.size() ||
      out.size() != static_cast<size_t>(table[index].numElements()))
    return error("a read of " + std::to_string(out.size()) +
                 " values does not fit tensor number " + std::to_string(index));
  auto request = static_cast<uint32_t>(index);
  if (Status status = child->send(std::as_bytes(std::span(&request, 1)));
      !status)
    return error(status.message());
  std::span<std::byte> rest = std::as_writable_bytes(out);
  while (!rest.empty()) {
    Result<uint32_t> size = expect(MessageKind::Data, maxDataBytes);
    if (!size)
      return size.error();
    if (*size == 0 || *size > rest.size())
      return error("the reading process sent nonsense; the file is damaged");
    if (Status status = child->receive(rest.first(*size)); !status)
      return error(status.message());
    rest = rest.subspan(*size);
  }
  return Done{};
}

} // namespace

bool looksLikeHdf5(const File &file) {
  constexpr unsigned char signature[8] = {0x89, 'H',  'D',  'F',
                                          '\r', '\n', 0x1a, '\n'};
  // A user block of 512 bytes times a power of two may stand in front.
  for (uint64_t offset = 0; offset + sizeof(signature) <= file.size();
       offset = offset ? 2 * offset : 512) {
    std::byte bytes[sizeof(signature)];
    if (!file.read(offset, bytes))
      return false;
    if (std::memcmp(bytes, signature, sizeof(signature)) == 0)
      return true;
  }
  return false;
}

ChildLimits defaultLimits(uint64_t fileBytes) {
  ChildLimits limits;
  limits.memoryBytes = (uint64_t(256) << 20) + 2 * fileBytes;
  // Unpacking runs at 100 MB/s and more; a second for each 16 MiB is ample.
  limits.cpuSeconds = 60 + static_cast<unsigned>(fileBytes >> 24);
  limits.stallSeconds = 60;
  return limits;
}

Result<std::unique_ptr<WeightSource>> openHdf5(File file,
                                               const ChildLimits &limits) {
  Result<std::unique_ptr<ChildProcess>> child =
      ChildProcess::start(file.descriptor(), limits, serveHdf5);
  if (!child)
    return Error{inQuotes(file.path()) + ": " + child.message()};
  auto source = std::make_unique<Hdf5Source>(file.path(), std::move(*child));
  if (Status status = source->load(); !status)
    return status.error();
  return std::unique_ptr<WeightSource>(std::move(source));
}

} // namespace tl::weights
