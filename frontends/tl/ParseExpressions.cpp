// Expressions, loosest binding first: or, and, not, comparison, interval (..),
// sum, product, sign.
#include "frontends/tl/Parser.h"

#include "llvm/ADT/StringExtras.h"

using namespace llvm;

namespace tl::frontend {

std::unique_ptr<Expression> Parser::make(Expression::Kind kind,
                                         SourceRange range) {
  auto expression = std::make_unique<Expression>();
  expression->kind = kind;
  expression->range = range;
  return expression;
}

ExpressionPtr Parser::wholeExpression() {
  ExpressionPtr result = expression();
  if (result && token.kind != TokenKind::End) {
    unexpected("'}' after the expression");
    return nullptr;
  }
  return result;
}

ExpressionPtr Parser::expression() {
  Deeper deeper(*this);
  return deeper.fits() ? binary(0) : nullptr;
}

// One row a level, loosest first.
static constexpr std::array<StringLiteral, 6> kComparisons{
    "==", "!=", "<=", ">=", "<", ">"};
static constexpr std::array<StringLiteral, 1> kOr{"or"}, kAnd{"and"},
    kInterval{".."};
static constexpr std::array<StringLiteral, 2> kSums{"+", "-"};
static constexpr std::array<StringLiteral, 3> kProducts{"*", "/", "%"};
static const ArrayRef<StringLiteral> kLevels[] = {
    kOr, kAnd, kComparisons, kInterval, kSums, kProducts};

// level n = level n+1 , { operator of level n , level n+1 } ;
// Comparisons and intervals do not chain.
ExpressionPtr Parser::binary(unsigned level) {
  if (level == std::size(kLevels))
    return unary();
  ExpressionPtr left = binary(level + 1);
  bool chains = level != 2 && level != 3;
  // A chain of n operators is a tree n deep, which later walks recurse on.
  constexpr unsigned kLongestChain = 256;
  unsigned length = 0;
  for (bool more = true; left && more; more = chains) {
    StringRef text = token.text();
    bool isOperator = (token.kind == TokenKind::Punctuation ||
                       token.kind == TokenKind::Name) &&
                      is_contained(kLevels[level], text);
    if (!isOperator)
      break;
    if (++length > kLongestChain) {
      reporter.error(token.range)
          << "more than " << kLongestChain << " operators in a row";
      return nullptr;
    }
    advance();
    ExpressionPtr right = binary(level + 1);
    if (!right)
      return nullptr;
    auto result = make(text == ".." ? Expression::Kind::Interval
                                    : Expression::Kind::Binary,
                       left->range.to(right->range));
    result->text = text.str();
    result->operands.push_back(std::move(left));
    result->operands.push_back(std::move(right));
    left = std::move(result);
  }
  return left;
}

// unary = [ "-" | "not" ] , unary | primary ;
ExpressionPtr Parser::unary() {
  if (!token.is("-") && !token.isName("not"))
    return primary();
  Deeper deeper(*this);
  if (!deeper.fits())
    return nullptr;
  SourceRange start = token.range;
  std::string text = token.text().str();
  advance();
  // `not` takes a whole comparison: `not a == b`.
  ExpressionPtr operand = text == "not" ? binary(2) : unary();
  if (!operand)
    return nullptr;
  auto result = make(Expression::Kind::Unary, start.to(operand->range));
  result->text = text;
  result->operands.push_back(std::move(operand));
  return result;
}

// primary = number | size | string | name | call | tuple | list ;
ExpressionPtr Parser::primary() {
  switch (token.kind) {
  case TokenKind::Integer:
  case TokenKind::Real:
  case TokenKind::Size:
    return number();
  case TokenKind::String:
    return string();
  case TokenKind::Name:
    return nameOrCall();
  default:
    if (token.is("("))
      return sequence(")", Expression::Kind::Tuple);
    if (token.is("["))
      return sequence("]", Expression::Kind::List);
    unexpected("a value");
    return nullptr;
  }
}

ExpressionPtr Parser::number() {
  StringRef text = token.text();
  auto tooLarge = [&]() -> ExpressionPtr {
    reporter.error(token.range)
        << "the number " << text.take_front(64) << " is too large";
    return nullptr;
  };
  ExpressionPtr result;
  if (token.kind == TokenKind::Real) {
    result = make(Expression::Kind::Real, token.range);
    if (text.getAsDouble(result->real) || result->real > 1e300)
      return tooLarge();
  } else if (token.kind == TokenKind::Size) {
    result = make(Expression::Kind::Size, token.range);
    auto [height, width] = text.split('x');
    if (height.getAsInteger(10, result->integer) ||
        width.getAsInteger(10, result->second))
      return tooLarge();
  } else {
    result = make(Expression::Kind::Integer, token.range);
    if (text.getAsInteger(10, result->integer))
      return tooLarge();
  }
  advance();
  return result;
}

// string = '"' , { character | "\" , ( '"' | "\" | "{" | "}" ) |
//          "{" , expression , "}" } , '"' ;
ExpressionPtr Parser::string() {
  auto result = make(Expression::Kind::String, token.range);
  StringRef text = token.text();
  std::string *part = &result->text;
  for (size_t i = 1; i + 1 < text.size(); ++i) {
    SourceRange here{token.range.file, token.range.begin + i,
                     token.range.begin + i + 1};
    char c = text[i];
    if (c == '\\') {
      c = text[++i];
      if (!StringRef("\"\\{}").contains(c)) {
        reporter.error(here) << "expected \\\", \\\\, \\{ or \\} after a "
                                "backslash in a string";
        return nullptr;
      }
      *part += c;
    } else if (c == '{') {
      size_t close = text.find('}', i);
      if (close == StringRef::npos) {
        reporter.error(here) << "expected '}' after this '{'; write \\{ for a "
                                "brace itself";
        return nullptr;
      }
      SourceRange inner{here.file, here.end, token.range.begin + close};
      ExpressionPtr value = Parser(inner, reporter, depth).wholeExpression();
      if (!value)
        return nullptr;
      result->operands.push_back(std::move(value));
      part = &result->texts.emplace_back();
      i = close;
    } else if (c == '}') {
      reporter.error(here) << "'}' without '{' in a string; write \\} for a "
                              "brace itself";
      return nullptr;
    } else {
      *part += c;
    }
  }
  advance();
  return result;
}

// call = name , arguments ;
ExpressionPtr Parser::nameOrCall() {
  auto result = make(Expression::Kind::Name, token.range);
  result->text = token.text().str();
  advance();
  if (result->text == "true" || result->text == "false") {
    result->kind = Expression::Kind::Bool;
    result->integer = result->text == "true";
  } else if (token.is("(")) {
    result->kind = Expression::Kind::Call;
    if (!arguments(result->arguments))
      return nullptr;
    result->range = result->range.to(previous);
  }
  return result;
}

// tuple = "(" , expression , { "," , expression } , ")" ;   one: a parenthesis
// list = "[" , [ expression , { "," , expression } ] , "]" ;
ExpressionPtr Parser::sequence(StringRef close, Expression::Kind kind) {
  Deeper deeper(*this);
  if (!deeper.fits())
    return nullptr;
  auto result = make(kind, token.range);
  advance();
  if (!(kind == Expression::Kind::List && token.is("]"))) {
    do {
      ExpressionPtr element = expression();
      if (!element)
        return nullptr;
      result->operands.push_back(std::move(element));
    } while (accept(","));
  }
  if (!expect(close, "or ',' here"))
    return nullptr;
  result->range = result->range.to(previous);
  if (kind == Expression::Kind::Tuple && result->operands.size() == 1)
    return std::move(result->operands[0]);
  return result;
}

// arguments = "(" , [ argument , { "," , argument } ] , ")" ;
// argument = [ name , ":" ] , expression ;
bool Parser::arguments(std::vector<Argument> &arguments) {
  Deeper deeper(*this);
  if (!deeper.fits())
    return false;
  advance();
  while (!accept(")")) {
    if (!arguments.empty() && !expect(",", "or ')' after an argument"))
      return false;
    Argument &argument = arguments.emplace_back();
    if (!(argument.value = expression()))
      return false;
    if (argument.value->kind == Expression::Kind::Name && accept(":")) {
      argument.name = {argument.value->text, argument.value->range};
      if (!(argument.value = expression()))
        return false;
    }
  }
  return true;
}

} // namespace tl::frontend
