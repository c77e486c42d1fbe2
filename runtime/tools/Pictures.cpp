// See Pictures.h.
#include "runtime/tools/Pictures.h"

#include "runtime/data/Ahead.h"
#include "runtime/data/LoadPicture.h"
#include "runtime/tools/Progress.h"

#include <algorithm>
#include <fmt/format.h>

namespace tl::tools {
namespace {

// Pictures that may wait for each thread: enough to bridge a slow consumer.
constexpr size_t kAheadPerThread = 16;

struct Ready {
  std::string error;
  std::vector<float> pixels;
};

Ready readOne(const Model &model, const std::string &path) {
  data::LoadedPicture picture = data::loadPicture(path, model.preprocess());
  Ready ready{std::move(picture.error), {}};
  if (ready.error.empty()) {
    ready.pixels.resize(model.info().pixel_count);
    model.normalise(picture.pixels, ready.pixels.data());
  }
  return ready;
}

} // namespace

std::vector<Unreadable> readPictures(const ReadPictures &request,
                                     const std::function<void(Batch &)> &use) {
  uint32_t threads = request.threads ? request.threads : tl_available_threads();
  data::Ahead<Ready> pictures(
      request.files.size(),
      [&](size_t index) {
        return readOne(request.model, request.files[index]);
      },
      threads, threads * kAheadPerThread);
  Progress progress("reading pictures", request.files.size());
  std::vector<Unreadable> unreadable;
  Batch batch;
  batch.pixels.reserve(std::min<size_t>(kBatch, request.files.size()) *
                       request.model.info().pixel_count);
  for (size_t index = 0; std::optional<Ready> ready = pictures.next();
       ++index) {
    if (!ready->error.empty()) {
      const std::string &path = request.files[index];
      unreadable.push_back(
          {index, {path, ready->error.substr(path.size() + 2)}});
    } else {
      batch.indices.push_back(index);
      batch.pixels.insert(batch.pixels.end(), ready->pixels.begin(),
                          ready->pixels.end());
    }
    if (batch.size() == kBatch) {
      use(batch);
      batch.indices.clear(); // its memory stays: new pages cost as much as
      batch.pixels.clear();  // resizing
    }
    progress.update(index + 1);
  }
  if (batch.size())
    use(batch);
  return unreadable;
}

void reportSkipped(std::span<const data::SkippedFile> skipped, bool strict) {
  for (const data::SkippedFile &file : skipped)
    warn(fmt::format("skipped {}: {}", file.path, file.reason));
  if (!skipped.empty() && strict)
    throw Failure(fmt::format("{}: {} ({} skipped; --strict allows none)",
                              skipped[0].path, skipped[0].reason,
                              skipped.size()));
  if (!skipped.empty())
    warn(fmt::format("{} skipped in all", skipped.size()));
}

} // namespace tl::tools
