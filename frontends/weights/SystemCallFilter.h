// A seccomp filter for a process that has all its files open and only has to
// read, compute and answer: the second wall behind the resource limits, for the
// case that a damaged file takes over the library that reads it.
#pragma once

namespace tl::weights {

// Every system call not on the list fails with EPERM from now on, for this
// process. Does nothing where the kernel or the architecture lacks it: the
// resource limits hold without.
void installSystemCallFilter();

} // namespace tl::weights
