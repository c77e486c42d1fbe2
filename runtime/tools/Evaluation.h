// How well a model does on labelled pictures: loss, confusion, and which
// pictures it gets wrong. One definition for --evaluate, for the report at the
// end of --train and for the report of a trained file; what differs is only
// where the network's inputs come from.
#pragma once

#include "runtime/data/PictureFolder.h"
#include "runtime/tools/Model.h"

namespace tl::tools {

// A picture whose label is not what the model says.
struct Mistake {
  size_t picture; // among those evaluated
  uint32_t label;
  uint32_t said;
  float saidScore; // of the label it says
  float labelScore;
};

struct Evaluation {
  uint64_t count = 0; // pictures
  uint64_t right = 0;
  double loss = 0;                              // mean; 0 without pictures
  std::vector<std::vector<uint64_t>> confusion; // [label][said]
  std::vector<Mistake> mistakes; // the one it is surest of first; when equal,
                                 // in the order of the pictures

  double accuracy() const { return double(right) / double(count); }
};

// The pictures to evaluate `model` on (scanEvaluation), with a folder for each
// of its classes where it has no names for them yet.
data::PictureFolder scanEvaluation(const Model &model,
                                   const std::string &folder);

// Decodes and evaluates `folder.validation`; `Mistake::picture` counts in it.
// Unreadable pictures move to `folder.skipped`, in their order.
Evaluation evaluateFolder(const Model &model, data::PictureFolder &folder,
                          uint32_t threads);

// The same of pictures that a training run holds, with its present parameters,
// as of `visit`.
Evaluation evaluatePictures(tl_trainer *trainer, const tl_pictures &pictures,
                            const tl_visit &visit);

} // namespace tl::tools
