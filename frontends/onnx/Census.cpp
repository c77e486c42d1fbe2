// See the header. The table holds the fields of onnx.proto that nest or repeat
// numbers; every other field is one item, whatever it holds.
#include "frontends/onnx/Census.h"

#include <google/protobuf/io/coded_stream.h>

#include <initializer_list>
#include <string>

namespace tl::onnx {

using google::protobuf::io::CodedInputStream;

// A network of 100 layers has some 10,000 items. At most 250 bytes each.
constexpr int64_t kMostItems = 1 << 21;
// Numbers that are written one by one: 8 bytes each. Weights are raw bytes.
constexpr int64_t kMostNumbers = int64_t(1) << 26;
constexpr int kDeepestNesting = 32;

namespace {

enum class Kind {
  Item,
  Numbers, // packed, each of a length of its own
  Graph,
  Node,
  Attribute,
  Tensor,
  SparseTensor,
  ValueInfo,
  Type,
  TensorType,
  ListType,
  MapType,
  Shape,
  Annotation,
  Training,
  Function,
  Model
};

struct Field {
  Kind of;
  int number;
  Kind kind;
};

constexpr Field kFields[] = {{Kind::Model, 7, Kind::Graph},
                             {Kind::Model, 20, Kind::Training},
                             {Kind::Model, 25, Kind::Function},
                             {Kind::Graph, 1, Kind::Node},
                             {Kind::Graph, 5, Kind::Tensor},
                             {Kind::Graph, 11, Kind::ValueInfo},
                             {Kind::Graph, 12, Kind::ValueInfo},
                             {Kind::Graph, 13, Kind::ValueInfo},
                             {Kind::Graph, 14, Kind::Annotation},
                             {Kind::Graph, 15, Kind::SparseTensor},
                             {Kind::Node, 5, Kind::Attribute},
                             {Kind::Attribute, 5, Kind::Tensor},
                             {Kind::Attribute, 6, Kind::Graph},
                             {Kind::Attribute, 8, Kind::Numbers},
                             {Kind::Attribute, 10, Kind::Tensor},
                             {Kind::Attribute, 11, Kind::Graph},
                             {Kind::Attribute, 14, Kind::Type},
                             {Kind::Attribute, 15, Kind::Type},
                             {Kind::Attribute, 22, Kind::SparseTensor},
                             {Kind::Attribute, 23, Kind::SparseTensor},
                             {Kind::Tensor, 1, Kind::Numbers},
                             {Kind::Tensor, 5, Kind::Numbers},
                             {Kind::Tensor, 7, Kind::Numbers},
                             {Kind::Tensor, 11, Kind::Numbers},
                             {Kind::SparseTensor, 1, Kind::Tensor},
                             {Kind::SparseTensor, 2, Kind::Tensor},
                             {Kind::SparseTensor, 3, Kind::Numbers},
                             {Kind::ValueInfo, 2, Kind::Type},
                             {Kind::Type, 1, Kind::TensorType},
                             {Kind::Type, 4, Kind::ListType},
                             {Kind::Type, 5, Kind::MapType},
                             {Kind::Type, 8, Kind::TensorType},
                             {Kind::Type, 9, Kind::ListType},
                             {Kind::TensorType, 2, Kind::Shape},
                             {Kind::ListType, 1, Kind::Type},
                             {Kind::MapType, 2, Kind::Type},
                             {Kind::Training, 1, Kind::Graph},
                             {Kind::Training, 2, Kind::Graph},
                             {Kind::Function, 7, Kind::Node},
                             {Kind::Function, 11, Kind::Attribute},
                             {Kind::Function, 12, Kind::ValueInfo}};

Kind kindOf(Kind of, int number) {
  for (const Field &field : kFields)
    if (field.of == of && field.number == number)
      return field.kind;
  return Kind::Item;
}

class Census {
public:
  explicit Census(CodedInputStream &in) : in(in) {}

  /// False where the bytes are no message, or there are too many items.
  bool message(Kind kind, int depth);
  bool isTooLarge() const {
    return items > kMostItems || numbers > kMostNumbers;
  }

private:
  bool field(Kind kind, int depth);
  bool numberList();

  CodedInputStream &in;
  int64_t items = 0, numbers = 0;
};

bool Census::numberList() {
  while (in.BytesUntilLimit() > 0) {
    uint64_t number;
    if (++numbers > kMostNumbers || !in.ReadVarint64(&number))
      return false;
  }
  return true;
}

/// A field with a length.
bool Census::field(Kind kind, int depth) {
  uint32_t size;
  if (++items > kMostItems || !in.ReadVarint32(&size) || size > INT32_MAX)
    return false;
  if (kind == Kind::Item)
    return in.Skip(int(size));
  if (depth == kDeepestNesting)
    return false;
  auto limit = in.PushLimit(int(size));
  bool good = kind == Kind::Numbers ? numberList() : message(kind, depth + 1);
  good = good && in.BytesUntilLimit() == 0;
  in.PopLimit(limit);
  return good;
}

bool Census::message(Kind kind, int depth) {
  while (uint32_t tag = in.ReadTag()) {
    uint64_t number;
    bool good = false;
    switch (tag & 7) {
    case 0:
      good = ++numbers <= kMostNumbers && in.ReadVarint64(&number);
      break;
    case 1:
      good = in.Skip(8);
      break;
    case 2:
      good = field(kindOf(kind, int(tag >> 3)), depth);
      break;
    case 5:
      good = in.Skip(4);
      break;
    default: // groups, which ONNX has none of
      break;
    }
    if (!good)
      return false;
  }
  return in.ConsumedEntireMessage();
}

} // namespace

weights::Status takeCensus(CodedInputStream &model) {
  Census census(model);
  if (census.message(Kind::Model, 0))
    return weights::Done{};
  if (census.isTooLarge())
    return weights::Error{"expected at most " + std::to_string(kMostItems) +
                          " parts and " + std::to_string(kMostNumbers) +
                          " numbers outside of raw values, found more"};
  return weights::Error{"expected an ONNX model, found a file that is none or "
                        "is damaged"};
}

} // namespace tl::onnx
