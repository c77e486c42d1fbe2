// The directory of a zip archive as torch.save writes one: entries are stored
// as they are, each with its data aligned, so that a tensor is a range of the
// file. Compressed and encrypted entries are refused (torch writes none, and
// a small one can unpack to anything), and entries that overlap.
#pragma once

#include "frontends/weights/File.h"

#include <unordered_map>

namespace tl::weights {

// Where an entry's bytes lie in the file.
struct ZipEntry {
  uint64_t offset;
  uint64_t bytes;
};

using ZipDirectory = std::unordered_map<std::string, ZipEntry>;

// Reads the central directory, zip64 too. Messages do not name the file.
Result<ZipDirectory> readZipDirectory(const File &file);

} // namespace tl::weights
