// See Message.h.
#include "frontends/weights/Message.h"

#include <algorithm>
#include <vector>

namespace tl::weights {

constexpr size_t maxShown = 200;

std::string inQuotes(std::string_view name) {
  std::string text = "'";
  for (unsigned char c : name.substr(0, maxShown)) {
    if (c >= 0x20 && c != 0x7f) {
      text += static_cast<char>(c);
      continue;
    }
    constexpr char digits[] = "0123456789abcdef";
    text += "\\x";
    text += digits[c >> 4];
    text += digits[c & 15];
  }
  return text + (name.size() > maxShown ? "...'" : "'");
}

std::string shapeText(std::span<const int64_t> shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i)
    text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + "]";
}

size_t editDistance(std::string_view a, std::string_view b) {
  a = a.substr(0, maxShown);
  b = b.substr(0, maxShown);
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j)
    row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1,
                         diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

int64_t checkedElements(std::span<const int64_t> shape) {
  constexpr int64_t maxElements = int64_t(1) << 40;
  if (shape.size() > 8)
    return -1;
  int64_t product = 1;
  for (int64_t extent : shape) {
    if (extent < 1 || extent > maxElements / product)
      return -1;
    product *= extent;
  }
  return product;
}

} // namespace tl::weights
