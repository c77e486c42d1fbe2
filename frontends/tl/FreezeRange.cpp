// Ranges over the layer list; see the header.
#include "frontends/tl/FreezeRange.h"
#include "frontends/tl/Value.h"

using namespace llvm;

namespace tl::frontend {

// Linear in both lengths but for one backtrack point, so no pattern can hang.
bool matchesGlob(StringRef pattern, StringRef name) {
  size_t p = 0, n = 0, star = StringRef::npos, mark = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      mark = n;
    } else if (p < pattern.size() &&
               (pattern[p] == '?' || pattern[p] == name[n])) {
      ++p;
      ++n;
    } else if (star != StringRef::npos) {
      p = star + 1;
      n = ++mark;
    } else {
      return false;
    }
  }
  return pattern.substr(p).find_first_not_of('*') == StringRef::npos;
}

namespace {

class Resolver {
public:
  Resolver(LayerNames names, Reporter &reporter)
      : names(names), reporter(reporter), chosen(names.size()) {}

  bool part(const RangePart &part) {
    return part.isSlice ? slice(part) : single(part);
  }
  std::vector<bool> take() { return std::move(chosen); }

private:
  bool slice(const RangePart &part);
  bool single(const RangePart &part);
  bool glob(const Value &pattern);
  std::optional<Value> value(const Expression &reference);
  /// The place a number or a name stands for. `end`: one past the last layer
  /// is a place too.
  std::optional<size_t> place(const Value &value, bool end);

  LayerNames names;
  Reporter &reporter;
  std::vector<bool> chosen;
};

std::optional<Value> Resolver::value(const Expression &reference) {
  Scope none;
  auto result = evaluate(reference, none, reporter);
  if (!result || result->kind == Value::Kind::Integer ||
      result->kind == Value::Kind::String)
    return result;
  auto diagnostic = reporter.error(result->range);
  diagnostic << "expected a layer's number, or its name in quotes, found "
             << describe(*result);
  return std::nullopt;
}

std::optional<size_t> Resolver::place(const Value &value, bool end) {
  if (value.kind == Value::Kind::String) {
    for (size_t i = 0; i < names.size(); ++i)
      if (!names[i].empty() && names[i] == value.text)
        return i;
    reporter.error(value.range) << "the backbone has no layer '" << value.text
                                << "'" << suggestion(value.text, names);
    return std::nullopt;
  }
  int64_t count = names.size();
  int64_t last = end ? count : count - 1;
  if (value.integer >= -count && value.integer <= last)
    return value.integer < 0 ? value.integer + count : value.integer;
  reporter.error(value.range)
      << "layer " << value.integer << " is outside the list of " << count
      << " layers, 0 to " << count - 1 << " (see tlc --summary)";
  return std::nullopt;
}

bool Resolver::slice(const RangePart &part) {
  size_t first = 0, last = names.size();
  for (auto [reference, target] :
       {std::pair<const Expression *, size_t *>{part.first.get(), &first},
        {part.last.get(), &last}}) {
    if (!reference)
      continue;
    auto read = value(*reference);
    auto found = read ? place(*read, target == &last) : std::nullopt;
    if (!found)
      return false;
    *target = *found;
  }
  if (first >= last) {
    reporter.error(part.range) << "the range holds no layer: it goes from "
                               << first << " to before " << last;
    return false;
  }
  std::fill(chosen.begin() + first, chosen.begin() + last, true);
  return true;
}

bool Resolver::single(const RangePart &part) {
  auto read = value(*part.first);
  if (!read)
    return false;
  if (read->kind == Value::Kind::String &&
      StringRef(read->text).find_first_of("*?") != StringRef::npos)
    return glob(*read);
  auto found = place(*read, false);
  if (found)
    chosen[*found] = true;
  return found.has_value();
}

bool Resolver::glob(const Value &pattern) {
  bool any = false;
  for (size_t i = 0; i < names.size(); ++i)
    if (!names[i].empty() && matchesGlob(pattern.text, names[i]))
      chosen[i] = any = true;
  if (!any) {
    // "blok5_*" is near "block5_conv1" up to its first star.
    std::string prefix =
        StringRef(pattern.text)
            .take_until([](char c) { return c == '*' || c == '?'; })
            .str();
    SmallVector<StringRef> prefixes;
    for (StringRef name : names)
      prefixes.push_back(name.take_front(prefix.size()));
    StringRef near = nearestName(prefix, prefixes);
    auto diagnostic = reporter.error(pattern.range);
    diagnostic << "no layer's name matches \"" << pattern.text << "\"";
    if (!near.empty())
      diagnostic << "; there are names that begin with '" << near << "'";
  }
  return any;
}

} // namespace

std::optional<std::vector<bool>>
resolveRange(const LayerRange &range, LayerNames names, Reporter &reporter) {
  if (range.kind != LayerRange::Kind::Parts)
    return std::vector<bool>(names.size(), range.kind == LayerRange::Kind::All);
  Resolver resolver(names, reporter);
  for (const RangePart &part : range.parts)
    if (!resolver.part(part))
      return std::nullopt;
  return resolver.take();
}

} // namespace tl::frontend
