// A file of pretrained weights, whatever its format: a list of named tensors
// whose values are read as float32 on demand. Every reader (Keras .h5 in its
// layouts, safetensors, PyTorch's pickles) stands behind this one interface, so
// that the compiler knows networks and not files. What a network calls its
// tensors, and in which order their axes stand, is Bind.h's business; a source
// gives both as the file has them.
//
// A source is not made for hostile callers, but it is for hostile files: it
// opens no other file, keeps to the caps stated in README.md, and a damaged
// file is an error, never a crash.
#pragma once

#include "frontends/weights/Result.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace tl::weights {

// Whose habits a file follows: axis order and names of roles. Own: what
// tlrun --export writes, the canonical shapes under "<layer>.<role>".
enum class Convention { Keras, Torch, Own };

struct SourceTensor {
  // Unique in the file: "conv1/conv1/kernel:0", "features.0.weight".
  std::string name;
  // As stored; empty for a scalar. Every extent is at least 1.
  std::vector<int64_t> shape;
  // The stored type, for messages: "f32", "f16", "bf16", "f64", "i32", ...
  std::string dtype;

  // Keras only. The layer that owns the tensor and the weight's short name
  // ("kernel", "bias", "gamma", "beta", "moving_mean", "moving_variance", or
  // another as stored). In the Keras 3 layout the short name is the variable's
  // number ("0", "1", ...), and the layer's name is empty where the file has
  // none.
  std::string layer;
  std::string role;
  // Keras only. The chain of models and layers around `layer`: "" at the top
  // level; "mobilenet_0.25_224" for a base model nested as one layer.
  std::string scope;
  // Keras 3 layout only: the class in snake case and its place among the
  // layers of that class in `scope`: {"conv2d", 3} for "layers/conv2d_3".
  std::string snakeClass;
  int64_t classIndex = -1;

  // Of the head of the model that tlrun exported the file from: of no backbone.
  bool ofHead = false;

  int64_t numElements() const {
    int64_t product = 1;
    for (int64_t extent : shape)
      product *= extent;
    return product;
  }
};

class WeightSource {
public:
  virtual ~WeightSource() = default;

  virtual Convention convention() const = 0;
  // The path as it was given, for messages.
  virtual const std::string &path() const = 0;
  // In the file's order where it has one, else by name. Holds the network's
  // weights only: the state of an optimizer in the same file is left out.
  virtual const std::vector<SourceTensor> &tensors() const = 0;
  // Widens tensor `index` to float32, in the stored axis order; `out` holds
  // exactly numElements() values. May be called again; one thread at a time.
  virtual Status read(size_t index, std::span<float> out) = 0;

  // The same values, piece after piece in the stored order, for who puts them
  // elsewhere: a reader of a plain file needs no room of the tensor's size for
  // it, the others read the tensor whole.
  using Take = std::function<void(std::span<const float>)>;
  virtual Status readPieces(size_t index, const Take &take) {
    std::vector<float> whole(size_t(tensors()[index].numElements()));
    if (Status status = read(index, whole); !status)
      return status;
    take(whole);
    return Done{};
  }
};

// Opens a weight file; the format is told from the content, not the name.
// Reading .h5 forks a child process (README.md says why), which lives as long
// as the source: call it early, while the process is small.
Result<std::unique_ptr<WeightSource>> openWeightSource(const std::string &path);

} // namespace tl::weights
