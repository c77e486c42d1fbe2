// See TrainingSet.h.
#include "runtime/tools/TrainingSet.h"

#include "runtime/data/LoadPicture.h"
#include "runtime/tools/Pictures.h"
#include "runtime/tools/Progress.h"

#include <algorithm>
#include <fmt/format.h>

#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace tl::tools {
namespace {

// Pictures that may wait for extraction, by number and by bytes.
constexpr uint64_t kAheadPerThread = 16;
constexpr uint64_t kAheadBytes = uint64_t(256) << 20;

} // namespace

TrainingSet::TrainingSet(const Model &model, tl_trainer *trainer,
                         const data::PictureFolder &folder,
                         const Options &options)
    : trainer(trainer), folder(folder), options(options),
      pictureRows(model, trainer, folder, options),
      train(pictureRows, trainer, options.threads),
      held(pictureRows, trainer, options.threads) {}

void TrainingSet::read() {
  std::vector<std::string> errors = readAndExtract();
#ifdef __GLIBC__
  malloc_trim(0); // what decoding took, on all threads: training needs less
#endif
  pictureRows.commit();
  if (found + computed)
    fmt::print("features: {} of an earlier run, {} computed\n", found.load(),
               computed);
  report(errors);
  keepReadable(errors);
}

// What is wrong with each picture; empty where nothing is.
std::vector<std::string> TrainingSet::readAndExtract() {
  const Model &model = pictureRows.model;
  size_t count = pictureRows.pictures.size();
  uint64_t threads = options.threads ? options.threads : tl_available_threads();
  uint64_t bytesEach = model.info().pixel_count * sizeof(float) *
                       pictureRows.views().perPicture();
  uint64_t most =
      std::clamp<uint64_t>(kAheadBytes / std::max<uint64_t>(bytesEach, 1),
                           threads, threads * kAheadPerThread);
  data::Ahead<Read> pictures(
      count, [this](size_t place) { return readPicture(place); },
      unsigned(threads), most);

  Progress progress("reading pictures", count);
  std::vector<std::string> errors(count);
  std::vector<View> views;
  std::vector<float> pixels;
  for (size_t place = 0; std::optional<Read> read = pictures.next(); ++place) {
    errors[place] = read->error;
    std::move(read->views.begin(), read->views.end(),
              std::back_inserter(views));
    pixels.insert(pixels.end(), read->pixels.begin(), read->pixels.end());
    if (views.size() >= kBatch || (place + 1 == count && !views.empty())) {
      auto began = std::chrono::steady_clock::now();
      extract(views, pixels);
      extracting += std::chrono::steady_clock::now() - began;
      views.clear();
      pixels.clear();
    }
    progress.update(place + 1);
  }
  return errors;
}

TrainingSet::Read TrainingSet::readPicture(size_t place) {
  Read read;
  data::LoadedPicture picture = data::loadPicture(
      pictureRows.pictures[place].path, pictureRows.model.preprocess(),
      [&](const data::Hash128 &hash) {
        pictureRows.pictures[place].hash = hash;
        read.views = findMissing(place);
        return read.views.empty() && !pictureRows.needsPixels(place);
      });
  read.error = std::move(picture.error);
  if (!read.error.empty())
    read.views.clear();
  if (!read.error.empty() || picture.known)
    return read;
  pictureRows.putPrepared(place, picture.pixels);
  uint64_t count = pictureRows.model.info().pixel_count;
  read.pixels.resize(read.views.size() * count);
  for (size_t i = 0; i < read.views.size(); ++i)
    pictureRows.makePixels(picture.pixels, place, read.views[i].turn,
                           read.pixels.data() + i * count);
  return read;
}

