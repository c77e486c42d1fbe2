// `augment { ... }`: how training pictures are changed. Every setting has a
// range in which it can be meant, so that degrees given as a share, or a share
// given as percent, are an error and not an odd training run.
#include "frontends/tl/Recipe.h"

using namespace llvm;

namespace tl::frontend {

namespace {

// More views than anyone could cache.
constexpr int64_t kMostViews = 1000;

/// A setting of one number.
struct NumberRule {
  StringRef keyword;
  double most;
  StringRef need;
  SmallVector<double Augment::*, 3> fields;
};

class AugmentReader {
public:
  explicit AugmentReader(Reporter &reporter)
      : reporter(reporter), reader(reporter, none) {}

  std::optional<Augment> read(const Item &item);

private:
  void number(const Item &item, const NumberRule &rule);
  void flips(const Items &items);
  void crop(const Item &item);
  void views(const Item &item);
  std::optional<SmallVector<Value>> arguments(const Item &item,
                                              StringRef example);

  Reporter &reporter;
  Scope none;
  ValueReader reader;
  Augment augment;
};

/// The values between parentheses; at least one.
std::optional<SmallVector<Value>> AugmentReader::arguments(const Item &item,
                                                           StringRef example) {
  const Expression &e = *item.values[0];
  SmallVector<Value> values;
  for (const Argument &argument : e.arguments) {
    if (argument.name) {
      reporter.error(argument.name->range)
          << "'" << item.keyword.text << "' takes no named arguments";
      return std::nullopt;
    }
    auto value = evaluate(*argument.value, none, reporter);
    if (!value)
      return std::nullopt;
    values.push_back(std::move(*value));
  }
  if (!values.empty())
    return values;
  reporter.error(e.range) << "'" << item.keyword.text
                          << "' takes a value, as in " << example;
  return std::nullopt;
}

void AugmentReader::number(const Item &item, const NumberRule &rule) {
  auto values = arguments(item, (rule.keyword + "(0.2)").str());
  if (!values)
    return;
  if (values->size() > 1) {
    reporter.error((*values)[1].range)
        << "'" << rule.keyword << "' takes one number, found "
        << values->size();
    return;
  }
  auto value = reader.real(values->front(), rule.keyword);
  if (!value)
    return;
  if (!(*value >= 0 && *value <= rule.most))
    return reader.expected(values->front(), rule.need, rule.keyword);
  for (double Augment::*field : rule.fields)
    augment.*field = *value;
}

/// `flip(horizontal)`, `flip(horizontal, vertical)`, or each in a setting of
/// its own.
void AugmentReader::flips(const Items &items) {
  for (const Item &item : items) {
    if (item.keyword.text != "flip")
      continue;
    auto values = arguments(item, "flip(horizontal)");
    if (!values)
      continue;
    for (const Value &value : *values) {
      auto word = reader.word(value, "flip", {"horizontal", "vertical"});
      if (!word)
        continue;
      double &probability =
          *word == "horizontal" ? augment.flipHorizontal : augment.flipVertical;
      if (probability != 0)
        reporter.error(value.range) << "'flip(" << *word << ")' is given twice";
      probability = 0.5;
    }
  }
}

void AugmentReader::crop(const Item &item) {
  auto values = arguments(item, "crop(0.8..1)");
  if (!values)
    return;
  const Value &value = values->front();
  double least = 0, most = 0;
  if (value.kind == Value::Kind::Interval) {
    least = double(value.integer);
    most = double(value.second);
  } else if (value.kind == Value::Kind::List && value.elements.size() == 2 &&
             value.elements[0].isNumber() && value.elements[1].isNumber()) {
    least = value.elements[0].number();
    most = value.elements[1].number();
  }
  if (values->size() != 1 || !(least > 0 && least <= most && most <= 1))
    return reader.expected(value,
                           "shares of the area from above 0 to at most 1, as "
                           "in crop(0.8..1),",
                           "crop");
  augment.cropLeast = least;
  augment.cropMost = most;
}

void AugmentReader::views(const Item &item) {
  auto value = evaluate(*item.values[0], none, reporter);
  if (!value)
    return;
  if (value->isWord("unlimited")) {
    augment.views = 0;
    return;
  }
  if (value->kind == Value::Kind::Word)
    return reader.expected(*value, "a whole number or 'unlimited'", "views");
  augment.views = reader.integer(*value, "views", 1, kMostViews).value_or(1);
}

std::optional<Augment> AugmentReader::read(const Item &item) {
  using A = Augment;
  const NumberRule rules[] = {
      {"rotate", 180, "degrees from 0 to 180", {&A::rotate}},
      {"shift", 1, "a share from 0 to 1", {&A::shift}},
      {"zoom", 0.9, "a share from 0 to 0.9", {&A::zoom}},
      {"color",
       1,
       "a share from 0 to 1",
       {&A::brightness, &A::contrast, &A::saturation}},
      {"brightness", 1, "a share from 0 to 1", {&A::brightness}},
      {"contrast", 1, "a share from 0 to 1", {&A::contrast}},
      {"saturation", 1, "a share from 0 to 1", {&A::saturation}},
      {"hue", 0.5, "a share of the colour circle from 0 to 0.5", {&A::hue}}};
  auto settings = collectSettings(item.children, {"flip"}, reporter);
  for (const NumberRule &rule : rules)
    if (const Item *given = settings.lookup(rule.keyword))
      number(*given, rule);
  for (StringRef keyword : {"saturation", "hue"})
    if (const Item *given = settings.lookup(keyword))
      augment.ofColour = given->keyword;
  flips(item.children);
  if (const Item *given = settings.lookup("crop"))
    crop(*given);
  if (const Item *given = settings.lookup("views"))
    views(*given);
  if (const Item *color = settings.lookup("color"))
    for (StringRef part : {"brightness", "contrast", "saturation"})
      if (const Item *given = settings.lookup(part)) {
        auto diagnostic = reporter.error(given->range);
        diagnostic << "'" << part << "' is given twice";
        reporter.note(diagnostic, color->range,
                      "'color' is brightness, contrast and saturation");
      }
  size_t changes = llvm::count_if(item.children, [](const Item &child) {
    return child.keyword.text != "views";
  });
  if (!changes)
    reporter.error(item.range)
        << "'augment' needs a change, as in flip(horizontal)";
  if (!augment.changesPictures())
    return std::nullopt;
  return augment;
}

} // namespace

bool Augment::changesPictures() const {
  return flipHorizontal != 0 || flipVertical != 0 || rotate != 0 ||
         shift != 0 || zoom != 0 || cropLeast != 1 || brightness != 0 ||
         contrast != 0 || saturation != 0 || hue != 0;
}

std::optional<Augment> readAugment(const Item &item, Reporter &reporter) {
  return AugmentReader(reporter).read(item);
}

} // namespace tl::frontend
