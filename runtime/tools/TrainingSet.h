// The pictures of a training run. All are read once before the first epoch,
// with and without the cache: so both ways the same ones are skipped, and the
// same batches are made. Features that are kept are extracted in that one pass,
// of all frontiers together.
#pragma once

#include "runtime/tools/PictureFeed.h"
#include "runtime/tools/PictureRows.h"

#include <chrono>

namespace tl::tools {

class TrainingSet {
public:
  // Plans what is kept; reads nothing.
  TrainingSet(const Model &model, tl_trainer *trainer,
              const data::PictureFolder &folder, const Options &options);

  const PictureRows &rows() const { return pictureRows; }

  // Decodes, extracts, and checks that each class has a picture left. Says how
  // many features an earlier run had left.
  void read();
  // How much of that went by in extraction. The rest is what reading and
  // decoding did not do beside it.
  double extractSeconds() const { return extracting.count(); }

  // For tl_trainer_fit; valid as long as this object. `validation` has a
  // count of 0 where there are no such pictures.
  tl_pictures training() { return train.describe(); }
  tl_pictures validation() { return held.describe(); }
  // The files of the latter, in the same order.
  const std::vector<data::PictureFile> &validationFiles() const {
    return heldFiles;
  }
  // What went wrong while tl_trainer_fit asked for pictures is thrown again.
  void rethrow() const;

private:
  // A turn of a picture, some of whose features are missing.
  struct View {
    size_t place;
    uint32_t turn;
    std::vector<PictureRows::Frontier *> missing;
  };
  struct Read {
    std::string error;
    std::vector<View> views;
    std::vector<float> pixels; // [views][pixel_count]
  };

  std::vector<std::string> readAndExtract();
  Read readPicture(size_t place);
  std::vector<View> findMissing(size_t place);
  void extract(const std::vector<View> &views,
               const std::vector<float> &pixels);
  void report(std::vector<std::string> errors) const;
  void keepReadable(const std::vector<std::string> &errors);

  tl_trainer *trainer;
  std::atomic<uint64_t> found = 0;
  uint64_t computed = 0;
  std::chrono::duration<double> extracting{0};
  const data::PictureFolder &folder;
  const Options &options;
  PictureRows pictureRows;
  PictureFeed train, held;
  std::vector<data::PictureFile> heldFiles;
};

} // namespace tl::tools
