// See the header; the fields of TensorProto are described in onnx.proto.
#include "frontends/onnx/Constant.h"

#include "frontends/weights/Message.h"

namespace tl::onnx {

using weights::ElementType;

int64_t countElements(const Extents &shape) {
  int64_t count = 1;
  bool empty = false;
  for (int64_t extent : shape) {
    if (extent < 0 || (extent > 0 && count > kMostElements / extent))
      return -1;
    empty = empty || extent == 0;
    count *= extent == 0 ? 1 : extent;
  }
  return empty ? 0 : count;
}

static std::optional<ElementType> elementType(int32_t type) {
  switch (type) {
  case pb::TensorProto::FLOAT:
    return ElementType::F32;
  case pb::TensorProto::DOUBLE:
    return ElementType::F64;
  case pb::TensorProto::FLOAT16:
    return ElementType::F16;
  case pb::TensorProto::BFLOAT16:
    return ElementType::BF16;
  case pb::TensorProto::INT8:
    return ElementType::I8;
  case pb::TensorProto::BOOL:
  case pb::TensorProto::UINT8:
    return ElementType::U8;
  case pb::TensorProto::INT16:
    return ElementType::I16;
  case pb::TensorProto::UINT16:
    return ElementType::U16;
  case pb::TensorProto::INT32:
    return ElementType::I32;
  case pb::TensorProto::UINT32:
    return ElementType::U32;
  case pb::TensorProto::INT64:
    return ElementType::I64;
  case pb::TensorProto::UINT64:
    return ElementType::U64;
  default:
    return std::nullopt;
  }
}

static bool isReal(ElementType type) {
  return type == ElementType::F16 || type == ElementType::BF16 ||
         type == ElementType::F32 || type == ElementType::F64;
}

static int64_t wholeAt(ElementType type, const std::byte *at) {
  auto load = [&](auto value) {
    std::memcpy(&value, at, sizeof value);
    return int64_t(value);
  };
  switch (type) {
  case ElementType::I8:
    return load(int8_t());
  case ElementType::U8:
    return load(uint8_t());
  case ElementType::I16:
    return load(int16_t());
  case ElementType::U16:
    return load(uint16_t());
  case ElementType::I32:
    return load(int32_t());
  case ElementType::U32:
    return load(uint32_t());
  case ElementType::I64:
    return load(int64_t());
  default:
    return load(uint64_t());
  }
}

/// What stands in a typed field, as bytes; narrow types stand widened in
/// int32_data and are narrowed into `room`.
static std::span<const std::byte> typedValues(const pb::TensorProto &tensor,
                                              ElementType type,
                                              std::vector<std::byte> &room) {
  auto field = [](const auto &values) {
    return std::as_bytes(std::span(values.data(), size_t(values.size())));
  };
  switch (type) {
  case ElementType::F32:
    return field(tensor.float_data());
  case ElementType::F64:
    return field(tensor.double_data());
  case ElementType::I64:
    return field(tensor.int64_data());
  case ElementType::U64:
    return field(tensor.uint64_data());
  case ElementType::I32:
    return field(tensor.int32_data());
  case ElementType::U32:
    for (uint64_t value : tensor.uint64_data()) {
      uint32_t narrow = uint32_t(value);
      auto bytes = std::as_bytes(std::span(&narrow, 1));
      room.insert(room.end(), bytes.begin(), bytes.end());
    }
    return room;
  default:
    for (int32_t value : tensor.int32_data()) {
      auto bytes = std::as_bytes(std::span(&value, 1));
      room.insert(room.end(), bytes.begin(), bytes.begin() + sizeOf(type));
    }
    return room;
  }
}

Result<Constant> Constant::read(const pb::TensorProto &tensor,
                                std::shared_ptr<const Model> model,
                                ExternalFiles &external) {
  std::string name = "the tensor " + weights::inQuotes(tensor.name());
  auto type = elementType(tensor.data_type());
  if (!type)
    return Error{name + " has values of type " +
                 std::to_string(tensor.data_type()) +
                 " (TensorProto.DataType), which is not supported"};
  Constant result;
  result.type = *type;
  result.integer = !isReal(*type);
  result.extents.assign(tensor.dims().begin(), tensor.dims().end());
  int64_t count = countElements(result.extents);
  if (count < 0 || result.extents.size() > kHighestRank)
    return Error{
        name + " has the shape " + weights::shapeText(result.extents) +
        ": expected at most 16 extents of at least 0 and 2^56 elements"};
  uint64_t bytes = uint64_t(count) * sizeOf(*type);
  result.owner = model;
  if (tensor.data_location() == pb::TensorProto::EXTERNAL) {
    auto found = external.find(tensor, bytes);
    if (!found)
      return Error{name + ": " + found.message()};
    result.bytes = *found;
  } else if (tensor.has_raw_data()) {
    result.bytes = std::as_bytes(
        std::span(tensor.raw_data().data(), tensor.raw_data().size()));
  } else {
    auto room = std::make_shared<std::vector<std::byte>>();
    result.bytes = typedValues(tensor, *type, *room);
    if (!room->empty())
      result.owner = room;
  }
  if (result.bytes.size() != bytes)
    return Error{name + " must have " + std::to_string(bytes) +
                 " bytes of values, found " +
                 std::to_string(result.bytes.size())};
  return result;
}

Constant Constant::integers(Extents shape, std::vector<int64_t> values) {
  Constant result;
  result.extents = std::move(shape);
  result.integer = true;
  result.wholes = std::make_shared<std::vector<int64_t>>(std::move(values));
  return result;
}

Constant Constant::reals(Extents shape, std::vector<double> values) {
  Constant result;
  result.extents = std::move(shape);
  result.doubles = std::make_shared<std::vector<double>>(std::move(values));
  return result;
}

Constant Constant::reshaped(Extents shape) const {
  Constant result = *this;
  result.extents = std::move(shape);
  return result;
}

std::vector<int64_t> Constant::integers() const {
  if (wholes)
    return *wholes;
  std::vector<int64_t> values(count());
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = wholeAt(type, bytes.data() + i * sizeOf(type));
  return values;
}

std::vector<double> Constant::reals() const {
  if (doubles)
    return *doubles;
  if (integer) {
    std::vector<int64_t> values = integers();
    return {values.begin(), values.end()};
  }
  if (type == ElementType::F64) {
    std::vector<double> values(count());
    if (!values.empty())
      std::memcpy(values.data(), bytes.data(), bytes.size());
    return values;
  }
  std::vector<float> values = floats();
  return {values.begin(), values.end()};
}

std::vector<float> Constant::floats() const {
  if (doubles)
    return {doubles->begin(), doubles->end()};
  if (wholes)
    return {wholes->begin(), wholes->end()};
  std::vector<float> values(count());
  weights::widen(type, bytes.data(), values.size(), values.data());
  return values;
}

std::optional<double> Constant::scalar() const {
  if (count() != 1)
    return std::nullopt;
  return reals()[0];
}

} // namespace tl::onnx
