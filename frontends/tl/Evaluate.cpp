// Expressions to values. Whole numbers are exact and checked for overflow; `/`
// always gives a real number, so that scale: 1/255 means what it says, and
// int(...) goes back.
#include "frontends/tl/Value.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MathExtras.h"

#include <cmath>

using namespace llvm;

namespace tl::frontend {

namespace {

// Nested lists and strings could double at each call of a recursive block.
constexpr size_t kLongestString = 1024, kMostElements = 4096;

size_t countElements(const Value &value) {
  size_t count = 1;
  for (const Value &element : value.elements)
    count += countElements(element);
  return count;
}

class Evaluator {
public:
  Evaluator(const Scope &scope, Reporter &reporter)
      : scope(scope), reporter(reporter) {}

  std::optional<Value> evaluate(const Expression &e);

private:
  std::optional<Value> name(const Expression &e);
  std::optional<Value> call(const Expression &e);
  std::optional<Value> list(const Expression &e);
  std::optional<Value> interval(const Expression &e);
  std::optional<Value> string(const Expression &e);
  std::optional<Value> unary(const Expression &e);
  std::optional<Value> binary(const Expression &e);
  std::optional<Value> logic(const Expression &e);
  std::optional<Value> compare(const Expression &e, const Value &a,
                               const Value &b);
  std::optional<Value> arithmetic(const Expression &e, const Value &a,
                                  const Value &b);
  std::optional<Value> integers(const Expression &e, int64_t a, int64_t b);

  std::optional<Value> makeInteger(const Expression &e, int64_t value) {
    Value result{Value::Kind::Integer, e.range};
    result.integer = value;
    return result;
  }
  std::optional<Value> makeReal(const Expression &e, double value) {
    if (!std::isfinite(value)) {
      reporter.error(e.range) << "the result is not a finite number";
      return std::nullopt;
    }
    Value result{Value::Kind::Real, e.range};
    result.real = value;
    return result;
  }
  std::optional<Value> makeBool(const Expression &e, bool value) {
    Value result{Value::Kind::Bool, e.range};
    result.integer = value;
    return result;
  }
  std::optional<Value> overflow(const Expression &e) {
    reporter.error(e.range) << "the result is too large for a whole number";
    return std::nullopt;
  }
  /// A value that arithmetic needs to be a number.
  bool checkNumber(const Value &value, StringRef operation);

