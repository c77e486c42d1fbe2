// Declarations and settings. The tables say which settings stand where, so that
// a wrong word is answered with the nearest right one.
#include "frontends/tl/Parser.h"

using namespace llvm;

namespace tl::frontend {

static constexpr ItemRule kBackboneUseItems[] = {
    {"weights", ItemForm::Value, {}},
    {"include_top", ItemForm::Value, {}},
    {"freeze", ItemForm::Layers, {}},
    {"precision", ItemForm::Value, {}},
    {"preprocess", ItemForm::Value, {}}};

static constexpr ItemRule kAugmentItems[] = {
    {"flip", ItemForm::CallOrWord, {}},
    {"rotate", ItemForm::CallOrWord, {}},
    {"shift", ItemForm::CallOrWord, {}},
    {"zoom", ItemForm::CallOrWord, {}},
    {"crop", ItemForm::CallOrWord, {}},
    {"color", ItemForm::CallOrWord, {}},
    {"brightness", ItemForm::CallOrWord, {}},
    {"contrast", ItemForm::CallOrWord, {}},
    {"saturation", ItemForm::CallOrWord, {}},
    {"hue", ItemForm::CallOrWord, {}},
    {"views", ItemForm::Value, {}}};

static constexpr ItemRule kPhaseItems[] = {
    {"epochs", ItemForm::Value, {}},
    {"optimizer", ItemForm::Value, {}},
    {"lr", ItemForm::Call, {}},
    {"schedule", ItemForm::Value, {}},
    {"clip_norm", ItemForm::Value, {}},
    {"unfreeze", ItemForm::LayersOf, {}},
    {"batch_norm", ItemForm::Value, {}},
    {"early_stop", ItemForm::CallOrWord, {}},
    {"keep", ItemForm::Value, {}},
    {"ema", ItemForm::Value, {}}};

static constexpr ItemRule kTrainItems[] = {
    {"batch", ItemForm::Value, {}},
    {"loss", ItemForm::Value, {}},
    {"class_weights", ItemForm::Value, {}},
    {"metrics", ItemForm::Values, {}},
    {"split", ItemForm::Value, {}},
    {"seed", ItemForm::Value, {}},
    {"convention", ItemForm::Value, {}},
    {"mixup", ItemForm::Value, {}},
    {"augment", ItemForm::Settings, kAugmentItems},
    {"phase", ItemForm::Named, kPhaseItems}};

static constexpr ItemRule kModelItems[] = {
    {"input", ItemForm::Value, {}},
    {"labels", ItemForm::Values, {}},
    {"head", ItemForm::Statements, {}},
    {"train", ItemForm::Settings, kTrainItems}};

// In a backbone file these stand among the layers.
static constexpr ItemRule kBackboneItems[] = {
    {"preprocess", ItemForm::Value, {}},    {"published", ItemForm::Value, {}},
    {"image_size", ItemForm::Value, {}},    {"least_size", ItemForm::Value, {}},
    {"weights_from", ItemForm::Values, {}}, {"licence", ItemForm::Value, {}},
    {"convention", ItemForm::Value, {}},    {"ignore", ItemForm::Values, {}},
    {"top", ItemForm::Statements, {}}};

static const ItemRule *findRule(ArrayRef<ItemRule> rules, StringRef keyword) {
  for (const ItemRule &rule : rules)
    if (rule.keyword == keyword)
      return &rule;
  return nullptr;
}

static SmallVector<StringRef> keywords(ArrayRef<ItemRule> rules) {
  SmallVector<StringRef> names;
  for (const ItemRule &rule : rules)
    names.push_back(rule.keyword);
  return names;
}

std::optional<FileDecl> parseFile(const SourceFile &file, Reporter &reporter) {
  return Parser({&file, 0, file.text().size()}, reporter).file();
}

// ------------------------------------------------------------------ tokens

void Parser::advance() {
  previous = token.range;
  token = lexer.next();
}

mlir::InFlightDiagnostic Parser::unexpected(const Twine &expected) {
  mlir::InFlightDiagnostic diagnostic = reporter.error(token.range);
  switch (token.kind) {
  case TokenKind::Error:
    diagnostic << lexer.message();
    break;
  case TokenKind::End:
    diagnostic << "expected " << expected.str() << ", found the end of the "
               << (token.range.end == token.range.file->text().size()
                       ? "file"
                       : "expression");
    break;
  case TokenKind::String:
    diagnostic << "expected " << expected.str() << ", found "
               << token.text().take_front(64);
    break;
  default:
    diagnostic << "expected " << expected.str() << ", found '"
               << token.text().take_front(64) << "'";
  }
  return diagnostic;
}

bool Parser::accept(StringRef punctuation) {
  if (!token.is(punctuation))
    return false;
  advance();
  return true;
}

bool Parser::expect(StringRef punctuation, StringRef where) {
  if (accept(punctuation))
    return true;
  unexpected("'" + punctuation + "' " + where);
  return false;
}

bool Parser::identifier(Identifier &identifier, StringRef what) {
  if (token.kind != TokenKind::Name) {
    unexpected(what);
    return false;
  }
  identifier = {token.text().str(), token.range};
  advance();
  return true;
}

bool Parser::Deeper::fits() {
  constexpr unsigned kDeepest = 128;
  if (parser.depth <= kDeepest)
    return true;
  parser.reporter.error(parser.token.range)
      << "nested more than " << kDeepest << " deep";
  return false;
}

// ------------------------------------------------------------ declarations

// file = { block | model | backbone } ;   at most one model and one backbone
std::optional<FileDecl> Parser::file() {
  FileDecl file;
  while (token.kind != TokenKind::End) {
    SourceRange start = token.range;
    if (token.isName("block")) {
      if (!block(file.blocks.emplace_back()))
        return std::nullopt;
    } else if ((token.isName("model") && file.model) ||
               (token.isName("backbone") && file.backbone)) {
      reporter.error(start)
          << "a file holds one " << token.text() << ", found a second one";
      return std::nullopt;
    } else if (token.isName("model")) {
      if (!model(file.model.emplace()))
        return std::nullopt;
    } else if (token.isName("backbone")) {
      if (!backboneDecl(file.backbone.emplace()))
        return std::nullopt;
    } else {
      StringRef found = token.kind == TokenKind::Name ? token.text() : "";
      unexpected("'model', 'backbone' or 'block'")
          << suggestion(found, {"model", "backbone", "block"});
      return std::nullopt;
    }
  }
  if (!file.model && !file.backbone) {
    unexpected("'model' or 'backbone'");
    return std::nullopt;
  }
  return file;
}

// block = "block" , name , parameters , "{" , { statement } , "}" ;
bool Parser::block(BlockDecl &block) {
  advance();
  return identifier(block.name, "the block's name") &&
         parameters(block.parameters) &&
         expect("{", "before the block's layers") && statements(block.body);
}

// parameters = "(" , [ parameter , { "," , parameter } ] , ")" ;
// parameter = name , [ ":" , expression ] ;
bool Parser::parameters(std::vector<ParameterDecl> &parameters) {
  if (!expect("(", "before the parameters"))
    return false;
  while (!accept(")")) {
    if (!parameters.empty() && !expect(",", "or ')' after a parameter"))
      return false;
    ParameterDecl &parameter = parameters.emplace_back();
    if (!identifier(parameter.name, "a parameter's name"))
      return false;
    if (accept(":") && !(parameter.defaultValue = expression()))
      return false;
  }
  return true;
}

// backbone = "backbone" , name , [ parameters ] ,
//            ( "{" , { backbone-item | statement } , "}"
//            | "=" , name , [ arguments ] , [ "{" , { item } , "}" ] ) ;
bool Parser::backboneDecl(BackboneDecl &backbone) {
  advance();
  if (!identifier(backbone.name, "the backbone's name") ||
      (token.is("(") && !parameters(backbone.parameters)))
    return false;
  if (accept("="))
    return sameBackbone(backbone);
  if (!expect("{", "before the backbone's layers"))
    return false;
  while (!accept("}")) {
    const ItemRule *rule = token.kind == TokenKind::Name
                               ? findRule(kBackboneItems, token.text())
                               : nullptr;
    if (rule ? !item(*rule, backbone.items.emplace_back())
             : !statement(backbone.body.emplace_back()))
      return false;
  }
  return true;
}

bool Parser::sameBackbone(BackboneDecl &backbone) {
  // What a name for another backbone may say anew: all that is no layer.
  auto rules = ArrayRef(kBackboneItems).take_front(6);
  return namedBackbone(backbone.sameAs.emplace()) &&
         (!accept("{") || items(rules, "backbone", backbone.items));
}

// model = "model" , name , "{" , { model-item | backbone-use } , "}" ;
bool Parser::model(ModelDecl &model) {
  SourceRange start = token.range;
  advance();
  if (!identifier(model.name, "the model's name") ||
      !expect("{", "after the model's name"))
    return false;
  model.range = start.to(model.name.range);
  SmallVector<StringRef> names = keywords(kModelItems);
  names.push_back("backbone");
  while (!accept("}")) {
    if (token.isName("backbone")) {
      if (!backboneUse(model.backbones.emplace_back()))
        return false;
      continue;
    }
    StringRef found = token.kind == TokenKind::Name ? token.text() : "";
    const ItemRule *rule = findRule(kModelItems, found);
    if (!rule) {
      unexpected(alternatives(names) + " in a model")
          << suggestion(found, names);
      return false;
    }
    if (!item(*rule, model.items.emplace_back()))
      return false;
  }
  return true;
}

// name , [ arguments ]
bool Parser::namedBackbone(BackboneUse &use) {
  SourceRange start = token.range;
  if (!identifier(use.name, "the backbone's name") ||
      (token.is("(") && !arguments(use.arguments)))
    return false;
  use.range = start.to(previous);
  return true;
}

// backbone-use = "backbone" , name , [ arguments ] , "{" , { item } , "}" ;
bool Parser::backboneUse(BackboneUse &use) {
  SourceRange start = token.range;
  advance();
  if (!namedBackbone(use))
    return false;
  use.range = start.to(previous);
  return expect("{", "after the backbone's name") &&
         items(kBackboneUseItems, "backbone", use.items);
}

// ---------------------------------------------------------------- settings

// Everything up to the closing brace, which it takes too.
bool Parser::items(ArrayRef<ItemRule> rules, StringRef owner, Items &items) {
  while (!accept("}")) {
    StringRef found = token.kind == TokenKind::Name ? token.text() : "";
    const ItemRule *rule = findRule(rules, found);
    if (!rule) {
      SmallVector<StringRef> names = keywords(rules);
      unexpected(alternatives(names) + " in '" + owner + "'")
          << suggestion(found, names);
      return false;
    }
    if (!item(*rule, items.emplace_back()))
      return false;
  }
  return true;
}

static bool appendTo(std::vector<ExpressionPtr> &values, ExpressionPtr value) {
  if (!value)
    return false;
  values.push_back(std::move(value));
  return true;
}

// item = keyword , what its form says ;
bool Parser::item(const ItemRule &rule, Item &item) {
  item.keyword = {token.text().str(), token.range};
  bool good = true;
  if (rule.form == ItemForm::Call || rule.form == ItemForm::CallOrWord) {
    good = appendTo(item.values, nameOrCall());
    if (good && rule.form == ItemForm::Call &&
        item.values[0]->kind != Expression::Kind::Call) {
      unexpected("'(' after '" + item.keyword.text + "'");
      return false;
    }
    item.range = item.keyword.range.to(previous);
    return good;
  }
  advance();
  switch (rule.form) {
  case ItemForm::Value:
    good = appendTo(item.values, expression());
    break;
  case ItemForm::Values:
    do
      good = appendTo(item.values, expression());
    while (good && accept(","));
    break;
  case ItemForm::LayersOf:
    if (!token.isName("backbone")) {
      unexpected("'backbone' after '" + item.keyword.text + "'");
      return false;
    }
    advance();
    [[fallthrough]];
  case ItemForm::Layers:
    good = layers(item.layers.emplace());
    break;
  case ItemForm::Named:
    if (!identifier(item.name.emplace(),
                    "the " + item.keyword.text + "'s name"))
      return false;
    [[fallthrough]];
  case ItemForm::Settings:
    item.range = item.keyword.range.to(previous);
    return expect("{", "after '" + item.keyword.text + "'") &&
           items(rule.children, item.keyword.text, item.children);
  case ItemForm::Statements:
    item.range = item.keyword.range;
    return expect("{", "after '" + item.keyword.text + "'") &&
           statements(item.statements);
  case ItemForm::Call:
  case ItemForm::CallOrWord:
    break;
  }
  item.range = item.keyword.range.to(previous);
  return good;
}

} // namespace tl::frontend
