// The pictures of a training run, read once before the first epoch: as the
// features that the frozen part makes of them, or, without the cache, as the
// resized pictures that it reads again at each step. Both ways the same
// pictures are skipped, so that both ways the same batches are made.
#pragma once

#include "runtime/data/PictureFolder.h"
#include "runtime/data/Preprocess.h"
#include "runtime/tools/Model.h"

namespace tl::tools {

struct Options;

class TrainingSet {
public:
  // Decodes, extracts, and checks that each class has a picture left.
  TrainingSet(const Model &model, tl_trainer *trainer,
              const data::PictureFolder &folder, const Options &options);

  // For tl_trainer_fit; valid as long as this object. `validation` has a
  // count of 0 where there are no such pictures.
  tl_pictures training() const { return describe(train); }
  tl_pictures validation() const { return describe(held); }
  // The files of the latter, in the same order.
  const std::vector<data::PictureFile> &validationFiles() const {
    return heldFiles;
  }

private:
  struct Part {
    const TrainingSet *set = nullptr;
    size_t first = 0; // row of the first picture
    std::vector<int32_t> labels;
  };

  void extract(tl_trainer *trainer, const data::PictureFolder &folder,
               const Options &options);
  void keepReadable(const data::PictureFolder &folder,
                    const std::vector<bool> &readable);
  tl_pictures describe(const Part &part) const;
  static int readPixels(void *user, const uint32_t *indices, uint32_t n,
                        float *pixels);

  const Model &model;
  const uint64_t featureCount;
  const bool keepPixels;
  std::vector<float> features;          // [n][featureCount], or
  std::vector<data::Prepared> pictures; // [n]
  Part train, held;                     // training first, then validation
  std::vector<data::PictureFile> heldFiles;
};

} // namespace tl::tools
