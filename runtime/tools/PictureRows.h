// What a run keeps of its pictures, so that it computes little twice: for each
// frontier of the phases the rows of features that its epochs ask for, and of
// pictures whose features are not all kept, the resized pixels. What finds no
// room is made again whenever it is asked for, to the same bytes; so no budget
// changes a result.
//
// The rule, in this order, each as far as memory and then disk reach:
//   1. features of frontiers, those with the shortest rows first: they save
//      most for their room. Validation pictures first, for each epoch reads
//      them; then training pictures, all turns of one after another
//   2. resized pixels of pictures that something above does not hold
//   3. what is left of the disk is for features that the next run finds again
// Nothing is kept of features that are the pixels themselves, or of views that
// are shown once.
#pragma once

#include "runtime/data/FeatureCache.h"
#include "runtime/data/PictureFolder.h"
#include "runtime/tools/CacheBudget.h"
#include "runtime/tools/CacheContext.h"
#include "runtime/tools/Views.h"

#include <atomic>
#include <memory>

namespace tl::tools {

class PictureRows {
public:
  // Pictures are counted by place: validation first, then training.
  struct Picture {
    std::string path;
    data::Hash128 hash; // known once it was read
  };
  struct Frontier {
    uint32_t phase = 0; // the first that has it
    uint64_t floats = 0;
    CacheContext context;
    std::vector<uint32_t> turns; // of training pictures, kept as far as held
    uint64_t wanted = 0;         // rows, if there were room for all
    data::RowStore rows;
    std::unique_ptr<data::FeatureCache> disk; // for the next run
  };

  PictureRows(const Model &model, const tl_trainer *trainer,
              const data::PictureFolder &folder, const Options &options);

  const Views &views() const { return viewPlan; }
  bool trains(size_t place) const { return place >= validationCount; }
  size_t validations() const { return validationCount; }
  size_t trainings() const { return pictures.size() - validationCount; }

  // The row of features, to read or to fill; null where it is not held.
  float *features(const Frontier &frontier, size_t place, uint32_t turn) const;
  // From the disk, into its row; false where it is not there.
  bool readKept(const Frontier &frontier, size_t place, uint32_t turn);
  // For the next run, as far as the disk reaches.
  void keep(Frontier &frontier, size_t place, uint32_t turn);
  // Finishes what is kept for the next run.
  void commit();

  // Some features of it are made from its pixels again, in some epoch.
  bool needsPixels(size_t place) const;
  void putPrepared(size_t place, const data::Prepared &prepared);
  // Pixels of a picture in a turn, ready for the network: out[pixel_count].
  // From the resized ones, or from the file, which must still be what it was.
  // Threads may call it at the same time.
  void makePixels(size_t place, uint32_t turn, float *out) const;
  void makePixels(const data::Prepared &prepared, size_t place, uint32_t turn,
                  float *out) const;

  const Model &model;
  std::vector<Picture> pictures;
  std::vector<Frontier> frontiers;
  data::RowStore prepared; // of the pictures from place firstPrepared on
  uint64_t preparedWanted = 0;

private:
  void planFrontiers(const tl_trainer *trainer, const Options &options);
  void planPrepared();
  void openDisk();
  std::optional<uint64_t> rowOf(const Frontier &frontier, size_t place,
                                uint32_t turn) const;
  data::Hash128 keyOf(size_t place, uint32_t turn) const;
  data::Prepared getPrepared(size_t place) const;

  Views viewPlan;
  size_t validationCount;
  size_t firstPrepared = 0;
  CacheBudget budget;
  std::atomic<int64_t> diskLeft = 0; // for the next run's features
};

} // namespace tl::tools
