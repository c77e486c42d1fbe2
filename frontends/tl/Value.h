// What an expression is worth: a number, a string, a word, a size, a list. A
// value remembers where it was written, so that whoever refuses it can point
// there.
#pragma once

#include "frontends/tl/AST.h"

#include "llvm/ADT/StringMap.h"

namespace tl::frontend {

struct Value {
  enum class Kind { Integer, Real, Bool, Size, String, Word, List, Interval };
  Kind kind = Kind::Integer;
  SourceRange range;
  int64_t integer = 0, second = 0; // Size: height, width; Interval: first, last
  double real = 0;
  std::string text = {};            // String, Word
  std::vector<Value> elements = {}; // List (tuples too); Word: its arguments
  bool called = false; // Word: written with arguments, leaky_relu(0.1)

  bool isNumber() const { return kind == Kind::Integer || kind == Kind::Real; }
  double number() const {
    return kind == Kind::Integer ? double(integer) : real;
  }
  bool isWord(llvm::StringRef word) const {
    return kind == Kind::Word && !called && text == word;
  }
};

/// The value as the user would write it, for messages.
std::string describe(const Value &value);

/// Variables in sight.
using Scope = llvm::StringMap<Value>;

/// Evaluates an expression; nothing after an error was reported. A name that
/// is no variable is a word: whoever takes it knows which words it may be.
std::optional<Value> evaluate(const Expression &expression, const Scope &scope,
                              Reporter &reporter);

/// A condition: true or false.
std::optional<bool> evaluateCondition(const Expression &expression,
                                      const Scope &scope, Reporter &reporter);

/// Reads values as what a setting or an argument needs, or reports "expected
/// <need> for '<name>', found <value>" at the value's place.
class ValueReader {
public:
  ValueReader(Reporter &reporter, const Scope &scope)
      : reporter(reporter), scope(scope) {}

  std::optional<int64_t> integer(const Value &value, llvm::StringRef name,
                                 int64_t least, int64_t most);
  std::optional<double> real(const Value &value, llvm::StringRef name);
  std::optional<bool> boolean(const Value &value, llvm::StringRef name);
  std::optional<std::string> string(const Value &value, llvm::StringRef name);
  /// 3x3, or 3 for both.
  std::optional<std::pair<int64_t, int64_t>>
  size(const Value &value, llvm::StringRef name, int64_t least, int64_t most);
  /// One of `words`.
  std::optional<llvm::StringRef> word(const Value &value, llvm::StringRef name,
                                      llvm::ArrayRef<llvm::StringRef> words);
  void expected(const Value &value, const llvm::Twine &need,
                llvm::StringRef name);

private:
  Reporter &reporter;
  const Scope &scope;
};

} // namespace tl::frontend