  const Scope &scope;
  Reporter &reporter;
};

std::optional<Value> Evaluator::evaluate(const Expression &e) {
  switch (e.kind) {
  case Expression::Kind::Integer:
    return makeInteger(e, e.integer);
  case Expression::Kind::Real:
    return makeReal(e, e.real);
  case Expression::Kind::Bool:
    return makeBool(e, e.integer);
  case Expression::Kind::Size: {
    Value result{Value::Kind::Size, e.range};
    result.integer = e.integer;
    result.second = e.second;
    return result;
  }
  case Expression::Kind::String:
    return string(e);
  case Expression::Kind::Name:
    return name(e);
  case Expression::Kind::Call:
    return call(e);
  case Expression::Kind::Tuple:
  case Expression::Kind::List:
    return list(e);
  case Expression::Kind::Interval:
    return interval(e);
  case Expression::Kind::Unary:
    return unary(e);
  case Expression::Kind::Binary:
    return binary(e);
  }
  llvm_unreachable("every kind of expression is listed");
}

std::optional<Value> Evaluator::name(const Expression &e) {
  auto found = scope.find(e.text);
  if (found != scope.end()) {
    Value result = found->second;
    result.range = e.range;
    return result;
  }
  Value word{Value::Kind::Word, e.range};
  word.text = e.text;
  return word;
}

std::optional<Value> Evaluator::list(const Expression &e) {
  Value result{Value::Kind::List, e.range};
  size_t count = 0;
  for (const ExpressionPtr &operand : e.operands) {
    std::optional<Value> element = evaluate(*operand);
    if (!element)
      return std::nullopt;
    count += countElements(*element);
    if (count > kMostElements) {
      reporter.error(e.range)
          << "a list must hold at most " << kMostElements << " values";
      return std::nullopt;
    }
    result.elements.push_back(std::move(*element));
  }
  return result;
}

std::optional<Value> Evaluator::interval(const Expression &e) {
  std::optional<Value> first = evaluate(*e.operands[0]);
  std::optional<Value> last = first ? evaluate(*e.operands[1]) : std::nullopt;
  if (!last)
    return std::nullopt;
  if (!checkNumber(*first, "..") || !checkNumber(*last, ".."))
    return std::nullopt;
  if (first->kind == Value::Kind::Integer &&
      last->kind == Value::Kind::Integer) {
    Value result{Value::Kind::Interval, e.range};
    result.integer = first->integer;
    result.second = last->integer;
    return result;
  }
  // 0.8..1: a pair of real numbers.
  Value result{Value::Kind::List, e.range};
  result.elements = {*first, *last};
  return result;
}

std::optional<Value> Evaluator::string(const Expression &e) {
  Value result{Value::Kind::String, e.range};
  result.text = e.text;
  for (auto [operand, text] : llvm::zip_equal(e.operands, e.texts)) {
    std::optional<Value> value = evaluate(*operand);
    if (!value)
      return std::nullopt;
    if (value->kind == Value::Kind::Word && !value->called) {
      SmallVector<StringRef> names(scope.keys());
      reporter.error(operand->range) << "unknown name '" << value->text << "'"
                                     << suggestion(value->text, names);
      return std::nullopt;
    }
    if (value->kind != Value::Kind::String && !value->isNumber()) {
      reporter.error(operand->range)
          << "expected a number or a string between braces, found "
          << describe(*value);
      return std::nullopt;
    }
    result.text +=
        value->kind == Value::Kind::String ? value->text : describe(*value);
    result.text += text;
    if (result.text.size() > kLongestString) {
      reporter.error(e.range)
          << "a string must have at most " << kLongestString << " bytes";
      return std::nullopt;
    }
  }
  return result;
}

bool Evaluator::checkNumber(const Value &value, StringRef operation) {
  if (value.isNumber())
    return true;
  if (value.kind == Value::Kind::Word && !value.called) {
    SmallVector<StringRef> names(scope.keys());
    reporter.error(value.range) << "unknown name '" << value.text << "'"
                                << suggestion(value.text, names);
  } else {
    reporter.error(value.range) << "expected a number for '" << operation
                                << "', found " << describe(value);
  }
  return false;
}

// int(x) drops the fraction; min(a, b), max(a, b). Other calls are words with
// arguments, such as leaky_relu(0.1).
std::optional<Value> Evaluator::call(const Expression &e) {
  Value result{Value::Kind::Word, e.range};
  result.text = e.text;
  result.called = true;
  for (const Argument &argument : e.arguments) {
    if (argument.name) {
      reporter.error(argument.name->range)
          << "'" << e.text << "' takes no named arguments here";
      return std::nullopt;
    }
    std::optional<Value> value = evaluate(*argument.value);
    if (!value)
      return std::nullopt;
    result.elements.push_back(std::move(*value));
  }
  size_t wanted = e.text == "int"                      ? 1
                  : e.text == "min" || e.text == "max" ? 2
                                                       : 0;
  if (wanted == 0) {
    if (countElements(result) > kMostElements) {
      reporter.error(e.range) << "too many arguments";
      return std::nullopt;
    }
    return result;
  }
  if (result.elements.size() != wanted) {
    reporter.error(e.range) << "'" << e.text << "' takes " << wanted
                            << (wanted == 1 ? " number" : " numbers")
                            << ", found " << result.elements.size();
    return std::nullopt;
  }
  for (const Value &value : result.elements)
    if (!checkNumber(value, e.text))
      return std::nullopt;
  const Value &a = result.elements[0];
  if (wanted == 2) {
    const Value &b = result.elements[1];
    bool first =
        e.text == "min" ? a.number() <= b.number() : a.number() >= b.number();
    Value chosen = first ? a : b;
    chosen.range = e.range;
    return chosen;
  }
  if (a.kind == Value::Kind::Integer)
    return makeInteger(e, a.integer);
  if (std::abs(a.real) >= 9e18)
    return overflow(e);
  return makeInteger(e, int64_t(a.real));
}

std::optional<Value> Evaluator::unary(const Expression &e) {
  if (e.text == "not") {
    std::optional<bool> operand =
        evaluateCondition(*e.operands[0], scope, reporter);
    return operand ? makeBool(e, !*operand) : std::nullopt;
  }
  std::optional<Value> operand = evaluate(*e.operands[0]);
  if (!operand || !checkNumber(*operand, "-"))
    return std::nullopt;
  if (operand->kind == Value::Kind::Real)
    return makeReal(e, -operand->real);
  if (operand->integer == INT64_MIN)
    return overflow(e);
  return makeInteger(e, -operand->integer);
}

std::optional<Value> Evaluator::binary(const Expression &e) {
  if (e.text == "and" || e.text == "or")
    return logic(e);
  std::optional<Value> a = evaluate(*e.operands[0]);
  std::optional<Value> b = a ? evaluate(*e.operands[1]) : std::nullopt;
  if (!b)
    return std::nullopt;
  if (StringRef("+-*/%").contains(e.text))
    return arithmetic(e, *a, *b);
  return compare(e, *a, *b);
}

std::optional<Value> Evaluator::logic(const Expression &e) {
  std::optional<bool> a = evaluateCondition(*e.operands[0], scope, reporter);
  if (!a)
    return std::nullopt;
  if (*a == (e.text == "or"))
    return makeBool(e, *a);
  std::optional<bool> b = evaluateCondition(*e.operands[1], scope, reporter);
  return b ? makeBool(e, *b) : std::nullopt;
}

std::optional<Value> Evaluator::compare(const Expression &e, const Value &a,
                                        const Value &b) {
  bool equality = e.text == "==" || e.text == "!=";
  if (equality && a.kind == b.kind &&
      (a.kind == Value::Kind::String || a.kind == Value::Kind::Word))
    return makeBool(e, (a.text == b.text) == (e.text == "=="));
  if (equality && a.kind == b.kind &&
      (a.kind == Value::Kind::Bool || a.kind == Value::Kind::Size))
    return makeBool(e, (a.integer == b.integer && a.second == b.second) ==
                           (e.text == "=="));
  if (!checkNumber(a, e.text) || !checkNumber(b, e.text))
    return std::nullopt;
  bool whole = a.kind == Value::Kind::Integer && b.kind == Value::Kind::Integer;
  int order = whole ? (a.integer > b.integer) - (a.integer < b.integer)
                    : (a.number() > b.number()) - (a.number() < b.number());
  bool result = e.text == "=="   ? order == 0
                : e.text == "!=" ? order != 0
                : e.text == "<"  ? order < 0
                : e.text == "<=" ? order <= 0
                : e.text == ">"  ? order > 0
                                 : order >= 0;
  return makeBool(e, result);
}

std::optional<Value> Evaluator::arithmetic(const Expression &e, const Value &a,
                                           const Value &b) {
  if (!checkNumber(a, e.text) || !checkNumber(b, e.text))
    return std::nullopt;
  if ((e.text == "/" || e.text == "%") && b.number() == 0) {
    reporter.error(e.range) << "division by zero";
    return std::nullopt;
  }
  if (e.text == "/")
    return makeReal(e, a.number() / b.number());
  if (a.kind == Value::Kind::Integer && b.kind == Value::Kind::Integer)
    return integers(e, a.integer, b.integer);
  double x = a.number(), y = b.number();
  switch (e.text[0]) {
  case '+':
    return makeReal(e, x + y);
  case '-':
    return makeReal(e, x - y);
  case '*':
    return makeReal(e, x * y);
  default:
    return makeReal(e, std::fmod(x, y));
  }
}

std::optional<Value> Evaluator::integers(const Expression &e, int64_t a,
                                         int64_t b) {
  int64_t result = 0;
  bool overflows = false;
  switch (e.text[0]) {
  case '+':
    overflows = AddOverflow(a, b, result);
    break;
  case '-':
    overflows = SubOverflow(a, b, result);
    break;
  case '*':
    overflows = MulOverflow(a, b, result);
    break;
  default:
    result = b == -1 ? 0 : a % b;
  }
  return overflows ? overflow(e) : makeInteger(e, result);
}

} // namespace

std::optional<Value> evaluate(const Expression &expression, const Scope &scope,
                              Reporter &reporter) {
  return Evaluator(scope, reporter).evaluate(expression);
}

std::optional<bool> evaluateCondition(const Expression &expression,
                                      const Scope &scope, Reporter &reporter) {
  std::optional<Value> value = evaluate(expression, scope, reporter);
  if (!value)
    return std::nullopt;
  if (value->kind == Value::Kind::Bool)
    return value->integer != 0;
  if (value->kind == Value::Kind::Word && !value->called) {
    SmallVector<StringRef> names(scope.keys());
    reporter.error(value->range) << "unknown name '" << value->text << "'"
                                 << suggestion(value->text, names);
  } else {
    reporter.error(value->range)
        << "expected true or false, found " << describe(*value);
  }
  return std::nullopt;
}

} // namespace tl::frontend
