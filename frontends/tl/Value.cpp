// Values in messages, and values as what a setting needs.
#include "frontends/tl/Value.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

#include <cmath>

using namespace llvm;

namespace tl::frontend {

static std::string describeList(const Value &value) {
  std::string text = "[";
  for (size_t i = 0; i < value.elements.size(); ++i) {
    if (i)
      text += ", ";
    if (i == 4)
      return text + "...]";
    text += describe(value.elements[i]);
  }
  return text + "]";
}

std::string describe(const Value &value) {
  std::string text;
  raw_string_ostream os(text);
  switch (value.kind) {
  case Value::Kind::Integer:
    os << value.integer;
    break;
  case Value::Kind::Real:
    os << format("%g", value.real);
    if (text.find_first_of(".en") == std::string::npos)
      os << ".0";
    break;
  case Value::Kind::Bool:
    os << (value.integer ? "true" : "false");
    break;
  case Value::Kind::Size:
    os << value.integer << 'x' << value.second;
    break;
  case Value::Kind::String:
    os << '"' << StringRef(value.text).take_front(64) << '"';
    break;
  case Value::Kind::Word:
    os << '\'' << StringRef(value.text).take_front(64)
       << (value.called ? "(...)'" : "'");
    break;
  case Value::Kind::List:
    os << describeList(value);
    break;
  case Value::Kind::Interval:
    os << value.integer << ".." << value.second;
    break;
  }
  return text;
}

void ValueReader::expected(const Value &value, const Twine &need,
                           StringRef name) {
  mlir::InFlightDiagnostic diagnostic = reporter.error(value.range);
  diagnostic << "expected " << need.str() << " for '" << name << "', found "
             << describe(value);
  // A word where none is wanted is most likely a misspelt variable.
  if (value.kind == Value::Kind::Word && !value.called) {
    SmallVector<StringRef> names(scope.keys());
    diagnostic << suggestion(value.text, names);
  }
}

std::optional<int64_t> ValueReader::integer(const Value &value, StringRef name,
                                            int64_t least, int64_t most) {
  bool whole = value.kind == Value::Kind::Integer;
  if (whole && value.integer >= least && value.integer <= most)
    return value.integer;
  if (!whole && value.kind == Value::Kind::Real &&
      value.real == std::floor(value.real)) {
    expected(value, "a whole number (use int(...))", name);
    return std::nullopt;
  }
  expected(value,
           !whole ? "a whole number"
           : value.integer < least
               ? "a whole number of at least " + Twine(least)
               : "a whole number of at most " + Twine(most),
           name);
  return std::nullopt;
}

std::optional<double> ValueReader::real(const Value &value, StringRef name) {
  if (value.isNumber())
    return value.number();
  expected(value, "a number", name);
  return std::nullopt;
}

std::optional<bool> ValueReader::boolean(const Value &value, StringRef name) {
  if (value.kind == Value::Kind::Bool)
    return value.integer != 0;
  expected(value, "true or false", name);
  return std::nullopt;
}

std::optional<std::string> ValueReader::string(const Value &value,
                                               StringRef name) {
  if (value.kind == Value::Kind::String)
    return value.text;
  expected(value, "a string in quotes", name);
  return std::nullopt;
}

std::optional<std::pair<int64_t, int64_t>> ValueReader::size(const Value &value,
                                                             StringRef name,
                                                             int64_t least,
                                                             int64_t most) {
  std::pair<int64_t, int64_t> size{value.integer, value.second};
  if (value.kind == Value::Kind::Integer)
    size.second = value.integer;
  bool kind =
      value.kind == Value::Kind::Integer || value.kind == Value::Kind::Size;
  if (kind && std::min(size.first, size.second) >= least &&
      std::max(size.first, size.second) <= most)
    return size;
  if (!kind)
    expected(value, "a size such as 3x3", name);
  else
    expected(value,
             "a size from " + Twine(least) + "x" + Twine(least) + " to " +
                 Twine(most) + "x" + Twine(most),
             name);
  return std::nullopt;
}

std::optional<StringRef> ValueReader::word(const Value &value, StringRef name,
                                           ArrayRef<StringRef> words) {
  for (StringRef word : words)
    if (value.isWord(word))
      return word;
  mlir::InFlightDiagnostic diagnostic = reporter.error(value.range);
  diagnostic << "expected " << alternatives(words) << " for '" << name
             << "', found " << describe(value);
  if (value.kind == Value::Kind::Word)
    diagnostic << suggestion(value.text, words);
  return std::nullopt;
}

} // namespace tl::frontend
