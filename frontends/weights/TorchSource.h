// The reader of what torch.save writes: a pickle of a state dict and the bytes
// of the storages that its tensors are views of, in one of two forms:
//   zip (since 1.6)   data.pkl, data/<key>, byteorder, below one folder
//   before            magic word, version, system, state dict, list of keys,
//                     all pickles, and then for each key a count and its bytes
// The form before 0.1.10, a tar archive, is refused.
#pragma once

#include "frontends/weights/File.h"
#include "frontends/weights/WeightSource.h"

namespace tl::weights {

// By the first bytes of a file.
bool looksLikeZip(std::span<const std::byte> start);
bool looksLikeLegacyTorch(std::span<const std::byte> start);

Result<std::unique_ptr<WeightSource>> openTorchZip(File file);
Result<std::unique_ptr<WeightSource>> openLegacyTorch(File file);

} // namespace tl::weights
