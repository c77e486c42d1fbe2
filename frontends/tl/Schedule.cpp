// How a phase's steps are taken and when they end: `schedule`, `clip_norm`,
// `ema`, `early_stop`. The formulas stand in runtime/core/Schedule.h.
#include "frontends/tl/Recipe.h"

using namespace llvm;

namespace tl::frontend {

namespace {

constexpr StringRef kSchedules[] = {"constant", "step", "cosine", "one_cycle"};
constexpr StringRef kNeedPositive = "a number above 0";

class StepsReader {
public:
  StepsReader(Phase &phase, Reporter &reporter)
      : phase(phase), reporter(reporter), reader(reporter, none) {}

  void schedule(const Item &item);
  void earlyStop(const Item &item);
  void number(const Item &item);

private:
  bool scheduleNumber(StringRef name, const Value &value);
  std::optional<BoundArguments> arguments(const Expression &call,
                                          StringRef callee,
                                          ArrayRef<ArgumentRule> rules) {
    return bindArguments(callee, call.range, call.arguments, rules, 0, none,
                         reporter);
  }

  Phase &phase;
  Reporter &reporter;
  Scope none;
  ValueReader reader;
};

bool StepsReader::scheduleNumber(StringRef name, const Value &value) {
  auto number = reader.real(value, name);
  if (!number)
    return false;
  if (name == "warmup") {
    phase.warmup = *number;
    phase.warmupRange = value.range;
    if (*number >= 0)
      return true;
    reader.expected(value, "a number of at least 0", name);
    return false;
  }
  (name == "every" ? phase.scheduleEvery : phase.scheduleFactor) = *number;
  bool good = *number > 0 && (name == "every" || *number <= 1);
  if (!good)
    reader.expected(value,
                    name == "every" ? kNeedPositive
                                    : "a number above 0 and at most 1",
                    name);
  return good;
}

void StepsReader::schedule(const Item &item) {
  const Expression &e = *item.values[0];
  bool named =
      e.kind == Expression::Kind::Name || e.kind == Expression::Kind::Call;
  if (!named || !is_contained(kSchedules, e.text)) {
    auto diagnostic = reporter.error(e.range);
    diagnostic << "expected " << alternatives(kSchedules) << " for 'schedule'";
    if (named)
      diagnostic << ", found '" << e.text << "'"
                 << suggestion(e.text, kSchedules);
    return;
  }
  phase.schedule = e.text;
  phase.warmup = 0;
  phase.scheduleEvery = 1;
  phase.scheduleFactor = 0.1;
  SmallVector<ArgumentRule> rules{{"warmup"}};
  if (e.text == "step")
    rules.append({{"every", /*required=*/true}, {"factor"}});
  auto bound = arguments(e, e.text, rules);
  if (!bound)
    return;
  for (const ArgumentRule &rule : rules)
    if (auto given = bound->find(rule.name);
        given != bound->end() && !scheduleNumber(rule.name, given->second))
      return;
}

void StepsReader::earlyStop(const Item &item) {
  const Expression &e = *item.values[0];
  auto bound = arguments(e, "early_stop", {{"patience", /*required=*/true}});
  if (bound)
    phase.earlyStop =
        reader.integer((*bound)["patience"], "patience", 1, 1 << 20)
            .value_or(1);
}

void StepsReader::number(const Item &item) {
  StringRef keyword = item.keyword.text;
  bool ema = keyword == "ema";
  auto value = evaluate(*item.values[0], none, reporter);
  auto number = value ? reader.real(*value, keyword) : std::nullopt;
  if (!number)
    return;
  if (*number > 0 && (!ema || *number < 1))
    (ema ? phase.ema : phase.clipNorm) = *number;
  else
    reader.expected(
        *value, ema ? StringRef("a number above 0 and below 1") : kNeedPositive,
        keyword);
}

} // namespace

bool readSteps(const Item &item, Phase &phase, Reporter &reporter) {
  StepsReader reader(phase, reporter);
  StringRef keyword = item.keyword.text;
  if (keyword == "schedule")
    reader.schedule(item);
  else if (keyword == "early_stop")
    reader.earlyStop(item);
  else if (keyword == "clip_norm" || keyword == "ema")
    reader.number(item);
  else
    return false;
  return true;
}

void checkWarmup(const Phase &phase, Reporter &reporter) {
  if (phase.epochs == 0 || phase.warmup < double(phase.epochs))
    return;
  reporter.error(phase.warmupRange)
      << "the phase '" << phase.name.text << "' has " << phase.epochs
      << (phase.epochs == 1 ? " epoch" : " epochs")
      << ", of which 'warmup' leaves none";
}

} // namespace tl::frontend
