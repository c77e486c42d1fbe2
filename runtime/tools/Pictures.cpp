// See Pictures.h.
#include "runtime/tools/Pictures.h"

#include "runtime/tools/Progress.h"

#include <fmt/format.h>

namespace tl::tools {
namespace {

void add(Batch &batch, data::LoadedPicture picture, const Model &model) {
  uint64_t pixelCount = model.info().pixel_count;
  batch.pixels.resize((batch.size() + 1) * pixelCount);
  model.normalise(picture.pixels,
                  batch.pixels.data() + batch.size() * pixelCount);
  batch.indices.push_back(picture.index);
  batch.hashes.push_back(picture.hash);
  batch.pictures.push_back(std::move(picture.pixels));
}

} // namespace

std::vector<Unreadable> readPictures(const ReadPictures &request,
                                     const std::function<void(Batch &)> &use) {
  uint32_t threads = request.threads ? request.threads : tl_available_threads();
  data::Loader loader(request.files, request.model.preprocess(), threads,
                      request.known);
  Progress progress("reading pictures", request.files.size());
  std::vector<Unreadable> unreadable;
  Batch batch;
  while (std::optional<data::LoadedPicture> picture = loader.next()) {
    size_t index = picture->index;
    if (!picture->error.empty()) {
      const std::string &path = request.files[index];
      unreadable.push_back(
          {index, {path, picture->error.substr(path.size() + 2)}});
    } else if (!picture->known) {
      add(batch, std::move(*picture), request.model);
    }
    if (batch.size() == kBatch) {
      use(batch);
      batch = {};
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
