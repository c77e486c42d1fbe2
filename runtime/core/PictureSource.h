// One side of a run's pictures (to train on, or to validate with), with room
// for a batch: rows of features, wherever they come from. Written on the calls
// of runtime.h alone, as the loops that use it.
#pragma once

#include <tl/runtime.h>

#include <functional>
#include <vector>

namespace tl {

class PictureSource {
public:
  // `given` may be NULL: no pictures. `name` is for messages. Throws Failure.
  PictureSource(tl_trainer *trainer, const tl_pictures *given, const char *name,
                uint32_t batch);

  uint32_t count() const { return pictures.count; }
  // Whether a share of each batch can be mixed into its features.
  bool canMix() const { return pictures.read_pixels && !keeps(); }
  bool keeps() const { return pictures.read_pixels && pictures.keep_features; }

  // Where keep_features asks: reads every picture once, and holds the features
  // of all phases. `done` is called with the number of each batch.
  void keepFeatures(const std::function<void(uint32_t)> &done);

  // Pictures indices[0, n) into rows, labels and ids.
  void gather(const tl_visit &visit, const uint32_t *indices, uint32_t n);
  // The same with mixed pixels: `mix` changes pixels [n][pixel_count], when
  // they have been read and the labels are known.
  void gatherMixed(const tl_visit &visit, const uint32_t *indices, uint32_t n,
                   const std::function<void(std::vector<float> &pixels)> &mix);

  tl_pictures pictures{};
  std::vector<float> rows;     // [n][feature_count of the phase]
  std::vector<int32_t> labels; // [n]
  std::vector<int32_t> ids;    // [n]

private:
  void readPixels(const tl_visit &visit, const uint32_t *indices, uint32_t n);
  void extract(uint32_t phase, uint32_t n);
  void gatherLabels(const uint32_t *indices, uint32_t n);

  tl_trainer *trainer;
  const tl_model *model;
  uint32_t batch;
  std::vector<std::vector<float>> kept; // by frontier
  std::vector<float> pixels;
};

} // namespace tl
