// Matches what a network expects against what a weight file has. All knowledge
// of how frameworks name their tensors and order their axes is here, so that
// the compiler sees one canonical form:
//   convolution  kernel [KH, KW, IC / groups, OC]
//   depthwise    kernel [KH, KW, 1, C]
//   dense        kernel [K, N], rows in HWC order behind a flatten
//   batch norm   gamma, beta, moving_mean, moving_variance [C]
//   layer norm   gamma, beta [C]
//   attention    in_proj_kernel [C, 3C], in_proj_bias [3C],
//                out_proj_kernel [C, C], out_proj_bias [C]
//   the model's own parameters   token [C], position [T, C], scale [C]
// The match is exact: whatever is missing, extra or of another shape is listed
// in one error.
#pragma once

#include "frontends/weights/Resample.h"
#include "frontends/weights/WeightSource.h"

#include <array>
#include <optional>

namespace tl::weights {

struct ExpectedTensor {
  // The layer's name in the network, which is its name in Keras's files.
  std::string layer;
  // "Conv2D", "DepthwiseConv2D", "BatchNormalization", "Dense", ...
  std::string kerasClass;
  // "kernel", "bias", "gamma" and the others above.
  std::string role;
  // The canonical shape.
  std::vector<int64_t> shape;
  // The module's name in torch's files: "features.0", "layer1.0.bn1".
  std::string torchPrefix;
  // For a dense kernel behind a flatten: the flattened {C, H, W}. Torch's
  // files have their rows in that order; they are permuted to HWC.
  std::optional<std::array<int64_t, 3>> flattened;
  // What versions of the file call it otherwise.
  std::vector<std::string> otherPrefixes = {};
  // A position whose last grid[0] x grid[1] tokens are places: one of another
  // grid is resampled.
  std::optional<Bicubic> resample = {};
  Grid grid = {0, 0};
};

// What files of one convention call a tensor, and how they keep it.
struct FileLayout {
  std::string name;
  std::vector<int64_t> shape;
  // Axis k of the canonical order is axis `axes[k]` of `viewShape`, which is
  // the stored shape or, for flattened torch rows, [N, C, H, W]. Empty: the
  // values are already in order.
  std::vector<int64_t> viewShape;
  std::vector<size_t> axes;
};

FileLayout layoutIn(Convention convention, const ExpectedTensor &expected);

struct BindRequest {
  // All tensors of the network; layers in Keras's order (depth from the
  // output, then creation), each layer's tensors together.
  std::vector<ExpectedTensor> expected;
  // Layers that the file may have though the network does not, such as the top
  // of a network built without it: names of layers ("predictions") or modules
  // ("classifier", which also covers "classifier.6").
  std::vector<std::string> optionalLayers;
};

// A position of another grid than the network's.
struct Resampling {
  Bicubic how;
  int64_t prefix; // tokens before those of the grid
  Grid from, to;
};

// One expected tensor with where its values come from.
struct BoundTensor {
  size_t sourceIndex;
  // The name in the file, for messages and for provenance.
  std::string sourceName;
  // Reads the values in canonical order; `out` holds exactly as many as the
  // expected shape. Uses the source, which must outlive it; one thread at a
  // time.
  Status read(std::span<float> out) const;

  WeightSource *source;
  // See FileLayout.
  std::vector<int64_t> viewShape;
  std::vector<size_t> axes;
  std::optional<Resampling> resampling;

private:
  Status readResampled(std::span<float> out) const;
};

// The tensors in the order of `request.expected`, and the names of those in the
// file that optional layers left unused.
struct Binding {
  std::vector<BoundTensor> tensors;
  std::vector<std::string> unused;
};

Result<Binding> bindWeights(WeightSource &source, const BindRequest &request);

// How well a file fits, without reading a value.
struct Fit {
  size_t expected = 0; // by the network
  size_t named = 0;    // of these in the file
  size_t fitting = 0;  // and of the right shape
  size_t extra = 0;    // in the file and not in the network
  // 1 where all fits.
  double score() const { return share(fitting); }
  // The same by names alone.
  double nameScore() const { return share(named); }
  double share(size_t of) const {
    return expected + extra == 0 ? 0 : double(of) / double(expected + extra);
  }
};
Fit measureFit(const WeightSource &source, const BindRequest &request);

} // namespace tl::weights
