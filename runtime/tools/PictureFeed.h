// Answers tl_trainer_fit when it asks for pictures: features that are kept are
// copied; the others are computed, from pixels that threads prepare ahead of
// the step, in the order that the epoch is known to have.
#pragma once

#include "runtime/data/Ahead.h"
#include "runtime/tools/PictureRows.h"

#include <exception>
#include <memory>

namespace tl::tools {

class PictureFeed {
public:
  PictureFeed(const PictureRows &rows, tl_trainer *trainer, uint32_t threads)
      : rows(rows), trainer(trainer), threads(threads) {}

  void add(size_t place, int32_t label) {
    places.push_back(place);
    labels.push_back(label);
  }
  const std::vector<int32_t> &labelsOfAll() const { return labels; }

  // Valid as long as this object stays where it is and as it is.
  tl_pictures describe();

  // What a callback caught, since nothing may be thrown through the C library.
  std::exception_ptr thrown;

private:
  using Indices = std::span<const uint32_t>;
  using Pixels = std::vector<float>; // of one picture

  static int onFeatures(void *user, const tl_visit *visit,
                        const uint32_t *indices, uint32_t n, float *out);
  static int onPixels(void *user, const tl_visit *visit,
                      const uint32_t *indices, uint32_t n, float *out);
  void readFeatures(const tl_visit &visit, Indices indices, float *out);
  void readPixels(const tl_visit &visit, Indices indices, float *out);

  bool computes(const tl_visit &visit, uint32_t index) const;
  uint32_t turnAt(const tl_visit &visit, size_t place) const;
  void plan(const tl_visit &visit, Indices wanted);
  bool follow(const tl_visit &visit, const std::vector<uint32_t> &order,
              Indices wanted);

  const PictureRows &rows;
  tl_trainer *trainer;
  uint32_t threads;
  std::vector<size_t> places;
  std::vector<int32_t> labels;

  // Pictures whose pixels are on their way: coming[given] is the next.
  tl_visit visiting{};
  std::vector<uint32_t> coming;
  size_t given = 0;
  std::unique_ptr<data::Ahead<Pixels>> ahead;
};

} // namespace tl::tools
