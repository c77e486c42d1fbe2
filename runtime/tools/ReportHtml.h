// Text and numbers as the report writes them. Everything that comes from a
// user's file goes through escape().
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tl::tools {

// For element content and quoted attributes. What is not UTF-8, and control
// characters that HTML does not allow, become U+FFFD.
std::string escape(std::string_view text);

// The same of at most about `limit` bytes, with an ellipsis where cut.
std::string escapeShort(std::string_view text, size_t limit);

std::string showCount(uint64_t count);      // "7,079,424"
std::string showPercent(double share);      // "97.5 %"; nan: "–"
std::string showLoss(double loss);          // "0.0123"; nan: "–"
std::string showSeconds(double seconds);    // "12.3 s", "3 min 05 s"
std::string showBytes(uint64_t bytes);      // "1.50 GB"
std::string showOperations(uint64_t count); // "1.2 G"

// A cell with a bar behind its text, from the left, over `share` of its width.
std::string barCell(double share, std::string_view text);

std::string base64(std::string_view bytes);

} // namespace tl::tools
