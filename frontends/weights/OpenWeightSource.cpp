// Tells the format from the first bytes and hands the file to its reader.
#include "frontends/weights/Hdf5Source.h"
#include "frontends/weights/Message.h"
#include "frontends/weights/Safetensors.h"

#include <cstring>

namespace tl::weights {

Result<std::unique_ptr<WeightSource>>
openWeightSource(const std::string &path) {
  Result<File> file = File::open(path);
  if (!file)
    return file.error();
  if (looksLikeHdf5(*file)) {
    ChildLimits limits = defaultLimits(file->size());
    return openHdf5(std::move(*file), limits);
  }
  std::byte start[9] = {};
  std::span<std::byte> bytes(start, std::min<uint64_t>(9, file->size()));
  if (Status status = file->read(0, bytes); !status)
    return status.error();
  if (looksLikeSafetensors(bytes))
    return openSafetensors(std::move(*file));
  std::string found = "something else";
  if (bytes.empty())
    found = "an empty file";
  else if (std::memcmp(start, "PK\3\4", 4) == 0)
    found = "a zip archive (PyTorch's .pth and Keras's .keras are ones; save "
            "the weights alone as .safetensors or .weights.h5)";
  else if (start[0] == std::byte(0x80))
    found = "a Python pickle (an old PyTorch file; save it as .safetensors)";
  return Error{inQuotes(path) +
               ": expected Keras's .h5 or safetensors, found " + found};
}

} // namespace tl::weights
