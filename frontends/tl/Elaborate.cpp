// Statements to layers; see the header.
#include "frontends/tl/Elaborate.h"

using namespace llvm;

namespace tl::frontend {

// A deep residual network has a few hundred layers; a loop or a recursion that
// passes these numbers is a mistake.
constexpr unsigned kMostSteps = 100000, kMostLayers = 10000, kDeepestBlock = 64;

static bool checkVariable(const Identifier &name, Reporter &reporter) {
  if (!is_contained({"true", "false", "and", "or", "not", "in", "for", "if",
                     "else", "int", "min", "max"},
                    name.text))
    return true;
  reporter.error(name.range)
      << "'" << name.text << "' is a word of the language; choose another name";
  return false;
}

static void checkParameters(ArrayRef<ParameterDecl> parameters,
                            Reporter &reporter) {
  StringMap<SourceRange> seen;
  for (const ParameterDecl &parameter : parameters) {
    checkVariable(parameter.name, reporter);
    auto [entry, fresh] =
        seen.try_emplace(parameter.name.text, parameter.name.range);
    if (fresh)
      continue;
    auto diagnostic = reporter.error(parameter.name.range);
    diagnostic << "the parameter '" << parameter.name.text
               << "' is declared twice";
    reporter.note(diagnostic, entry->second, "it is declared here");
  }
}

Blocks collectBlocks(const FileDecl &file, Reporter &reporter) {
  Blocks blocks;
  for (const BlockDecl &block : file.blocks) {
    if (is_contained(layerNames(), block.name.text)) {
      reporter.error(block.name.range)
          << "'" << block.name.text << "' is a layer; choose another name";
      continue;
    }
    checkVariable(block.name, reporter);
    checkParameters(block.parameters, reporter);
    auto [entry, fresh] = blocks.try_emplace(block.name.text, &block);
    if (fresh)
      continue;
    auto diagnostic = reporter.error(block.name.range);
    diagnostic << "the block '" << block.name.text << "' is declared twice";
    reporter.note(diagnostic, entry->second->name.range, "it is declared here");
  }
  if (file.backbone)
    checkParameters(file.backbone->parameters, reporter);
  return blocks;
}

// A default says what kind of value is meant.
static StringRef kindMismatch(const Value &given, const Value &byDefault) {
  using Kind = Value::Kind;
  bool same = given.kind == byDefault.kind;
  switch (byDefault.kind) {
  case Kind::Integer:
  case Kind::Real:
    return given.isNumber() ? "" : "a number";
  case Kind::Bool:
    return same ? "" : "true or false";
  case Kind::Size:
    return same || given.kind == Kind::Integer ? "" : "a size such as 3x3";
  case Kind::String:
    return same ? "" : "a string in quotes";
  case Kind::Word:
    return same ? "" : "a word";
  case Kind::List:
  case Kind::Interval:
    return given.kind == Kind::List || given.kind == Kind::Interval ? ""
                                                                    : "a list";
  }
  llvm_unreachable("every kind of value is listed");
}

std::optional<Scope> bindParameters(StringRef callee, SourceRange range,
                                    ArrayRef<Argument> arguments,
                                    ArrayRef<ParameterDecl> parameters,
                                    const Scope &callerScope,
                                    Reporter &reporter) {
  SmallVector<ArgumentRule> rules;
  for (const ParameterDecl &parameter : parameters)
    rules.push_back({parameter.name.text, !parameter.defaultValue});
  auto bound = bindArguments(callee, range, arguments, rules, rules.size(),
                             callerScope, reporter);
  if (!bound)
    return std::nullopt;
  Scope scope;
  ValueReader reader(reporter, callerScope);
  for (const ParameterDecl &parameter : parameters) {
    StringRef name = parameter.name.text;
    auto given = bound->find(name);
    std::optional<Value> value;
    if (parameter.defaultValue) {
      value = evaluate(*parameter.defaultValue, scope, reporter);
      if (!value)
        return std::nullopt;
    }
    if (given != bound->end()) {
      StringRef need = value ? kindMismatch(given->second, *value) : "";
      if (!need.empty()) {
        reader.expected(given->second, need, name);
        return std::nullopt;
      }
      value = given->second;
    }
    scope[name] = std::move(*value);
  }
  return scope;
}

bool Elaborator::run(const Statements &list, const Scope &scope,
                     Network &target) {
  network = &target;
  return statements(list, scope);
}

std::optional<std::vector<std::string>>
Elaborator::names(const Statements &list, const Scope &scope,
                  ArrayRef<Layer> before) {
  Network network;
  namesOnly = true;
  bool good = run(list, scope, network);
  namesOnly = false;
  if (!good)
    return std::nullopt;
  StringMap<SourceRange> taken;
  for (const Layer &layer : before)
    taken.try_emplace(layer.name, layer.nameRange);
  nameLayers(network, taken, reporter);
  std::vector<std::string> names;
  for (const Layer &layer : network.layers) {
    names.push_back(layer.name);
    if (!layer.source.empty() && layer.source != layer.name)
      names.push_back(layer.source);
    llvm::append_range(names, layer.otherSources);
  }
  return names;
}

bool Elaborator::step(SourceRange range) {
  if (++steps <= kMostSteps)
    return true;
  reporter.error(range) << "more than " << kMostSteps
                        << " layers, loop turns and conditions";
  return false;
}

bool Elaborator::statements(const Statements &list, const Scope &scope) {
  for (const Statement &one : list)
    if (!statement(one, scope))
      return false;
  return true;
}

/// The scope with the extents of the value that the statement takes. What the
/// file itself calls so stays; those of an earlier value, which have no place
/// in a file, go.
Scope Elaborator::withExtents(const Scope &scope) const {
  Scope inner = scope;
  const Shape &shape = network->shapeOf(network->output);
  auto set = [&](StringRef name, bool known, int64_t extent) {
    auto found = inner.find(name);
    if (found != inner.end() && found->second.range.file)
      return;
    Value value{Value::Kind::Integer, {}};
    value.integer = extent;
    if (known)
      inner[name] = std::move(value);
    else
      inner.erase(name);
  };
  bool picture = shape.size() == 3;
  set("channels", !shape.empty(), shape.empty() ? 0 : shape.back());
  set("height", picture, picture ? shape[0] : 0);
  set("width", picture, picture ? shape[1] : 0);
  return inner;
}

bool Elaborator::statement(const Statement &s, const Scope &outer) {
  if (!step(s.range))
    return false;
  Scope scope = withExtents(outer);
  switch (s.kind) {
  case Statement::Kind::Call:
    return call(s, scope);
  case Statement::Kind::For:
    return forStatement(s, scope);
  case Statement::Kind::If: {
    auto condition = evaluateCondition(*s.expression, scope, reporter);
    return condition && statements(*condition ? s.body : s.otherwise, scope);
  }
  case Statement::Kind::Merge:
    return merge(s, scope);
  case Statement::Kind::Tap:
    return tap(s, scope);
  case Statement::Kind::Require:
    return require(s, scope);
  }
  llvm_unreachable("every kind of statement is listed");
}

bool Elaborator::require(const Statement &s, const Scope &scope) {
  if (namesOnly)
    return true; // what a top that is not used would ask for
  auto holds = evaluateCondition(*s.expression, scope, reporter);
  auto message = holds ? evaluate(*s.message, scope, reporter) : std::nullopt;
  if (!message)
    return false;
  auto text = ValueReader(reporter, scope).string(*message, "require");
  if (text && !*holds)
    reporter.error(s.expression->range) << *text;
  return text && *holds;
}

bool Elaborator::forStatement(const Statement &s, const Scope &scope) {
  for (const Identifier &variable : s.variables)
    if (!checkVariable(variable, reporter))
      return false;
  auto list = evaluate(*s.expression, scope, reporter);
  if (!list)
    return false;
  if (list->kind == Value::Kind::List) {
    for (const Value &element : list->elements)
      if (!forElement(s, element, scope))
        return false;
    return true;
  }
  if (list->kind != Value::Kind::Interval) {
    ValueReader(reporter, scope)
        .expected(*list, "a list or a range such as 1..4", "for");
    return false;
  }
  for (int64_t i = list->integer; i <= list->second; ++i) {
    Value element{Value::Kind::Integer, list->range};
    element.integer = i;
    if (!forElement(s, element, scope))
      return false;
    if (i == INT64_MAX)
      break;
  }
  return true;
}

bool Elaborator::forElement(const Statement &s, const Value &element,
                            const Scope &scope) {
  if (!step(s.range))
    return false;
  Scope inner = scope;
  if (s.variables.size() == 1) {
    inner[s.variables[0].text] = element;
    return statements(s.body, inner);
  }
  if (element.kind != Value::Kind::List ||
      element.elements.size() != s.variables.size()) {
    reporter.error(element.range)
        << "expected " << s.variables.size()
        << " values for the variables of 'for', found " << describe(element);
    return false;
  }
  for (auto [variable, value] : zip_equal(s.variables, element.elements))
    inner[variable.text] = value;
  return statements(s.body, inner);
}

bool Elaborator::tap(const Statement &s, const Scope &scope) {
  auto value = evaluate(*s.expression, scope, reporter);
  if (!value)
    return false;
  Layer named;
  named.range = s.range;
  ValueReader reader(reporter, scope);
  BoundArguments arguments;
  arguments["name"] = *value;
  if (!readNames(arguments, reader, named))
    return false;
  if (network->output == kInputValue) {
    reporter.error(s.range) << "a tap must stand behind a layer";
    return false;
  }
  network->taps.push_back({named.name, network->output, s.expression->range});
  return true;
}

bool Elaborator::append(Layer layer) {
  if (network->layers.size() == kMostLayers) {
    reporter.error(layer.range) << "more than " << kMostLayers << " layers";
    return false;
  }
  network->output = int(network->layers.size());
  network->layers.push_back(std::move(layer));
  return true;
}

static void setMergeKind(StringRef word, Layer &layer) {
  if (word == "add") {
    layer.kind = LayerKind::Add;
    layer.kerasClass = "Add";
  } else if (word == "multiply") {
    layer.kind = LayerKind::Multiply;
    layer.kerasClass = "Multiply";
  } else {
    layer.kind = LayerKind::Concat;
    layer.kerasClass = "Concatenate";
  }
  layer.baseName = StringRef(layer.kerasClass).lower();
}

bool Elaborator::merge(const Statement &s, const Scope &scope) {
  bool isProduct = s.name.text == "multiply";
  size_t count = s.branches.size();
  if (count < 2 || (isProduct && count > 2)) {
    reporter.error(s.range)
        << "'" << s.name.text << "' needs " << (isProduct ? "" : "at least ")
        << "2 branches, found " << count;
    return false;
  }
  Layer layer;
  layer.range = s.range;
  setMergeKind(s.name.text, layer);
  int start = network->output;
  for (const Statements &branch : s.branches) {
    network->output = start;
    if (!statements(branch, scope))
      return false;
    layer.inputs.push_back(network->output);
    layer.inputShapes.push_back(network->shapeOf(network->output));
  }
  ValueReader reader(reporter, scope);
  auto arguments = bindArguments(s.name.text, s.range, s.arguments,
                                 {{"name"}, {"source"}, {"kind"}, {"group"}}, 0,
                                 scope, reporter);
  if (!arguments || !readNames(*arguments, reader, layer))
    return false;
  if (!namesOnly && !mergeShapes(layer, reporter))
    return false;
  return append(std::move(layer));
}

bool Elaborator::call(const Statement &s, const Scope &scope) {
  StringRef name = s.name.text;
  if (auto block = blocks.find(name); block != blocks.end())
    return blockCall(*block->second, s, scope);
  if (const LayerRule *rule = findLayerRule(name))
    return layerCall(*rule, s, scope);
  SmallVector<StringRef> names = layerNames();
  for (StringRef block : blocks.keys())
    names.push_back(block);
  for (StringRef word : {"for", "if", "tap", "require"})
    names.push_back(word);
  if (place == Place::Backbone)
    for (StringRef word : {"preprocess", "convention", "top"})
      names.push_back(word);
  reporter.error(s.name.range)
      << "unknown layer or block '" << name << "'" << suggestion(name, names);
  return false;
}

bool Elaborator::blockCall(const BlockDecl &block, const Statement &s,
                           const Scope &scope) {
  auto inner = bindParameters(block.name.text, s.range, s.arguments,
                              block.parameters, scope, reporter);
  if (!inner)
    return false;
  if (blockDepth == kDeepestBlock) {
    reporter.error(s.range)
        << "blocks call each other more than " << kDeepestBlock << " deep";
    return false;
  }
  Reporter::Within within(reporter, s.range,
                          "in this use of the block '" + block.name.text + "'");
  ++blockDepth;
  bool good = statements(block.body, *inner);
  --blockDepth;
  return good;
}

bool Elaborator::layerCall(const LayerRule &rule, const Statement &s,
                           const Scope &scope) {
  auto arguments =
      bindArguments(rule.name, s.range, s.arguments, rule.arguments,
                    rule.positional, scope, reporter);
  if (!arguments)
    return false;
  ValueReader reader(reporter, scope);
  Layer layer;
  layer.kerasClass = rule.kerasClass.str();
  layer.baseName = rule.baseName.str();
  layer.range = s.range;
  layer.inputs = {network->output};
  layer.inputShapes = {network->shapeOf(network->output)};
  if (!readNames(*arguments, reader, layer))
    return false;
  LayerContext context{rule.name,  s.range, *arguments, layer.inputShapes[0],
                       convention, reader,  reporter};
  if (!namesOnly && !rule.apply(context, layer))
    return false;
  if (place == Place::Head && layer.kind == LayerKind::Normalization) {
    reporter.error(s.range) << "normalization in a head needs 'mean' and "
                               "'variance': no weight file holds them";
    return false;
  }
  return append(std::move(layer));
}

} // namespace tl::frontend
