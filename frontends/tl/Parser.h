// Tokens to a syntax tree: recursive descent, one function a rule of
// GRAMMAR.md, one token of look-ahead. The first syntax error ends the parse:
// what follows a slip is guesswork.
#pragma once

#include "frontends/tl/AST.h"
#include "frontends/tl/Lexer.h"

namespace tl::frontend {

/// The file's declarations, or nothing after an error was reported.
std::optional<FileDecl> parseFile(const SourceFile &file, Reporter &reporter);

/// What follows a setting's keyword.
enum class ItemForm {
  Value,      // batch 20
  Values,     // labels "a", "b"
  Call,       // lr(backbone: 1e-5): the keyword itself with arguments
  CallOrWord, // flip(horizontal), flip
  Layers,     // freeze [:4]
  LayersOf,   // unfreeze backbone[-4:]
  Settings,   // augment { ... }
  Named,      // phase warmup { ... }
  Statements  // head { ... }
};

struct ItemRule {
  llvm::StringLiteral keyword;
  ItemForm form;
  /// The rules inside its braces.
  llvm::ArrayRef<ItemRule> children;
};

class Parser {
public:
  Parser(SourceRange range, Reporter &reporter, unsigned depth = 0)
      : lexer(range), reporter(reporter), depth(depth) {
    advance();
  }

  std::optional<FileDecl> file();
  /// One expression and nothing behind it (inside a string's braces).
  ExpressionPtr wholeExpression();

private:
  // Declarations (Parser.cpp). Each returns false after an error.
  bool block(BlockDecl &block);
  bool backboneDecl(BackboneDecl &backbone);
  bool model(ModelDecl &model);
  bool backboneUse(BackboneUse &use);
  bool namedBackbone(BackboneUse &use);
  bool sameBackbone(BackboneDecl &backbone);
  bool parameters(std::vector<ParameterDecl> &parameters);
  bool item(const ItemRule &rule, Item &item);
  bool items(llvm::ArrayRef<ItemRule> rules, llvm::StringRef owner,
             Items &items);

  // Statements and layer ranges (ParseStatements.cpp).
  bool statements(Statements &statements);
  bool statement(Statement &statement);
  bool forStatement(Statement &statement);
  bool ifStatement(Statement &statement);
  bool mergeStatement(Statement &statement);
  bool layers(LayerRange &layers);
  bool rangePart(RangePart &part);

  // Expressions (ParseExpressions.cpp). Null after an error.
  ExpressionPtr expression();
  ExpressionPtr binary(unsigned level);
  ExpressionPtr unary();
  ExpressionPtr primary();
  ExpressionPtr number();
  ExpressionPtr string();
  ExpressionPtr nameOrCall();
  ExpressionPtr sequence(llvm::StringRef close, Expression::Kind kind);
  bool arguments(std::vector<Argument> &arguments);

  // Tokens.
  void advance();
  bool expect(llvm::StringRef punctuation, llvm::StringRef where);
  bool accept(llvm::StringRef punctuation);
  bool identifier(Identifier &identifier, llvm::StringRef what);
  mlir::InFlightDiagnostic unexpected(const llvm::Twine &expected);
  std::unique_ptr<Expression> make(Expression::Kind kind, SourceRange range);

  /// Guards the C++ stack against hostile nesting.
  class Deeper {
  public:
    explicit Deeper(Parser &parser) : parser(parser) { ++parser.depth; }
    ~Deeper() { --parser.depth; }
    /// False, with a message, past the limit.
    bool fits();

  private:
    Parser &parser;
  };

  Lexer lexer;
  Reporter &reporter;
  unsigned depth;
  Token token;
  SourceRange previous; // the token before `token`
};

} // namespace tl::frontend
