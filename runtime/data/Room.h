// How much there is to use: memory and disk, as far as this process is allowed.
#pragma once

#include <cstdint>
#include <string>

namespace tl::data {

// Bytes that can be taken without swapping: what the kernel says, and what the
// process's cgroups leave. 0 where neither is known.
uint64_t availableMemory();

// Bytes that an ordinary user may still write where `folder` is, or would be.
// 0 where that is not known.
uint64_t freeDisk(const std::string &folder);

} // namespace tl::data
