// See Npy.h. The format: numpy.lib.format's documentation. The header is a
// Python dict literal; only the three keys that NumPy writes are understood.
#include "runtime/data/Npy.h"

#include "runtime/data/File.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <string_view>

namespace tl::data {
namespace {

constexpr std::string_view kMagic("\x93NUMPY", 6);
constexpr uint64_t kMaxNpyBytes = uint64_t(1) << 36;
constexpr size_t kMaxRank = 8;

struct Header {
  std::string descr;
  bool fortranOrder = false;
  std::vector<uint64_t> shape;
};

// A reader of the dict literal; each step returns false at what it does not
// understand.
class HeaderParser {
public:
  explicit HeaderParser(std::string_view text) : text(text) {}

  std::optional<Header> parse() {
    if (!take('{'))
      return std::nullopt;
    while (!take('}')) {
      std::string key;
      if (!parseString(key) || !take(':') || !parseValue(key))
        return std::nullopt;
      if (!take(',') && peek() != '}')
        return std::nullopt;
    }
    if (seen != 7 || peek() != '\0')
      return std::nullopt;
    return header;
  }

private:
  char peek() {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\n'))
      text.remove_prefix(1);
    return text.empty() ? '\0' : text.front();
  }
  bool take(char expected) {
    if (peek() != expected)
      return false;
    text.remove_prefix(1);
    return true;
  }
  bool takeWord(std::string_view word) {
    peek();
    if (text.substr(0, word.size()) != word)
      return false;
    text.remove_prefix(word.size());
    return true;
  }
  bool parseString(std::string &out) {
    char quote = peek();
    if (quote != '\'' && quote != '"')
      return false;
    size_t end = text.find(quote, 1);
    if (end == std::string_view::npos)
      return false;
    out = text.substr(1, end - 1);
    text.remove_prefix(end + 1);
    return true;
  }
  bool parseValue(const std::string &key) {
    if (key == "descr") {
      seen |= 1;
      return parseString(header.descr);
    }
    if (key == "fortran_order") {
      seen |= 2;
      header.fortranOrder = takeWord("True");
      return header.fortranOrder || takeWord("False");
    }
    seen |= 4;
    return key == "shape" && parseShape();
  }
  bool parseShape() {
    header.shape.clear();
    if (!take('('))
      return false;
    while (!take(')')) {
      uint64_t value = 0;
      if (!parseNumber(value) || header.shape.size() == kMaxRank)
        return false;
      header.shape.push_back(value);
      if (!take(',') && peek() != ')')
        return false;
    }
    return true;
  }
  bool parseNumber(uint64_t &out) {
    peek();
    size_t digits = 0;
    for (; digits < text.size() && text[digits] >= '0' && text[digits] <= '9';
         ++digits) {
      if (digits == 18) // Never a size, and what follows would overflow.
        return false;
      out = out * 10 + uint64_t(text[digits] - '0');
    }
    text.remove_prefix(digits);
    return digits != 0;
  }

  std::string_view text;
  Header header;
  unsigned seen = 0; // A bit for each of the three keys.
};

std::string describe(std::span<const uint64_t> shape) {
  std::string text = "(";
  for (uint64_t size : shape)
    text += std::to_string(size) + ",";
  return text + ")";
}

// The number of values, or nothing where it passes 2^62.
std::optional<uint64_t> countValues(std::span<const uint64_t> shape) {
  uint64_t count = 1;
  for (uint64_t size : shape)
    if (__builtin_mul_overflow(count, size, &count) || count >> 62)
      return std::nullopt;
  return count;
}

// Splits the file into its header's text and its data.
Result<std::string_view> findHeader(std::span<const uint8_t> bytes,
                                    std::span<const uint8_t> &data) {
  if (bytes.size() < 10 || std::memcmp(bytes.data(), kMagic.data(), 6) != 0)
    return Error{"not a .npy file"};
  unsigned version = bytes[6];
  if (version < 1 || version > 3)
    return Error{".npy format version " + std::to_string(version) +
                 " is not known; 1, 2 and 3 are"};
  size_t lengthBytes = version == 1 ? 2 : 4;
  if (bytes.size() < 8 + lengthBytes)
    return Error{"the .npy file is truncated"};
  uint64_t length = 0;
  for (size_t i = 0; i < lengthBytes; ++i)
    length |= uint64_t(bytes[8 + i]) << (8 * i);
  std::span<const uint8_t> rest = bytes.subspan(8 + lengthBytes);
  if (length > rest.size())
    return Error{"the .npy file is truncated"};
  data = rest.subspan(size_t(length));
  return std::string_view(reinterpret_cast<const char *>(rest.data()),
                          size_t(length));
}

} // namespace

Result<NpyArray> parseNpy(std::span<const uint8_t> bytes) {
  std::span<const uint8_t> data;
  Result<std::string_view> text = findHeader(bytes, data);
  if (!text)
    return text.error();
  std::optional<Header> header = HeaderParser(*text).parse();
  if (!header)
    return Error{"the .npy header cannot be read"};
  bool isFloat = header->descr == "<f4";
  bool isByte = header->descr == "|u1" || header->descr == "<u1";
  if (!isFloat && !isByte)
    return Error{"the array's type is '" + header->descr +
                 "', expected float32 ('<f4') or uint8 ('|u1')"};
  if (header->fortranOrder && header->shape.size() > 1)
    return Error{"the array is in Fortran order; save "
                 "numpy.ascontiguousarray(x) instead"};
  size_t width = isFloat ? 4 : 1;
  std::optional<uint64_t> count = countValues(header->shape);
  if (!count || *count != data.size() / width || data.size() % width)
    return Error{"the shape " + describe(header->shape) +
                 " does not match the " + std::to_string(data.size()) +
                 " bytes of data"};
  NpyArray array;
  array.shape = std::move(header->shape);
  if (isFloat) {
    std::vector<float> values(*count);
    if (!data.empty())
      std::memcpy(values.data(), data.data(), data.size());
    array.values = std::move(values);
  } else {
    array.values = std::vector<uint8_t>(data.begin(), data.end());
  }
  return array;
}

Result<NpyArray> readNpy(const std::string &path) {
  Result<std::vector<uint8_t>> bytes = readFile(path, kMaxNpyBytes);
  if (!bytes)
    return bytes.error();
  try {
    Result<NpyArray> array = parseNpy(*bytes);
    if (!array)
      return Error{path + ": " + array.message()};
    return array;
  } catch (const std::bad_alloc &) {
    return Error{path + ": not enough memory to read it"};
  }
}

Status writeNpy(const std::string &path, std::span<const uint64_t> shape,
                std::span<const float> values) {
  std::string dict = "{'descr': '<f4', 'fortran_order': False, 'shape': " +
                     (shape.empty() ? "()" : describe(shape)) + ", }";
  // Data starts at a multiple of 64, as NumPy pads it.
  dict.append((64 - (10 + dict.size() + 1) % 64) % 64, ' ');
  dict += '\n';
  std::string head(kMagic);
  head += {'\1', '\0', char(dict.size() & 255), char(dict.size() >> 8)};
  head += dict;

  Result<AtomicFile> file = AtomicFile::create(path);
  if (!file)
    return file.error();
  auto bytesOf = [](const void *data, size_t size) {
    return std::span<const uint8_t>(static_cast<const uint8_t *>(data), size);
  };
  if (Status s = file->append(bytesOf(head.data(), head.size())); !s)
    return s;
  if (Status s = file->append(bytesOf(values.data(), values.size_bytes())); !s)
    return s;
  return file->commit();
}

} // namespace tl::data
