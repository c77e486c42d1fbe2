// `phase name { ... }`: epochs, the optimizer with all its constants, and what
// is to come. Defaults of the optimizers stand in dialects/NN/Optimizers.h.
#include "dialects/NN/Optimizers.h"
#include "frontends/tl/Recipe.h"

using namespace llvm;

namespace tl::frontend {

namespace {

class PhaseReader {
public:
  PhaseReader(Convention convention, Reporter &reporter)
      : convention(convention == Convention::Keras ? nn::Convention::Keras
                                                   : nn::Convention::Torch),
        reporter(reporter), reader(reporter, none) {}

  Phase read(const Item &item, const Phase *previous);

private:
  void optimizer(const Item &item);
  bool constant(StringRef name, const Value &value);
  void rates(const Item &item);
  void batchNorm(const Item &item);
  std::optional<Value> value(const Item &item) {
    return evaluate(*item.values[0], none, reporter);
  }

  nn::Convention convention;
  Reporter &reporter;
  Scope none;
  ValueReader reader;
  Phase phase;
};

/// A constant in its range: rates and epsilon above 0, averages below 1.
bool PhaseReader::constant(StringRef name, const Value &value) {
  if (name == "nesterov") {
    auto flag = reader.boolean(value, name);
    phase.nesterov = flag.value_or(false);
    return flag.has_value();
  }
  auto number = reader.real(value, name);
  if (!number)
    return false;
  bool positive = name == "lr" || name == "epsilon";
  if (positive && !(*number > 0)) {
    reader.expected(value, "a number above 0", name);
    return false;
  }
  if (name == "weight_decay" && !(*number >= 0)) {
    reader.expected(value, "a number of at least 0", name);
    return false;
  }
  if (!positive && name != "weight_decay" && !(*number >= 0 && *number < 1)) {
    reader.expected(value, "a number of at least 0 and below 1", name);
    return false;
  }
  if (name == "lr") {
    phase.learningRate = *number;
    return true;
  }
  for (auto &[key, byDefault] : phase.constants)
    if (key == name)
      byDefault = *number;
  return true;
}

void PhaseReader::optimizer(const Item &item) {
  const Expression &e = *item.values[0];
  bool named =
      e.kind == Expression::Kind::Name || e.kind == Expression::Kind::Call;
  auto kind = named ? nn::symbolizeOptimizerKind(e.text) : std::nullopt;
  phase.hasOptimizer = true;
  if (!kind) {
    static constexpr StringRef kNames[] = {"sgd", "rmsprop", "adam", "adamw"};
    auto diagnostic = reporter.error(e.range);
    diagnostic << "expected " << alternatives(kNames) << " for 'optimizer'";
    if (named)
      diagnostic << ", found '" << e.text << "'" << suggestion(e.text, kNames);
    return;
  }
  phase.optimizer = *kind;
  phase.nesterov = false;
  phase.learningRate = nn::defaultLearningRate(*kind, convention);
  phase.constants.clear();
  SmallVector<ArgumentRule> rules{{"lr"}};
  for (auto [name, byDefault] : nn::defaultConstants(*kind, convention)) {
    phase.constants.emplace_back(name.str(), byDefault);
    rules.push_back({name});
  }
  if (*kind == nn::OptimizerKind::Sgd)
    rules.push_back({"nesterov"});
  auto arguments =
      bindArguments(e.text, e.range, e.arguments, rules, 0, none, reporter);
  if (!arguments)
    return;
  for (const ArgumentRule &rule : rules)
    if (auto given = arguments->find(rule.name);
        given != arguments->end() && !constant(rule.name, given->second))
      return;
  if (phase.nesterov && phase.constants.front().second == 0)
    reporter.error((*arguments)["nesterov"].range)
        << "'nesterov' needs a momentum above 0";
}

/// `lr(backbone: 1e-5, head: 1e-3)`: rates of their own, whatever the
/// optimizer says.
void PhaseReader::rates(const Item &item) {
  const Expression &e = *item.values[0];
  auto arguments = bindArguments("lr", e.range, e.arguments,
                                 {{"backbone"}, {"head"}}, 0, none, reporter);
  if (!arguments)
    return;
  phase.rateRange = item.range;
  for (bool backbone : {true, false}) {
    StringRef name = backbone ? "backbone" : "head";
    auto given = arguments->find(name);
    if (given == arguments->end())
      continue;
    auto rate = reader.real(given->second, name);
    if (!rate)
      return;
    if (!(*rate > 0))
      return reader.expected(given->second, "a number above 0", name);
    (backbone ? phase.backboneRate : phase.headRate) = *rate;
    (backbone ? phase.ownBackboneRate : phase.ownHeadRate) = true;
  }
  if (arguments->empty())
    reporter.error(item.range)
        << "'lr' needs a rate, as in lr(backbone: 1e-5, head: 1e-3)";
}

void PhaseReader::batchNorm(const Item &item) {
  auto v = value(item);
  auto word =
      v ? reader.word(*v, "batch_norm", {"train", "frozen"}) : std::nullopt;
  if (!word)
    return;
  phase.batchNormTrain = *word == "train";
  phase.batchNormRange = item.range;
}

Phase PhaseReader::read(const Item &item, const Phase *previous) {
  if (previous)
    phase = *previous;
  phase.name = *item.name;
  phase.range = item.range;
  phase.unfreeze = nullptr;
  phase.ownBackboneRate = phase.ownHeadRate = false;
  phase.batchNormRange = {};
  auto settings = collectSettings(item.children, {}, reporter);
  // A new optimizer sets the rate of everything; lr(...) refines that, also
  // where it is written first.
  if (settings.contains("optimizer"))
    phase.backboneRate = phase.headRate = std::nullopt;
  // In the order written, so that messages come in that order too.
  for (const Item &child : item.children) {
    StringRef keyword = child.keyword.text;
    if (keyword == "optimizer") {
      optimizer(child);
    } else if (keyword == "lr") {
      rates(child);
    } else if (keyword == "batch_norm") {
      batchNorm(child);
    } else if (keyword == "unfreeze") {
      phase.unfreeze = &*child.layers;
      phase.unfreezeRange = child.range;
    } else if (keyword == "epochs") {
      if (auto v = value(child))
        phase.epochs = reader.integer(*v, "epochs", 1, 1 << 20).value_or(1);
    } else if (keyword == "keep") {
      if (auto v = value(child))
        if (auto word = reader.word(*v, "keep", {"best", "last"}))
          phase.keepBest = *word == "best";
    } else {
      readSteps(child, phase, reporter);
    }
  }
  if (!phase.hasOptimizer)
    reporter.error(phase.range)
        << "the phase '" << phase.name.text
        << "' needs an optimizer: sgd, rmsprop, adam or adamw";
  if (phase.epochs == 0 && !settings.contains("epochs"))
    reporter.error(phase.range)
        << "the phase '" << phase.name.text << "' needs its epochs";
  checkWarmup(phase, reporter);
  return std::move(phase);
}

} // namespace

Phase readPhase(const Item &item, const Phase *previous, Convention convention,
                Reporter &reporter) {
  return PhaseReader(convention, reporter).read(item, previous);
}

} // namespace tl::frontend
