// What a backbone's file says of itself beside its layers: for which size its
// weights were trained, where they are, under which licence. The list of
// backbones and its page are made of this.
#include "frontends/tl/Recipe.h"

using namespace llvm;

namespace tl::frontend {

bool readStrings(const Item &item, const Scope &scope, Reporter &reporter,
                 std::vector<std::string> &strings) {
  for (const ExpressionPtr &e : item.values) {
    auto value = evaluate(*e, scope, reporter);
    auto text =
        value ? ValueReader(reporter, scope).string(*value, item.keyword.text)
              : std::nullopt;
    if (!text)
      return false;
    strings.push_back(std::move(*text));
  }
  return true;
}

bool readFacts(const StringMap<const Item *> &settings, const Scope &scope,
               Reporter &reporter, BackboneFacts &facts) {
  for (auto [keyword, size] :
       {std::pair<StringRef, int64_t *>{"image_size", &facts.imageSize},
        {"least_size", &facts.leastSize}}) {
    const Item *item = settings.lookup(keyword);
    if (!item)
      continue;
    auto value = evaluate(*item->values[0], scope, reporter);
    auto read =
        value
            ? ValueReader(reporter, scope).integer(*value, keyword, 1, 1 << 14)
            : std::nullopt;
    if (!read)
      return false;
    *size = *read;
  }
  if (const Item *item = settings.lookup("weights_from"))
    if (!readStrings(*item, scope, reporter, facts.weightsFrom))
      return false;
  std::vector<std::string> licence;
  if (const Item *item = settings.lookup("licence"))
    if (!readStrings(*item, scope, reporter, licence))
      return false;
  if (!licence.empty())
    facts.licence = licence[0];
  return true;
}

} // namespace tl::frontend
