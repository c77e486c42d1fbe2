// See ReportHtml.h.
#include "runtime/tools/ReportHtml.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

namespace tl::tools {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD"; // U+FFFD
constexpr std::string_view kNothing = "–";

// Bytes of the well-formed UTF-8 character at the start of `text`; 0: none.
size_t lengthOfCharacter(std::string_view text) {
  auto byte = [&](size_t i) { return uint8_t(text[i]); };
  uint8_t first = byte(0);
  if (first < 0x80)
    return 1;
  size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < length)
    return 0;
  for (size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xC0) != 0x80)
      return 0;
  // Too long a form, a surrogate, past U+10FFFF.
  bool bad =
      (first == 0xE0 && byte(1) < 0xA0) || (first == 0xED && byte(1) > 0x9F) ||
      (first == 0xF0 && byte(1) < 0x90) || (first == 0xF4 && byte(1) > 0x8F);
  return bad ? 0 : length;
}

bool isForbidden(char c) {
  auto byte = uint8_t(c);
  return (byte < 0x20 && c != '\n' && c != '\t') || byte == 0x7F;
}

} // namespace

std::string escape(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    size_t length = lengthOfCharacter(text);
    if (length == 0 || isForbidden(text[0])) {
      out += kReplacement;
      length = 1;
    } else if (text[0] == '&') {
      out += "&amp;";
    } else if (text[0] == '<') {
      out += "&lt;";
    } else if (text[0] == '>') {
      out += "&gt;";
    } else if (text[0] == '"') {
      out += "&quot;";
    } else if (text[0] == '\'') {
      out += "&#39;";
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(length);
  }
  return out;
}

std::string escapeShort(std::string_view text, size_t limit) {
  if (text.size() <= limit)
    return escape(text);
  // Not in the middle of a character.
  while (limit && (uint8_t(text[limit]) & 0xC0) == 0x80)
    --limit;
  return escape(text.substr(0, limit)) + "…";
}

std::string showCount(uint64_t count) {
  std::string digits = std::to_string(count);
  for (size_t at = digits.size(); at > 3; at -= 3)
    digits.insert(at - 3, ",");
  return digits;
}

std::string showPercent(double share) {
  return std::isfinite(share) ? fmt::format("{:.1f}\u00a0%", 100 * share)
                              : std::string(kNothing);
}

std::string showLoss(double loss) {
  if (std::isnan(loss))
    return std::string(kNothing);
  return loss != 0 && std::abs(loss) < 1e-3 ? fmt::format("{:.2e}", loss)
                                            : fmt::format("{:.4f}", loss);
}

std::string showSeconds(double seconds) {
  if (seconds < 99.95)
    return fmt::format("{:.{}f}\u00a0s", seconds, seconds < 0.095 ? 3 : 1);
  auto whole = uint64_t(seconds + 0.5);
  if (whole < 3600)
    return fmt::format("{}\u00a0min {:02}\u00a0s", whole / 60, whole % 60);
  return fmt::format("{}\u00a0h {:02}\u00a0min", whole / 3600, whole / 60 % 60);
}

std::string showBytes(uint64_t bytes) {
  auto amount = double(bytes);
  if (amount < 1e6)
    return fmt::format("{:.0f}\u00a0KB", std::ceil(amount / 1e3));
  if (amount < 1e9)
    return fmt::format("{:.1f}\u00a0MB", amount / 1e6);
  return fmt::format("{:.2f}\u00a0GB", amount / 1e9);
}

std::string showOperations(uint64_t count) {
  auto amount = double(count);
  if (amount < 1e4)
    return showCount(count);
  if (amount < 1e6)
    return fmt::format("{:.1f}\u00a0thousand", amount / 1e3);
  if (amount < 1e9)
    return fmt::format("{:.1f}\u00a0million", amount / 1e6);
  return fmt::format("{:.2f}\u00a0billion", amount / 1e9);
}

std::string barCell(double share, std::string_view text) {
  double width = std::isfinite(share) ? std::clamp(share, 0.0, 1.0) : 0;
  return fmt::format("<td class=\"n bar\" style=\"background-size:{:.1f}% "
                     "100%\">{}</td>",
                     100 * width, text);
}

std::string base64(std::string_view bytes) {
  static constexpr char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnop"
                                   "qrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t at = 0; at < bytes.size(); at += 3) {
    size_t have = std::min<size_t>(3, bytes.size() - at);
    uint32_t group = 0;
    for (size_t i = 0; i < 3; ++i)
      group = group << 8 | (i < have ? uint8_t(bytes[at + i]) : 0u);
    for (size_t i = 0; i < 4; ++i)
      out += i <= have ? digits[group >> (18 - 6 * i) & 63] : '=';
  }
  return out;
}

} // namespace tl::tools
