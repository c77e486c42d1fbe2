// Characters to tokens. The lexer never fails for good: a character it does not
// know becomes an `Error` token whose text is the message, and the parser,
// which knows the place and the reporter, says so.
#pragma once

#include "frontends/tl/Source.h"

namespace tl::frontend {

enum class TokenKind {
  End,
  Error,      // `text` of the lexer's message, see Lexer::message
  Name,       // [A-Za-z_][A-Za-z0-9_]*
  Integer,    // 20
  Real,       // 2e-5, 0.25
  Size,       // 3x3
  String,     // "block{b}_conv{i}", quotes included
  Punctuation // { } ( ) [ ] , : .. + - * / % == != < <= > >=
};

struct Token {
  TokenKind kind = TokenKind::End;
  SourceRange range;

  llvm::StringRef text() const {
    return range.file->text().slice(range.begin, range.end);
  }
  bool is(llvm::StringRef punctuation) const {
    return kind == TokenKind::Punctuation && text() == punctuation;
  }
  bool isName(llvm::StringRef name) const {
    return kind == TokenKind::Name && text() == name;
  }
};

class Lexer {
public:
  /// Reads the bytes of `range`: a whole file, or an expression inside a
  /// string.
  explicit Lexer(SourceRange range) : range(range), position(range.begin) {}

  Token next();
  /// What was wrong with the last `Error` token.
  llvm::StringRef message() const { return error; }

private:
  char at(size_t ahead) const {
    return position + ahead < range.end ? range.file->text()[position + ahead]
                                        : '\0';
  }
  void skipBlanksAndComments();
  Token take(TokenKind kind, size_t length);
  Token fail(size_t length, std::string why);
  Token lexNumber();
  Token lexString();

  SourceRange range;
  size_t position;
  std::string error;
};

} // namespace tl::frontend