// What is held but was not found on the disk.
std::vector<TrainingSet::View> TrainingSet::findMissing(size_t place) {
  std::vector<View> views;
  auto look = [&](PictureRows::Frontier &frontier, uint32_t turn) {
    if (!pictureRows.features(frontier, place, turn))
      return;
    if (pictureRows.readKept(frontier, place, turn)) {
      ++found;
      return;
    }
    auto at = std::find_if(views.begin(), views.end(),
                           [&](const View &view) { return view.turn == turn; });
    if (at == views.end())
      at = views.insert(at, View{place, turn, {}});
    at->missing.push_back(&frontier);
  };
  for (PictureRows::Frontier &frontier : pictureRows.frontiers) {
    if (!pictureRows.trains(place))
      look(frontier, 0);
    else
      for (uint32_t turn : frontier.turns)
        look(frontier, turn);
  }
  return views;
}

// One frontier by its own program; several in one pass.
void TrainingSet::extract(const std::vector<View> &views,
                          const std::vector<float> &pixels) {
  std::vector<PictureRows::Frontier> &frontiers = pictureRows.frontiers;
  std::vector<std::vector<float>> made(frontiers.size());
  std::vector<bool> asked(frontiers.size());
  for (const View &view : views)
    for (const PictureRows::Frontier *frontier : view.missing)
      asked[size_t(frontier - frontiers.data())] = true;
  bool several = std::count(asked.begin(), asked.end(), true) > 1;
  std::vector<float *> to;
  for (size_t f = 0; f < frontiers.size(); ++f) {
    if (several || asked[f])
      made[f].resize(views.size() * frontiers[f].floats);
    to.push_back(made[f].data());
  }
  size_t only =
      size_t(std::find(asked.begin(), asked.end(), true) - asked.begin());
  call([&](tl_error *e) {
    if (several)
      return tl_trainer_extract_all(trainer, pixels.data(), views.size(),
                                    to.data(), e);
    return tl_trainer_extract(trainer, frontiers[only].phase, pixels.data(),
                              views.size(), to[only], e);
  });
  for (size_t i = 0; i < views.size(); ++i)
    for (PictureRows::Frontier *frontier : views[i].missing) {
      const float *row =
          to[size_t(frontier - frontiers.data())] + i * frontier->floats;
      std::copy_n(
          row, frontier->floats,
          pictureRows.features(*frontier, views[i].place, views[i].turn));
      ++computed;
      pictureRows.keep(*frontier, views[i].place, views[i].turn);
    }
}

// What the folder's scan and the decoder found unreadable, in one report,
// training pictures first.
void TrainingSet::report(std::vector<std::string> errors) const {
  std::vector<data::SkippedFile> skipped = folder.skipped;
  size_t first = pictureRows.validations();
  for (size_t i = 0; i < errors.size(); ++i) {
    size_t place = (first + i) % errors.size();
    const std::string &path = pictureRows.pictures[place].path;
    if (!errors[place].empty())
      skipped.push_back({path, errors[place].substr(path.size() + 2)});
  }
  reportSkipped(skipped, options.strict);
}

void TrainingSet::keepReadable(const std::vector<std::string> &errors) {
  for (size_t place = 0; place < errors.size(); ++place) {
    if (!errors[place].empty())
      continue;
    bool trains = pictureRows.trains(place);
    const data::PictureFile &file =
        trains ? folder.training[place - pictureRows.validations()]
               : folder.validation[place];
    (trains ? train : held).add(place, int32_t(file.label));
    if (!trains)
      heldFiles.push_back(file);
  }
  const std::vector<int32_t> &labels = train.labelsOfAll();
  for (size_t i = 0; i < folder.labels.size(); ++i)
    if (std::find(labels.begin(), labels.end(), int32_t(i)) == labels.end())
      throw Failure(fmt::format("class '{}' has no readable picture to train "
                                "on",
                                folder.labels[i]));
  if (held.labelsOfAll().empty() && !folder.validation.empty())
    throw Failure("there is no readable picture to validate with");
}

void TrainingSet::rethrow() const {
  for (const PictureFeed *feed : {&train, &held})
    if (feed->thrown)
      std::rethrow_exception(feed->thrown);
}

} // namespace tl::tools
