// How summaries write numbers.
#pragma once

#include <cstdint>
#include <string>

namespace tl {

/// 14,714,688.
inline std::string grouped(int64_t number) {
  std::string text = std::to_string(number);
  for (int at = int(text.size()) - 3; at > 0; at -= 3)
    text.insert(at, ",");
  return text;
}

} // namespace tl
