// What a training run will do, told before it starts: how many pictures and
// views, where their features lie, how much memory, about how long. Byte
// figures are exact; times are measured on a few pictures and a step of each
// phase, unless the whole is a matter of seconds anyway.
#pragma once

#include "runtime/tools/PictureRows.h"

namespace tl::tools {

void printEstimate(const PictureRows &rows, const Options &options);

// "812 B", "1.5 MB": powers of 1000, as disks are sold.
std::string describeBytes(uint64_t bytes);

} // namespace tl::tools
