// `train { ... }`: batch, loss and what holds for all phases.
#include "frontends/tl/Recipe.h"

using namespace llvm;

namespace tl::frontend {

StringMap<const Item *> collectSettings(const Items &items,
                                        ArrayRef<StringRef> many,
                                        Reporter &reporter) {
  StringMap<const Item *> settings;
  for (const Item &item : items) {
    if (is_contained(many, item.keyword.text))
      continue;
    auto [entry, fresh] = settings.try_emplace(item.keyword.text, &item);
    if (fresh)
      continue;
    auto diagnostic = reporter.error(item.keyword.range);
    diagnostic << "'" << item.keyword.text << "' is given twice";
    reporter.note(diagnostic, entry->second->keyword.range, "it is given here");
  }
  return settings;
}

std::optional<Convention> readConvention(const Item &item, Reporter &reporter) {
  Scope none;
  auto value = evaluate(*item.values[0], none, reporter);
  auto word = value ? ValueReader(reporter, none)
                          .word(*value, "convention", {"keras", "torch"})
                    : std::nullopt;
  if (!word)
    return std::nullopt;
  return *word == "keras" ? Convention::Keras : Convention::Torch;
}

namespace {

class TrainReader {
public:
  explicit TrainReader(Reporter &reporter)
      : reporter(reporter), reader(reporter, none) {}

  Train read(const Item &item);

private:
  void numbers(const StringMap<const Item *> &settings);
  void loss(const Item &item);
  void metrics(const Item &item);
  void classWeights(const Item &item);
  std::optional<Value> value(const Item &item) {
    return evaluate(*item.values[0], none, reporter);
  }

  Reporter &reporter;
  Scope none;
  ValueReader reader;
  Train train;
};

void TrainReader::numbers(const StringMap<const Item *> &settings) {
  if (const Item *item = settings.lookup("batch"))
    if (auto v = value(*item))
      train.batch = reader.integer(*v, "batch", 1, 1 << 16).value_or(1);
  if (const Item *item = settings.lookup("seed"))
    if (auto v = value(*item))
      train.seed = reader.integer(*v, "seed", 0, INT64_MAX).value_or(0);
  if (const Item *item = settings.lookup("split"))
    if (auto v = value(*item))
      if (auto split = reader.real(*v, "split")) {
        train.split = *split;
        if (!(*split > 0 && *split < 1))
          reader.expected(*v, "a number above 0 and below 1", "split");
      }
  if (const Item *item = settings.lookup("mixup"))
    if (auto v = value(*item))
      if (auto alpha = reader.real(*v, "mixup")) {
        train.mixup = *alpha;
        train.mixupRange = item->range;
        if (!(*alpha > 0))
          reader.expected(*v, "a number above 0", "mixup");
      }
}

void TrainReader::loss(const Item &item) {
  const Expression &e = *item.values[0];
  train.lossRange = e.range;
  static constexpr StringRef kLosses[] = {"binary_crossentropy",
                                          "categorical_crossentropy"};
  bool named =
      e.kind == Expression::Kind::Name || e.kind == Expression::Kind::Call;
  if (!named || !is_contained(kLosses, e.text)) {
    auto v = value(item);
    if (v && v->kind == Value::Kind::Word)
      v->called = false;
    if (v)
      reader.word(*v, "loss", kLosses);
    return;
  }
  train.loss = e.text;
  auto arguments = bindArguments(e.text, e.range, e.arguments,
                                 {{"label_smoothing"}}, 0, none, reporter);
  if (!arguments || !arguments->contains("label_smoothing"))
    return;
  const Value &v = (*arguments)["label_smoothing"];
  auto smoothing = reader.real(v, "label_smoothing");
  if (!smoothing)
    return;
  train.labelSmoothing = *smoothing;
  if (!(*smoothing >= 0 && *smoothing < 1))
    reader.expected(v, "a number of at least 0 and below 1", "label_smoothing");
}

void TrainReader::metrics(const Item &item) {
  for (const ExpressionPtr &e : item.values) {
    auto v = evaluate(*e, none, reporter);
    if (!v)
      continue;
    if (v->kind == Value::Kind::Word && v->text == "top_k" && v->called) {
      train.topKRange = e->range;
      if (v->elements.size() == 1)
        train.topK =
            reader.integer(v->elements[0], "top_k", 1, 1 << 20).value_or(0);
      else
        reader.expected(*v, "one number, as in top_k(5),", "top_k");
      continue;
    }
    auto word = reader.word(*v, "metrics", {"accuracy", "top_k", "auc"});
    if (word && *word == "top_k")
      reader.expected(*v, "top_k(5)", "metrics");
    if (word && *word == "auc") {
      train.auc = true;
      train.aucRange = e->range;
    }
  }
}

/// `balanced`, or a list with one number a class.
void TrainReader::classWeights(const Item &item) {
  auto v = value(item);
  if (!v)
    return;
  bool list = v->kind == Value::Kind::List;
  if (!list && !reader.word(*v, "class_weights", {"balanced"}))
    return;
  train.balancedWeights = !list;
  train.classWeightsRange = item.values[0]->range;
  for (const Value &element : v->elements) {
    auto weight = reader.real(element, "class_weights");
    if (!weight)
      return;
    train.classWeights.push_back(*weight);
    if (!(*weight >= 0))
      reader.expected(element, "a number of at least 0", "class_weights");
  }
}

Train TrainReader::read(const Item &item) {
  train.range = item.range;
  train.lossRange = item.range;
  auto settings = collectSettings(item.children, {"phase"}, reporter);
  numbers(settings);
  if (const Item *convention = settings.lookup("convention"))
    train.convention =
        readConvention(*convention, reporter).value_or(Convention::Keras);
  if (const Item *given = settings.lookup("loss"))
    loss(*given);
  else
    reporter.error(item.range)
        << "'train' needs a loss: binary_crossentropy or "
           "categorical_crossentropy";
  if (const Item *given = settings.lookup("metrics"))
    metrics(*given);
  if (const Item *given = settings.lookup("class_weights"))
    classWeights(*given);
  if (const Item *given = settings.lookup("augment"))
    train.augment = readAugment(*given, reporter);
  StringMap<SourceRange> names;
  for (const Item &child : item.children) {
    if (child.keyword.text != "phase")
      continue;
    const Phase *previous =
        train.phases.empty() ? nullptr : &train.phases.back();
    Phase phase = readPhase(child, previous, train.convention, reporter);
    auto [entry, fresh] = names.try_emplace(phase.name.text, phase.name.range);
    if (!fresh) {
      auto diagnostic = reporter.error(phase.name.range);
      diagnostic << "the phase '" << phase.name.text << "' is given twice";
      reporter.note(diagnostic, entry->second, "it is given here");
    }
    train.phases.push_back(std::move(phase));
  }
  if (train.phases.empty())
    reporter.error(item.range)
        << "'train' needs at least one phase, as in phase head { epochs 10  "
           "optimizer adam }";
  return std::move(train);
}

} // namespace

Train readTrain(const Item &item, Reporter &reporter) {
  return TrainReader(reporter).read(item);
}

} // namespace tl::frontend
