// Which pictures there are to learn from: a folder for each class, either
// directly in the given folder or under its `train`, with the validation
// pictures under `val`, `valid` or `validation` or split off by a hash.
//
// Every regular file below a class folder counts as a picture, whatever its
// name (decoding tells), except those whose name starts with a dot. Folders
// are entered once, so that links cannot make a scan endless. Everything comes
// in byte order of the relative path, which makes a run repeatable.
#pragma once

#include "runtime/data/Result.h"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace tl::data {

struct PictureFile {
  std::string path;     // to open it
  std::string relative; // "class/name", below the folder of the classes
  uint32_t label = 0;   // index into the labels
};

struct SkippedFile {
  std::string path;
  std::string reason;
};

struct PictureFolder {
  std::vector<std::string> labels;
  std::vector<PictureFile> training;
  std::vector<PictureFile> validation;
  std::vector<SkippedFile> skipped; // sockets, unreadable folders, ...
};

// `labels` not empty: the class folders must be exactly these, and the label
// of a picture is its place among them; else the folders' byte order.
// `split`: the share of each class that validates where no folder says so. The
// pictures with the smallest hashes of their relative path are taken, so the
// choice depends on no seed and hardly changes when pictures are added.
Result<PictureFolder> scanTraining(const std::string &folder,
                                   std::span<const std::string> labels,
                                   double split);

// The pictures to evaluate on, in `validation`: under the validation folder if
// `folder` has one, else directly in it. Classes may be missing; a folder that
// is not among `labels` is an error. `labels` empty: the folders' byte order.
Result<PictureFolder> scanEvaluation(const std::string &folder,
                                     std::span<const std::string> labels);

} // namespace tl::data
