// How a picture becomes the network's input. The presets are those of
// keras/src/applications/imagenet_utils.py (caffe, tf) and of torchvision's
// ImageNet models (torch). All of them resize straight to the input's size with
// Pillow's bilinear filter, unless the model says more: GRAMMAR.md says why.
#include "frontends/tl/Recipe.h"

using namespace llvm;

namespace tl::frontend {

static const StringRef kWords[] = {"caffe", "torch", "tf", "raw", "custom"};

static Preprocess preset(StringRef name, size_t channels) {
  Preprocess p;
  p.name = name.str();
  p.mean.assign(channels, 0);
  p.deviation.assign(channels, 1);
  if (name == "caffe") {
    p.bgr = true;
    p.mean = {103.939, 116.779, 123.68};
  } else if (name == "tf") {
    p.scale = 1 / 127.5;
    p.mean.assign(channels, 1);
  } else if (name == "torch") {
    p.scale = 1 / 255.0;
    p.mean = {0.485, 0.456, 0.406};
    p.deviation = {0.229, 0.224, 0.225};
  }
  return p;
}

namespace {

/// `custom(...)`, and what may be said of a preset: `torch(resize_to: 256)`.
class CallReader {
public:
  CallReader(ArrayRef<int64_t> input, Reporter &reporter)
      : input(input), reporter(reporter), reader(reporter, none) {}

  std::optional<Preprocess> read(const Expression &call);

private:
  bool channels(const Value &value, StringRef name, std::vector<double> &out);
  bool order(const Value &value, Preprocess &p);
  bool resize(const BoundArguments &arguments, Preprocess &p);

  ArrayRef<int64_t> input;
  Reporter &reporter;
  Scope none;
  ValueReader reader;
};

/// One number for all channels, or a list with one a channel.
bool CallReader::channels(const Value &value, StringRef name,
                          std::vector<double> &out) {
  size_t count = input[2];
  if (value.isNumber()) {
    out.assign(count, value.number());
    return true;
  }
  if (value.kind != Value::Kind::List || value.elements.size() != count) {
    reader.expected(value, "a number or a list of " + Twine(count), name);
    return false;
  }
  out.clear();
  for (const Value &element : value.elements) {
    auto number = reader.real(element, name);
    if (!number)
      return false;
    out.push_back(*number);
  }
  return true;
}

bool CallReader::resize(const BoundArguments &arguments, Preprocess &p) {
  auto find = [&](StringRef name) {
    auto found = arguments.find(name);
    return found == arguments.end() ? nullptr : &found->second;
  };
  if (const Value *value = find("resize")) {
    auto word = reader.word(*value, "resize",
                            {"nearest", "bilinear", "bicubic", "tf_bilinear"});
    if (!word)
      return false;
    p.resize = word->str();
  }
  const Value *to = find("resize_to"), *crop = find("crop");
  if (!to && !crop)
    return true;
  if (!to) {
    reporter.error(crop->range)
        << "'crop' (the input's size) needs 'resize_to' (the short side)";
    return false;
  }
  auto side = reader.integer(*to, "resize_to", 1, 1 << 16);
  std::optional<std::pair<int64_t, int64_t>> size({input[0], input[1]});
  if (crop)
    size = reader.size(*crop, "crop", 1, 1 << 16);
  if (!size || !side)
    return false;
  if (size->first != input[0] || size->second != input[1]) {
    reporter.error(crop->range)
        << "'crop' must be the input's size, " << input[0] << "x" << input[1]
        << ", found " << size->first << "x" << size->second;
    return false;
  }
  if (*side < std::max(input[0], input[1])) {
    reporter.error(to->range)
        << "'resize_to' must be at least " << std::max(input[0], input[1])
        << " to hold the crop, found " << *side;
    return false;
  }
  p.resizeTo = *side;
  p.crop = true;
  return true;
}

std::optional<Preprocess> CallReader::read(const Expression &call) {
  static constexpr ArgumentRule kRules[] = {{"resize"}, {"resize_to"}, {"crop"},
                                            {"order"},  {"scale"},     {"mean"},
                                            {"std"}};
  // A preset's values are what its name says; how it resizes is open.
  ArrayRef<ArgumentRule> rules(kRules);
  if (call.text != "custom")
    rules = rules.take_front(3);
  auto arguments = bindArguments(call.text, call.range, call.arguments, rules,
                                 0, none, reporter);
  if (!arguments)
    return std::nullopt;
  Preprocess p = preset(call.text, input[2]);
  for (const auto &entry : *arguments) {
    StringRef name = entry.getKey();
    const Value &value = entry.getValue();
    bool good = true;
    if (name == "order" && input[2] == 1) {
      reporter.error(value.range) << "a grey picture has no 'order'";
      good = false;
    } else if (name == "order") {
      auto word = reader.word(value, "order", {"rgb", "bgr"});
      good = word.has_value();
      p.bgr = good && *word == "bgr";
    } else if (name == "scale") {
      auto scale = reader.real(value, "scale");
      good = scale.has_value();
      p.scale = scale.value_or(1);
    } else if (name == "mean") {
      good = channels(value, "mean", p.mean);
    } else if (name == "std") {
      good = channels(value, "std", p.deviation);
      if (good &&
          llvm::any_of(p.deviation, [](double d) { return float(d) == 0; })) {
        reader.expected(value, "numbers other than 0", "std");
        good = false;
      }
    }
    if (!good)
      return std::nullopt;
  }
  if (!resize(*arguments, p))
    return std::nullopt;
  return p;
}

} // namespace

bool Preprocess::sameValues(const Preprocess &other) const {
  return bgr == other.bgr && scale == other.scale && mean == other.mean &&
         deviation == other.deviation;
}

std::optional<Preprocess>
readPreprocess(const Item &item, ArrayRef<int64_t> input, Reporter &reporter) {
  const Expression &value = *item.values[0];
  std::optional<Preprocess> result;
  if (value.kind == Expression::Kind::Call &&
      is_contained(kWords, value.text)) {
    result = CallReader(input, reporter).read(value);
  } else {
    Scope none;
    auto word = evaluate(value, none, reporter);
    if (!word)
      return std::nullopt;
    auto name = ValueReader(reporter, none).word(*word, "preprocess", kWords);
    if (!name)
      return std::nullopt;
    if (*name == "custom") {
      reporter.error(value.range) << "'custom' needs its settings, as in "
                                     "custom(scale: 1/255)";
      return std::nullopt;
    }
    result = preset(*name, input[2]);
  }
  if (result && result->mean.size() != size_t(input[2])) {
    reporter.error(value.range)
        << "'" << result->name << "' prepares pictures of "
        << result->mean.size() << " channels, found an input of " << input[2]
        << "; say 'preprocess' raw, tf or custom(...)";
    return std::nullopt;
  }
  if (result)
    result->range = item.range;
  return result;
}

} // namespace tl::frontend
