// The event handler is a machine over the few places a value may stand at;
// whatever the format does not allow at a place ends the parse with a message.
#include "frontends/weights/SafetensorsHeader.h"
#include "frontends/weights/Message.h"

#include <nlohmann/json.hpp>
#include <sstream>
#include <unordered_set>

namespace tl::weights {

namespace {

using Json = nlohmann::json;

constexpr size_t maxTensors = 100000;
constexpr size_t maxNameBytes = 4096;
constexpr size_t maxRank = 8;

class HeaderHandler : public nlohmann::json_sax<Json> {
public:
  std::vector<HeaderEntry> entries;
  std::string format, writtenBy;
  std::set<std::string> head;
  std::string problem;

  bool start_object(size_t) override {
    switch (place) {
    case Place::Start:
      place = Place::Header;
      return true;
    case Place::TensorValue:
      place = Place::Tensor;
      hasDtype = hasShape = hasOffsets = false;
      return true;
    case Place::MetadataValue:
      place = Place::Metadata;
      return true;
    default:
      return refuse("an object");
    }
  }

  bool end_object() override {
    if (place == Place::Tensor && !(hasDtype && hasShape && hasOffsets))
      return fail("tensor " + inQuotes(entries.back().name) +
                  " lacks one of 'dtype', 'shape', 'data_offsets'");
    place = place == Place::Header ? Place::End : Place::Header;
    return true;
  }

  bool key(std::string &name) override {
    if (place == Place::Header)
      return headerKey(name);
    if (place == Place::Metadata) {
      metadataKey = name.substr(0, 32);
      place = Place::MetadataText;
      return true;
    }
    if (name == "dtype" && !hasDtype)
      place = Place::Dtype;
    else if (name == "shape" && !hasShape)
      place = Place::ShapeValue;
    else if (name == "data_offsets" && !hasOffsets)
      place = Place::OffsetsValue;
    else
      return fail("unknown or repeated key " + inQuotes(name) + " in tensor " +
                  inQuotes(entries.back().name));
    return true;
  }

  bool start_array(size_t) override {
    if (place == Place::ShapeValue)
      place = Place::Shape;
    else if (place == Place::OffsetsValue)
      place = Place::Offsets;
    else
      return refuse("an array");
    return true;
  }

  bool end_array() override {
    if (place == Place::Offsets && offsetsSeen != 2)
      return fail("'data_offsets' of " + inQuotes(entries.back().name) +
                  ": expected 2 numbers, found " + std::to_string(offsetsSeen));
    (place == Place::Shape ? hasShape : hasOffsets) = true;
    place = Place::Tensor;
    return true;
  }

  bool number_unsigned(uint64_t value) override {
    HeaderEntry *entry = entries.empty() ? nullptr : &entries.back();
    if (place == Place::Shape) {
      if (entry->shape.size() == maxRank || value > INT64_MAX)
        return fail("the shape of " + inQuotes(entry->name) +
                    " has more than 8 axes or an extent past 2^63");
      entry->shape.push_back(static_cast<int64_t>(value));
      return true;
    }
    if (place == Place::Offsets && offsetsSeen < 2) {
      entry->offsets[offsetsSeen++] = value;
      return true;
    }
    return refuse("a number");
  }

  bool string(std::string &value) override {
    if (place == Place::Dtype) {
      entries.back().dtype = value.substr(0, 32);
      hasDtype = true;
      place = Place::Tensor;
      return true;
    }
    if (place == Place::MetadataText) {
      if (metadataKey == "format")
        format = value.substr(0, 32);
      if (metadataKey == "written_by")
        writtenBy = value.substr(0, 32);
      if (metadataKey == "head")
        readHead(value);
      place = Place::Metadata;
      return true;
    }
    return refuse("a string");
  }

  bool null() override { return refuse("null"); }
  bool boolean(bool) override { return refuse("a boolean"); }
  bool number_integer(int64_t) override { return refuse("a negative number"); }
  bool number_float(double, const std::string &) override {
    return refuse("a fraction");
  }
  bool binary(Json::binary_t &) override { return refuse("binary data"); }
  bool parse_error(size_t position, const std::string &,
                   const Json::exception &) override {
    return fail("not valid JSON at byte " + std::to_string(position) +
                " of the header");
  }

private:
  enum class Place {
    Start,
    Header,
    MetadataValue,
    Metadata,
    MetadataText,
    TensorValue,
    Tensor,
    Dtype,
    ShapeValue,
    Shape,
    OffsetsValue,
    Offsets,
    End
  };

  bool headerKey(const std::string &name) {
    if (name.size() > maxNameBytes || entries.size() == maxTensors)
      return fail("a name past " + std::to_string(maxNameBytes) +
                  " bytes, or more than " + std::to_string(maxTensors) +
                  " tensors");
    if (!names.insert(name).second)
      return fail("the name " + inQuotes(name) + " occurs twice");
    if (name == "__metadata__") {
      place = Place::MetadataValue;
      return true;
    }
    entries.push_back({name, "", {}, {0, 0}});
    offsetsSeen = 0;
    place = Place::TensorValue;
    return true;
  }

  void readHead(const std::string &lines) {
    std::istringstream in(lines);
    for (std::string name; std::getline(in, name);)
      head.insert(name);
  }

  bool refuse(const char *what) {
    std::string where = entries.empty() ? ""
                                        : " at or after tensor " +
                                              inQuotes(entries.back().name);
    return fail(std::string("unexpected ") + what + where);
  }

  bool fail(std::string message) {
    if (problem.empty())
      problem = std::move(message);
    return false;
  }

  Place place = Place::Start;
  bool hasDtype = false, hasShape = false, hasOffsets = false;
  size_t offsetsSeen = 0;
  std::string metadataKey;
  std::unordered_set<std::string> names;
};

} // namespace

Result<SafetensorsHeader> parseSafetensorsHeader(std::string_view json) {
  HeaderHandler handler;
  if (!Json::sax_parse(json.begin(), json.end(), &handler))
    return Error{handler.problem.empty() ? "not a JSON object"
                                         : handler.problem};
  return SafetensorsHeader{
      std::move(handler.entries), std::move(handler.format),
      std::move(handler.writtenBy), std::move(handler.head)};
}

} // namespace tl::weights
