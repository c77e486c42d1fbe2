// Results as JSON on stdout, keys in the order they were put in, one object a
// line. File names that are not UTF-8 are written with replacement characters.
#pragma once

#include <cstdio>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace tl::tools {

using Json = nlohmann::ordered_json;

inline std::string toLine(const Json &json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

inline void printJson(const Json &json) { fmt::print("{}", toLine(json)); }

} // namespace tl::tools
