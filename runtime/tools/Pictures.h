// From picture files to what a verb computes of them: decoded and normalised
// ahead on all cores, given over in batches in the order of the files, the
// unreadable ones named, counted and left out.
#pragma once

#include "runtime/data/PictureFolder.h"
#include "runtime/tools/Model.h"

#include <functional>

namespace tl::tools {

// How many pictures run through the network at once.
inline constexpr uint32_t kBatch = 32;

struct Batch {
  std::vector<size_t> indices; // into the files, ascending
  std::vector<float> pixels;   // [n][pixel_count], ready for the network

  uint32_t size() const { return uint32_t(indices.size()); }
};

struct ReadPictures {
  const Model &model;
  std::vector<std::string> files;
  uint32_t threads = 0;
};

// A file that could not be read, with its place among the files.
struct Unreadable {
  size_t index;
  data::SkippedFile file;
};

std::vector<Unreadable> readPictures(const ReadPictures &request,
                                     const std::function<void(Batch &)> &use);

// Names each on stderr; with `strict`, an error if there is one.
void reportSkipped(std::span<const data::SkippedFile> skipped, bool strict);

} // namespace tl::tools
