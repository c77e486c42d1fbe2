// Views of a picture: changes to training pictures that are drawn, not stored.
// A view is a pure function of (seed, picture, view): whoever computes it, now
// or in the next run, in any order and on any machine, gets the same bytes.
// That is why features of views can be cached, and why nothing here asks libm.
//
// The changes act on RGB bytes at the network's size, in this order:
//
//   geometry    crop, zoom, shift, rotation, flip, composed into one affine map
//               and sampled once: bilinear between pixel centres; beyond the
//               edge the nearest pixel is repeated, as Keras's
//               ImageDataGenerator does by default
//   brightness, contrast, saturation, hue
//               as torchvision.transforms.functional does it with uint8 tensors
//               (adjust_brightness, ...), truncation to bytes after each
//               included
#pragma once

#include "runtime/data/Hash.h"
#include "runtime/data/Image.h"

namespace tl::data {

// Grows whenever some view would get other bytes: part of the key of everything
// cached from views.
inline constexpr uint32_t kAugmentVersion = 1;

// The fields mean what tl_augment of runtime.h says.
struct AugmentOptions {
  float flipHorizontal = 0; // probability
  float flipVertical = 0;
  float rotate = 0; // degrees
  float shift = 0;  // shares, as all below
  float zoom = 0;
  float cropLeast = 1;
  float cropMost = 1;
  float brightness = 0;
  float contrast = 0;
  float saturation = 0;
  float hue = 0;

  bool changesPictures() const;
};

// What is drawn for one view.
struct ViewChange {
  bool flipHorizontal = false;
  bool flipVertical = false;
  // The angle, 2^32 a full turn; positive turns the picture clockwise.
  uint32_t turn = 0;
  float shiftX = 0; // shares of width and height, to the right and down
  float shiftY = 0;
  float zoom = 1;     // above 1 shows more than the picture
  float cropSide = 1; // share of each side that is kept
  float cropX = 0;    // where in the room that is left: 0 left, 1 right
  float cropY = 0;
  float brightness = 1; // factors
  float contrast = 1;
  float saturation = 1;
  float hue = 0; // share of the colour circle
};

// Draws with Philox (runtime/schema/Random.h): key `seed`; counter {draw / 4,
// picture, view, kRandomAugment}, `picture` being the low 32 bits of the hash
// of its file; each field its own draw, so that one option changes nothing of
// the others. `view` is the number of the view, or the epoch where views are
// unlimited.
ViewChange drawView(const AugmentOptions &options, uint64_t seed,
                    const Hash128 &picture, uint32_t view);

// Three channels, or one: a grey picture has neither saturation nor hue, and
// its contrast is around the mean of its own bytes. May throw std::bad_alloc.
Image applyChange(const Image &picture, const ViewChange &change);

} // namespace tl::data
