// What the parser gives: the file as it was written, nothing looked up and
// nothing checked beyond the grammar. The shapes follow GRAMMAR.md rule by
// rule.
#pragma once

#include "frontends/tl/Source.h"

#include <optional>

namespace tl::frontend {

struct Identifier {
  std::string text;
  SourceRange range;
};

// ------------------------------------------------------------- expressions

struct Expression;
using ExpressionPtr = std::unique_ptr<Expression>;

/// `value` or `name: value`.
struct Argument {
  std::optional<Identifier> name;
  ExpressionPtr value;
};

struct Expression {
  enum class Kind {
    Integer,
    Real,
    Bool,
    Size,     // 3x3
    String,   // literal texts and expressions between them
    Name,     // a variable, or a word such as `relu`
    Call,     // int(x), leaky_relu(0.1), rmsprop(lr: 1e-5)
    Tuple,    // (a, b)
    List,     // [a, b]
    Interval, // a..b
    Unary,    // -x, not x
    Binary    // x + y, x == y, x and y
  };
  Kind kind;
  SourceRange range;
  int64_t integer = 0, second = 0; // Integer, Bool; Size: height, width
  double real = 0;
  /// Name, Call: the name. Unary, Binary: the operator. String: the text
  /// before the first operand, then `texts` one behind each operand.
  std::string text;
  std::vector<std::string> texts;
  std::vector<ExpressionPtr> operands;
  std::vector<Argument> arguments; // Call
};

// -------------------------------------------------------------- statements

struct Statement;
using Statements = std::vector<Statement>;

struct Statement {
  enum class Kind {
    Call,   // conv(64, 3x3): a layer or a block
    For,    // for (a, b) in list { body }
    If,     // if condition { body } else { otherwise }
    Merge,  // add or concat: `branches`
    Tap,    // tap "name"
    Require // require condition, "message"
  };
  Kind kind;
  SourceRange range;
  Identifier name;                   // Call, Merge
  std::vector<Argument> arguments;   // Call, Merge
  std::vector<Identifier> variables; // For
  ExpressionPtr expression;          // For: list; If, Require; Tap: the name
  ExpressionPtr message;             // Require
  Statements body, otherwise;
  std::vector<Statements> branches; // Merge
};

// ----------------------------------------------------------------- ranges

/// An end of a slice, or one layer: a number or a name.
using LayerReference = ExpressionPtr;

struct RangePart {
  SourceRange range;
  bool isSlice = false;
  LayerReference first, last; // not a slice: `first` alone
};

/// `all`, `none` or `[parts]`.
struct LayerRange {
  enum class Kind { All, None, Parts };
  Kind kind = Kind::All;
  SourceRange range;
  std::vector<RangePart> parts;
};

// ------------------------------------------------------------------ files

/// A setting: `batch 20`, `freeze [:4]`, `phase warmup { ... }`.
struct Item;
using Items = std::vector<Item>;

struct Item {
  Identifier keyword;
  SourceRange range;
  std::optional<Identifier> name;    // phase
  std::vector<ExpressionPtr> values; // most settings have one
  std::optional<LayerRange> layers;  // freeze, unfreeze
  Items children;                    // train, phase, augment, backbone
  Statements statements;             // head, top
};

struct ParameterDecl {
  Identifier name;
  ExpressionPtr defaultValue; // null: must be given
};

struct BlockDecl {
  Identifier name;
  std::vector<ParameterDecl> parameters;
  Statements body;
};

/// `backbone vgg16(...) { ... }` in a model; `= resnet_cifar(depth: 20)`.
struct BackboneUse {
  Identifier name;
  std::vector<Argument> arguments;
  Items items;
  SourceRange range;
};

struct BackboneDecl {
  Identifier name;
  std::vector<ParameterDecl> parameters;
  Items items; // preprocess, convention, top, ...
  Statements body;
  /// Then there is no body, and the items are those of a name's own.
  std::optional<BackboneUse> sameAs;
};

struct ModelDecl {
  Identifier name;
  SourceRange range;
  Items items; // input, labels, head, train
  std::vector<BackboneUse> backbones;
};

struct FileDecl {
  std::vector<BlockDecl> blocks;
  std::optional<ModelDecl> model;
  std::optional<BackboneDecl> backbone;
};

} // namespace tl::frontend
