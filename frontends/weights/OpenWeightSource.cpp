// Tells the format from the first bytes and hands the file to its reader.
#include "frontends/weights/Hdf5Source.h"
#include "frontends/weights/Message.h"
#include "frontends/weights/Safetensors.h"
#include "frontends/weights/TorchSource.h"

#include <cstring>

namespace tl::weights {

namespace {

constexpr size_t tarMagicAt = 257;
constexpr std::string_view tarMagic = "ustar";

// What a file is that no reader takes.
const char *describe(std::span<const std::byte> start) {
  if (start.empty())
    return "an empty file";
  if (start.size() == tarMagicAt + tarMagic.size() &&
      std::memcmp(start.data() + tarMagicAt, tarMagic.data(),
                  tarMagic.size()) == 0)
    return "a tar archive (PyTorch before 0.1.10 wrote such; load it there and "
           "save the state dict again)";
  if (start[0] == std::byte(0x80))
    return "a Python pickle that torch.save did not write";
  return "something else";
}

} // namespace

Result<std::unique_ptr<WeightSource>>
openWeightSource(const std::string &path) {
  Result<File> file = File::open(path);
  if (!file)
    return file.error();
  if (looksLikeHdf5(*file)) {
    ChildLimits limits = defaultLimits(file->size());
    return openHdf5(std::move(*file), limits);
  }
  std::byte first[tarMagicAt + tarMagic.size()] = {};
  std::span<std::byte> start(first,
                             std::min<uint64_t>(sizeof(first), file->size()));
  if (Status status = file->read(0, start); !status)
    return status.error();
  if (looksLikeSafetensors(start))
    return openSafetensors(std::move(*file));
  if (looksLikeZip(start))
    return openTorchZip(std::move(*file));
  if (looksLikeLegacyTorch(start))
    return openLegacyTorch(std::move(*file));
  return Error{inQuotes(path) +
               ": expected Keras's .h5, safetensors or PyTorch's .pth, found " +
               describe(start)};
}

} // namespace tl::weights
