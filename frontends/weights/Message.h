// Text for error messages: names and shapes as found in files that nobody
// vouches for. Control characters are escaped so that a file cannot write to
// the user's terminal, and long names are cut.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace tl::weights {

// 'name', at most about 200 bytes of it.
std::string inQuotes(std::string_view name);
// [3, 3, 8, 1]
std::string shapeText(std::span<const int64_t> shape);
// Levenshtein's distance; names longer than 200 bytes are compared cut.
size_t editDistance(std::string_view a, std::string_view b);

// The number of elements of a shape as a file claims it, or -1 unless every
// extent is at least 1, the rank at most 8 and the product below 2^40.
int64_t checkedElements(std::span<const int64_t> shape);

} // namespace tl::weights
