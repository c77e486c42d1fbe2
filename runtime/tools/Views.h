// Which view of a picture an epoch shows. Views are drawn for training alone;
// a model without augmentation has one view, the picture as it is.
//
// Epochs are counted over the whole run, each phase with the epochs it is
// planned to have: so a short phase does not begin again with the same views,
// and neither an early stop nor a resumed run changes what a later epoch sees.
// Epoch e shows a picture in view (e + hash of the picture) mod views: every
// view has its turn, and one epoch shows all of them, each of other pictures.
// Rows of features are counted by turn, e mod views.
#pragma once

#include "runtime/data/Augment.h"
#include "runtime/tools/Model.h"

namespace tl::tools {

class Views {
public:
  // `epochs`: of every phase, instead of the recipe's. `seed`: likewise.
  Views(const Model &model, std::optional<uint32_t> epochs,
        std::optional<uint64_t> seed);

  bool changePictures() const { return options.changesPictures(); }
  // A fresh view in each epoch: no row is asked for twice.
  bool unlimited() const { return changePictures() && count == 0; }
  uint32_t perPicture() const { return changePictures() ? count : 1; }

  // The turn that the visit takes; the epoch of the run where unlimited.
  uint32_t turnAt(const tl_visit &visit) const;
  // The turns that phases with this frontier take, ascending; none where
  // unlimited.
  std::vector<uint32_t> turnsOf(uint32_t frontier) const;

  // What names the features of a training picture in a turn: the picture's hash
  // where it is not changed.
  data::Hash128 keyOf(const data::Hash128 &picture, uint32_t turn) const;
  // Three channels of bytes; floats are rounded first.
  data::Image make(const data::Prepared &picture, const data::Hash128 &hash,
                   uint32_t turn) const;

private:
  uint32_t viewAt(const data::Hash128 &picture, uint32_t turn) const;
  uint32_t epochsOf(uint32_t phase) const;

  const Model &model;
  data::AugmentOptions options;
  uint32_t count;
  std::optional<uint32_t> epochs;
  uint64_t seed;
  data::Hash128 drawing; // of all that views depend on but picture and number
};

} // namespace tl::tools
