// What this machine offers: the best instruction set that both the CPU and the
// operating system support, and the threads that this process may use.
#pragma once

#include "runtime/schema/model_generated.h"

namespace tl {

schema::Isa bestIsa();

// Affinity mask, then the cgroup's CPU quota rounded up; at least 1.
uint32_t availableThreads();

} // namespace tl
