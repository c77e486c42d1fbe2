// Which layers a range such as [:15], ["block5_conv1":] or ["features.12.*"]
// means, in the list that `tlc --summary` prints.
#pragma once

#include "frontends/tl/AST.h"

namespace tl::frontend {

/// The list as ranges see it: names[i] stands at place i; place 0 of a Keras
/// list is the input, with an empty name.
using LayerNames = llvm::ArrayRef<llvm::StringRef>;

/// One flag a place; nothing after an error was reported. An empty slice, a
/// glob without a match and a number outside the list are errors: none of them
/// can be meant.
std::optional<std::vector<bool>>
resolveRange(const LayerRange &range, LayerNames names, Reporter &reporter);

/// `*` any run of characters, `?` any one.
bool matchesGlob(llvm::StringRef pattern, llvm::StringRef name);

} // namespace tl::frontend
