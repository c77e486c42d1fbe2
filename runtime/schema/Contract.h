// A checksum of what the runtime cannot check against machine code: how many
// tiles each kernel has, what it demands of its arguments, where it starts. A
// damaged count would make sound code write outside its buffers, so the writer
// seals these numbers (Code.contract) and the reader compares.
#pragma once

#include "runtime/schema/model_generated.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <vector>

namespace tl::schema {

// `kernels` is Model.kernels; `code.contract` itself is not read.
inline uint64_t
kernelContract(const std::vector<std::unique_ptr<KernelT>> &kernels,
               const CodeT &code) {
  std::vector<uint64_t> words = {uint64_t(code.isa), kernels.size()};
  for (const auto &kernel : kernels) {
    words.push_back(kernel->args.size());
    for (const auto &arg : kernel->args)
      words.insert(words.end(), {arg->bytes, arg->per_picture, arg->written});
  }
  for (const auto &place : code.kernels)
    words.insert(words.end(),
                 {place->offset, place->fixed_tiles, place->pictures_per_group,
                  place->tiles_per_group, place->scratch, place->fingerprint});
  return XXH64(words.data(), words.size() * sizeof(uint64_t), 0);
}

} // namespace tl::schema
