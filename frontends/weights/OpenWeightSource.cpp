// Tells the format from the first bytes and hands the file to its reader.
#include "frontends/weights/Hdf5Source.h"
#include "frontends/weights/Message.h"
#include "frontends/weights/Safetensors.h"
#include "frontends/weights/TorchSource.h"

#include <algorithm>

namespace tl::weights {

namespace {

// What a file is that no reader takes, by what stands at one place in it.
struct Kind {
  size_t at;
  std::string_view bytes;
  const char *what;
};

using namespace std::string_view_literals;
constexpr Kind kinds[] = {
    {257, "ustar"sv,
     "a tar archive (PyTorch before 0.1.10 wrote such; load it there and save "
     "the state dict again)"},
    {0, "TLMODEL\n"sv,
     "a model that tlc compiled; 'tlrun MODEL --export W.safetensors "
     "--export-names source' writes its weights"},
    {0, "version https://git-lfs"sv,
     "a pointer that Git LFS left in place of the file ('git lfs pull' fetches "
     "it)"},
    {0, "<"sv, "a page of HTML or XML; the download may have failed"},
    {0, "\x89PNG"sv, "a picture (PNG)"},
    {0, "\xff\xd8\xff"sv, "a picture (JPEG)"},
    {0, "\x93NUMPY"sv, "a NumPy array"},
    {0, "\x1f\x8b"sv, "a file packed by gzip; unpack it first"},
    {4, "TFL3"sv, "a TensorFlow Lite model"},
    // The first field of the format, its version; no other file that is here
    // starts so.
    {0, "\x08"sv,
     "what looks like an ONNX model, which brings its own network: 'backbone "
     "onnx(\"FILE\")'"},
    {0, "\x80"sv, "a Python pickle that is not as torch.save writes it"},
};
constexpr size_t lookedAt = 262;

const char *describe(std::string_view start) {
  if (start.empty())
    return "an empty file";
  for (const Kind &kind : kinds)
    if (start.size() > kind.at && start.substr(kind.at).starts_with(kind.bytes))
      return kind.what;
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
  std::byte first[lookedAt] = {};
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
               describe({reinterpret_cast<const char *>(first), start.size()})};
}

} // namespace tl::weights
