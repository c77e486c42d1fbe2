// Characters to tokens; see the header.
#include "frontends/tl/Lexer.h"

#include "llvm/ADT/StringExtras.h"

using namespace llvm;

namespace tl::frontend {

Token Lexer::take(TokenKind kind, size_t length) {
  Token token{kind, {range.file, position, position + length}};
  position += length;
  return token;
}

Token Lexer::fail(size_t length, std::string why) {
  error = std::move(why);
  return take(TokenKind::Error, length);
}

void Lexer::skipBlanksAndComments() {
  while (position < range.end) {
    char c = at(0);
    if (c == ' ' || c == '\t' || c == '\r' || c == '\n')
      ++position;
    else if (c == '/' && at(1) == '/')
      while (position < range.end && at(0) != '\n')
        ++position;
    else
      return;
  }
}

Token Lexer::next() {
  skipBlanksAndComments();
  if (position >= range.end)
    return {TokenKind::End, {range.file, range.end, range.end}};
  char c = at(0);
  if (isAlpha(c) || c == '_') {
    size_t length = 1;
    while (isAlnum(at(length)) || at(length) == '_')
      ++length;
    return take(TokenKind::Name, length);
  }
  if (isDigit(c))
    return lexNumber();
  if (c == '"')
    return lexString();
  for (StringRef two : {"..", "==", "!=", "<=", ">="})
    if (two[0] == c && two[1] == at(1))
      return take(TokenKind::Punctuation, 2);
  if (StringRef("{}()[],:+-*/%<>=").contains(c))
    return take(TokenKind::Punctuation, 1);
  if (isPrint(c))
    return fail(1, std::string("unexpected character '") + c + "'");
  return fail(1, "unexpected byte 0x" + utohexstr(uint8_t(c)) +
                     " outside a string or comment");
}

Token Lexer::lexNumber() {
  size_t length = 0;
  auto digits = [&] {
    while (isDigit(at(length)))
      ++length;
  };
  digits();
  TokenKind kind = TokenKind::Integer;
  if (at(length) == 'x' && isDigit(at(length + 1))) {
    kind = TokenKind::Size;
    ++length;
    digits();
  } else {
    // "0.8..1" is a range: a point counts only before a digit.
    if (at(length) == '.' && isDigit(at(length + 1))) {
      kind = TokenKind::Real;
      ++length;
      digits();
    }
    size_t sign = at(length + 1) == '-' || at(length + 1) == '+' ? 1 : 0;
    if ((at(length) == 'e' || at(length) == 'E') &&
        isDigit(at(length + 1 + sign))) {
      kind = TokenKind::Real;
      length += 1 + sign;
      digits();
    }
  }
  if (isAlpha(at(length)) || at(length) == '_') {
    while (isAlnum(at(length)) || at(length) == '_')
      ++length;
    return fail(length, "expected a number such as 20, 2e-5 or 3x3");
  }
  return take(kind, length);
}

Token Lexer::lexString() {
  size_t length = 1;
  for (; at(length) != '"'; ++length) {
    if (position + length >= range.end || at(length) == '\n')
      return fail(length, "expected '\"' at the end of this string");
    if (uint8_t(at(length)) < 0x20 || at(length) == 0x7f)
      return fail(length, "a string must not hold control characters");
    // The escaped character is looked at by the parser; here it only must not
    // end the string.
    if (at(length) == '\\' && (at(length + 1) == '"' || at(length + 1) == '\\'))
      ++length;
  }
  ++length;
  return take(TokenKind::String, length);
}

} // namespace tl::frontend
