// The parent's side of the .h5 reader: starts the child, checks what it sends,
// and gives the tensors Keras's names. Contains no line of libhdf5.
#pragma once

#include "frontends/weights/ChildProcess.h"
#include "frontends/weights/File.h"
#include "frontends/weights/WeightSource.h"

namespace tl::weights {

// True for HDF5's signature at offset 0, 512, 1024, 2048, ... of the file.
bool looksLikeHdf5(const File &file);

// The limits for a file of this size; README.md states them.
ChildLimits defaultLimits(uint64_t fileBytes);

Result<std::unique_ptr<WeightSource>> openHdf5(File file,
                                               const ChildLimits &limits);

} // namespace tl::weights
