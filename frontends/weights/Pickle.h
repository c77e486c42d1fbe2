// Reads a Python pickle as data. A pickle is a program for a small stack
// machine whose words name Python functions to call; here it only describes:
// no function is looked up, imported or run, and a call stays a note of its
// name and arguments. Known are the opcodes that torch.save uses (protocols 2
// to 5); any other is an error that names it and its place.
//
// The values form a graph and not a tree: a pickle of a few hundred bytes can
// name the same list again and again, each time twice, and a list can hold
// itself. So whoever walks it bounds depth and count.
#pragma once

#include "frontends/weights/File.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tl::weights {

struct PickleValue {
  enum class Kind : uint8_t {
    None,
    Integer,  // `integer`; True and False are 1 and 0
    Text,     // `text`, of bytes too
    Sequence, // `items`: a tuple or a list
    Dict,     // `items`: key, value, key, value, ...
    Global,   // function or class number `integer` of `globals`
    Call,     // the same, called with the sequence `items[0]`
    External, // `items[0]` says what the file keeps outside the pickle
    Other,    // a number or object that no weight needs
  };
  Kind kind = Kind::Other;
  int64_t integer = 0;
  std::string text;
  std::vector<uint32_t> items; // places in PickledData::values
};

struct PickledData {
  std::vector<PickleValue> values;
  uint32_t root = 0;
  // The file's offset behind the pickle.
  uint64_t end = 0;
  // Each function or class that the pickle asks for, once, in its order:
  // "torch._utils._rebuild_tensor_v2".
  std::vector<std::string> globals;

  const PickleValue &operator[](uint32_t index) const { return values[index]; }
};

// Reads the pickle that starts at `begin` and ends before `end`. `place` says
// where that is, for messages, which start with it and not with the file.
Result<PickledData> readPickle(const File &file, uint64_t begin, uint64_t end,
                               std::string_view place);

} // namespace tl::weights
