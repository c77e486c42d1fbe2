// Layers, loops, conditions, branches, and the ranges of `freeze`.
#include "frontends/tl/Parser.h"

using namespace llvm;

namespace tl::frontend {

// Everything up to the closing brace, which it takes too.
bool Parser::statements(Statements &statements) {
  Deeper deeper(*this);
  if (!deeper.fits())
    return false;
  while (!accept("}"))
    if (!statement(statements.emplace_back()))
      return false;
  return true;
}

// statement = for | if | merge | tap | require | call ;
bool Parser::statement(Statement &statement) {
  SourceRange start = token.range;
  if (token.kind != TokenKind::Name) {
    unexpected("a layer or '}'");
    return false;
  }
  bool good;
  if (token.isName("for")) {
    good = forStatement(statement);
  } else if (token.isName("if")) {
    good = ifStatement(statement);
  } else if (token.isName("add") || token.isName("multiply") ||
             token.isName("concat")) {
    good = mergeStatement(statement);
  } else if (token.isName("tap")) {
    // tap = "tap" , string ;
    advance();
    statement.kind = Statement::Kind::Tap;
    if (token.kind != TokenKind::String) {
      unexpected("the tap's name in quotes");
      return false;
    }
    good = bool(statement.expression = string());
  } else if (token.isName("require")) {
    // require = "require" , expression , "," , string ;
    advance();
    statement.kind = Statement::Kind::Require;
    good = (statement.expression = expression()) &&
           expect(",", "between the condition and its message") &&
           (statement.message = expression());
  } else {
    // call = name , [ arguments ] ;
    statement.kind = Statement::Kind::Call;
    identifier(statement.name, "a layer");
    good = !token.is("(") || arguments(statement.arguments);
  }
  if (!statement.range.file)
    statement.range = start.to(previous);
  return good;
}

// for = "for" , ( name | "(" , name , { "," , name } , ")" ) , "in" ,
//       expression , "{" , { statement } , "}" ;
bool Parser::forStatement(Statement &statement) {
  SourceRange start = token.range;
  advance();
  statement.kind = Statement::Kind::For;
  if (accept("(")) {
    do
      if (!identifier(statement.variables.emplace_back(), "a variable"))
        return false;
    while (accept(","));
    if (!expect(")", "after the variables"))
      return false;
  } else if (!identifier(statement.variables.emplace_back(),
                         "a variable or '(' after 'for'")) {
    return false;
  }
  if (!token.isName("in")) {
    unexpected("'in' after the variables");
    return false;
  }
  advance();
  statement.expression = expression();
  statement.range = start.to(previous);
  return statement.expression && expect("{", "before the loop's layers") &&
         statements(statement.body);
}

// if = "if" , expression , "{" , { statement } , "}" ,
//      [ "else" , ( if | "{" , { statement } , "}" ) ] ;
bool Parser::ifStatement(Statement &statement) {
  Deeper deeper(*this);
  if (!deeper.fits())
    return false;
  SourceRange start = token.range;
  advance();
  statement.kind = Statement::Kind::If;
  statement.expression = expression();
  statement.range = start.to(previous);
  if (!statement.expression || !expect("{", "after the condition") ||
      !statements(statement.body))
    return false;
  if (!token.isName("else"))
    return true;
  advance();
  if (token.isName("if"))
    return ifStatement(statement.otherwise.emplace_back());
  return expect("{", "or 'if' after 'else'") && statements(statement.otherwise);
}

// merge = ( "add" | "multiply" | "concat" ) , [ arguments ] , "{" , branch ,
//         branch , { branch } , "}" ;
// branch = "branch" , "{" , { statement } , "}" ;
bool Parser::mergeStatement(Statement &statement) {
  SourceRange start = token.range;
  statement.kind = Statement::Kind::Merge;
  identifier(statement.name, "'add', 'multiply' or 'concat'");
  if (token.is("(") && !arguments(statement.arguments))
    return false;
  statement.range = start.to(previous);
  if (!expect("{", "after '" + statement.name.text + "'"))
    return false;
  while (!accept("}")) {
    if (!token.isName("branch")) {
      unexpected("'branch' or '}' in '" + statement.name.text + "'");
      return false;
    }
    advance();
    if (!expect("{", "after 'branch'") ||
        !statements(statement.branches.emplace_back()))
      return false;
  }
  return true;
}

// layers = "all" | "none" | "[" , part , { "," , part } , "]" ;
bool Parser::layers(LayerRange &layers) {
  layers.range = token.range;
  if (token.isName("all") || token.isName("none")) {
    layers.kind =
        token.isName("all") ? LayerRange::Kind::All : LayerRange::Kind::None;
    advance();
    return true;
  }
  layers.kind = LayerRange::Kind::Parts;
  if (!accept("[")) {
    unexpected("'all', 'none' or a range such as [:15], [-4:] or "
               "[\"block5_*\"]");
    return false;
  }
  do
    if (!rangePart(layers.parts.emplace_back()))
      return false;
  while (accept(","));
  if (!expect("]", "after the range"))
    return false;
  layers.range = layers.range.to(previous);
  return true;
}

// part = expression | [ expression ] , ":" , [ expression ] ;
bool Parser::rangePart(RangePart &part) {
  SourceRange start = token.range;
  if (!token.is(":") && !(part.first = expression()))
    return false;
  part.isSlice = accept(":");
  if (part.isSlice && !token.is("]") && !token.is(",") &&
      !(part.last = expression()))
    return false;
  part.range = start.to(previous);
  return true;
}

} // namespace tl::frontend
