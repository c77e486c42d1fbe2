// Between the two sides of binding: a matcher for each convention (BindKeras,
// BindTorch, BindOwn) finds for each expected tensor its counterpart in the
// file; Bind.cpp turns that into readers or into the one error.
#pragma once

#include "frontends/weights/Bind.h"

namespace tl::weights {

// What one expected tensor is in this file.
struct Counterpart {
  // Its name as this kind of file would have it: "conv1/kernel",
  // "features.0.weight".
  std::string wanted;
  // The shape it must have there, and whether the found one has it.
  std::string wantedShape;
  bool fits = false;
  std::optional<size_t> index;
  // See FileLayout.
  std::vector<int64_t> viewShape;
  std::vector<size_t> axes;
  std::optional<Resampling> resampling;
};

enum class Leftover {
  Extra,    // an error if nothing claims it
  Optional, // of a layer that the network may lack: reported as unused
  Ignored,  // no weight at all: torch's num_batches_tracked
};

struct Matching {
  // In the order of the request.
  std::vector<Counterpart> counterparts;
  // For each tensor of the source: what it is if no counterpart names it, and
  // the name to show and to compare with `wanted`.
  std::vector<Leftover> leftovers;
  std::vector<std::string> shown;
};

FileLayout torchLayout(const ExpectedTensor &expected);

Matching matchKeras(const WeightSource &source, const BindRequest &request);
Matching matchTorch(const WeightSource &source, const BindRequest &request);
Matching matchOwn(const WeightSource &source, const BindRequest &request);

// True if `name` is one of `layers`, or starts with one and `separator`.
bool isAmong(const std::vector<std::string> &layers, std::string_view name,
             char separator);

} // namespace tl::weights
