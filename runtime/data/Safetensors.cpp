// See Safetensors.h. The format: huggingface.co/docs/safetensors. The JSON is
// parsed without exceptions; a doubled name is refused, as the format wants.
#include "runtime/data/Safetensors.h"

#include "runtime/data/File.h"

#include <cstring>
#include <nlohmann/json.hpp>
#include <set>

namespace tl::data {
namespace {

using Json = nlohmann::ordered_json;

constexpr uint64_t kMaxHeaderBytes = 16 << 20;
constexpr uint64_t kMaxFileBytes = uint64_t(1) << 36;
constexpr size_t kMaxRank = 16;
constexpr int kMostDepth = 4;

// Null where it is no JSON, too deep, or says a name twice.
Json parseHeader(std::string_view text) {
  bool good = true;
  std::vector<std::set<std::string>> names;
  auto check = [&](int depth, Json::parse_event_t event, Json &value) {
    if (event == Json::parse_event_t::object_start)
      names.emplace_back();
    else if (event == Json::parse_event_t::key)
      good &= names.back().insert(value.get<std::string>()).second;
    else if (event == Json::parse_event_t::object_end)
      names.pop_back();
    good &= depth <= kMostDepth;
    return good;
  };
  Json header = Json::parse(text, check, /*allow_exceptions=*/false);
  return good && header.is_object() ? header : Json();
}

// A whole number of at least 0, also where JSON writes it as signed.
bool readCount(const Json &value, uint64_t &count) {
  if (!value.is_number_unsigned())
    return false;
  count = value.get<uint64_t>();
  return count <= uint64_t(INT64_MAX);
}

Result<NamedTensor> readTensor(const std::string &name, const Json &entry,
                               std::span<const uint8_t> data) {
  auto wrong = [&](const std::string &what) {
    return Error{"tensor '" + name + "': " + what};
  };
  if (!entry.is_object() || !entry.contains("dtype") ||
      !entry.contains("shape") || !entry.contains("data_offsets"))
    return wrong("expected dtype, shape and data_offsets");
  const Json &type = entry["dtype"], &shape = entry["shape"];
  if (!type.is_string() || type.get_ref<const std::string &>() != "F32")
    return wrong("expected the type F32, found " +
                 type.dump(-1, ' ', false, Json::error_handler_t::replace));
  if (!shape.is_array() || shape.size() > kMaxRank)
    return wrong("expected a shape, a list of up to 16 numbers");
  NamedTensor tensor;
  tensor.name = name;
  uint64_t count = 1;
  for (const Json &extent : shape) {
    uint64_t value;
    if (!readCount(extent, value) ||
        (value && count > data.size() / value)) // more than there are bytes
      return wrong("its shape does not fit the file");
    tensor.shape.push_back(int64_t(value));
    count *= value;
  }
  const Json &offsets = entry["data_offsets"];
  uint64_t begin, end;
  if (!offsets.is_array() || offsets.size() != 2 ||
      !readCount(offsets[0], begin) || !readCount(offsets[1], end) ||
      begin > end || end > data.size())
    return wrong("its data lies outside the file");
  if ((end - begin) / sizeof(float) != count || (end - begin) % sizeof(float))
    return wrong("its shape wants " + std::to_string(count) +
                 " values, its data has " + std::to_string(end - begin) +
                 " bytes");
  tensor.values.resize(count);
  if (count)
    memcpy(tensor.values.data(), data.data() + begin, end - begin);
  return tensor;
}

} // namespace

Result<std::vector<NamedTensor>>
parseSafetensors(std::span<const uint8_t> bytes) {
  uint64_t length = 0;
  if (bytes.size() < sizeof length)
    return Error{"not a safetensors file: shorter than 8 bytes"};
  memcpy(&length, bytes.data(), sizeof length);
  bytes = bytes.subspan(sizeof length);
  if (length > bytes.size() || length > kMaxHeaderBytes)
    return Error{"not a safetensors file: its header does not fit"};
  std::string_view text(reinterpret_cast<const char *>(bytes.data()), length);
  Json header = parseHeader(text);
  if (header.is_null())
    return Error{"not a safetensors file: its header is no JSON object of "
                 "tensors with different names"};
  std::vector<NamedTensor> tensors;
  uint64_t left = (bytes.size() - length) / sizeof(float);
  for (const auto &[name, entry] : header.items()) {
    if (name == "__metadata__")
      continue;
    Result<NamedTensor> tensor = readTensor(name, entry, bytes.subspan(length));
    if (!tensor)
      return tensor.error();
    // Overlaps would make a small file ask for any amount of memory.
    if (tensor->values.size() > left)
      return Error{"tensor '" + name + "': its data is another tensor's too"};
    left -= tensor->values.size();
    tensors.push_back(std::move(*tensor));
  }
  return tensors;
}

Result<std::vector<NamedTensor>> readSafetensors(const std::string &path) {
  Result<std::vector<uint8_t>> bytes = readFile(path, kMaxFileBytes);
  if (!bytes)
    return bytes.error();
  Result<std::vector<NamedTensor>> tensors = parseSafetensors(*bytes);
  if (!tensors)
    return Error{path + ": " + tensors.message()};
  return tensors;
}

} // namespace tl::data
