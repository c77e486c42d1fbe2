// See Loader.h.
#include "runtime/data/Loader.h"

#include "runtime/data/Decode.h"
#include "runtime/data/File.h"

#include <algorithm>
#include <new>
#include <system_error>

namespace tl::data {
namespace {

// Pictures that may wait for each thread: enough to bridge a slow consumer.
constexpr size_t kAheadPerThread = 16;

} // namespace

Loader::Loader(std::vector<std::string> paths, Preprocess preprocess,
               unsigned threads, Known known)
    : paths(std::move(paths)), preprocess(std::move(preprocess)),
      known(std::move(known)),
      waiting(std::max(threads, 1u) * kAheadPerThread) {
  try {
    for (unsigned i = 0; i < std::max(threads, 1u); ++i)
      this->threads.emplace_back([this] { work(); });
  } catch (const std::system_error &) {
    // Fewer threads than asked for, or none: next() then works itself.
  }
}

Loader::~Loader() {
  {
    std::lock_guard lock(mutex);
    stopping = true;
  }
  room.notify_all();
  for (std::thread &thread : threads)
    thread.join();
}

LoadedPicture Loader::load(size_t index) const {
  LoadedPicture picture;
  picture.index = index;
  const std::string &path = paths[index];
  Result<std::vector<uint8_t>> bytes = readFile(path, kMaxFileBytes);
  if (!bytes) {
    picture.error = bytes.message();
    return picture;
  }
  picture.hash = hash128(*bytes);
  if (known && known(index, picture.hash)) {
    picture.known = true;
    return picture;
  }
  Result<Image> image = decodeImage(*bytes);
  if (!image) {
    picture.error = path + ": " + image.message();
    return picture;
  }
  Result<Prepared> prepared = prepare(*image, preprocess);
  if (!prepared) {
    picture.error = path + ": " + prepared.message();
    return picture;
  }
  picture.pixels = std::move(*prepared);
  return picture;
}

void Loader::work() {
  for (;;) {
    size_t index;
    {
      std::unique_lock lock(mutex);
      room.wait(lock, [&] {
        return stopping || taken == paths.size() ||
               taken < consumed + waiting.size();
      });
      if (stopping || taken == paths.size())
        return;
      index = taken++;
    }
    LoadedPicture picture = load(index);
    {
      std::lock_guard lock(mutex);
      waiting[index % waiting.size()] = std::move(picture);
    }
    ready.notify_one();
  }
}

std::optional<LoadedPicture> Loader::next() {
  if (consumed == paths.size())
    return std::nullopt;
  if (threads.empty())
    return load(consumed++);
  std::optional<LoadedPicture> picture;
  {
    std::unique_lock lock(mutex);
    std::optional<LoadedPicture> &slot = waiting[consumed % waiting.size()];
    ready.wait(lock, [&] { return slot.has_value(); });
    picture.swap(slot);
    ++consumed;
  }
  room.notify_all();
  return picture;
}

} // namespace tl::data
