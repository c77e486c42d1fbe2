// The JSON header of a safetensors file, parsed as a stream of events and not
// into a tree: a hostile header of some megabytes would cost a tree of
// gigabytes, and a tree would silently drop a name given twice.
#pragma once

#include "frontends/weights/Result.h"

#include <array>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace tl::weights {

struct HeaderEntry {
  std::string name;
  std::string dtype;
  std::vector<int64_t> shape;
  // Relative to the end of the header: first byte, one past the last.
  std::array<uint64_t, 2> offsets;
};

struct SafetensorsHeader {
  // In the header's order.
  std::vector<HeaderEntry> entries;
  // `__metadata__`'s "format": "pt", or "tl" for a file of tlrun's; else empty.
  std::string format;
  // Its "written_by": "tlrun" for its files under a framework's names; and the
  // tensors of the head, which these list in "head", one a line.
  std::string writtenBy;
  std::set<std::string> head;
};

// The message does not name the file.
Result<SafetensorsHeader> parseSafetensorsHeader(std::string_view json);

} // namespace tl::weights
