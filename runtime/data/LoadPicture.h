// One picture from its file to the network's size, with the hash that names it.
#pragma once

#include "runtime/data/Hash.h"
#include "runtime/data/Preprocess.h"

#include <functional>
#include <string>

namespace tl::data {

struct LoadedPicture {
  std::string error;  // not empty: unreadable, and why; starts with the path
  bool known = false; // the caller said so: not decoded
  Hash128 hash;       // of the file's bytes
  Prepared pixels;    // of the network's size
};

// `known` (may be empty) is asked with the file's hash before it is decoded;
// true: what the pixels are wanted for is known already.
LoadedPicture
loadPicture(const std::string &path, const Preprocess &preprocess,
            const std::function<bool(const Hash128 &)> &known = nullptr);

} // namespace tl::data
