// Which network a weight file is of, for the message when it does not fit: the
// built-in backbones are asked one after the other what they expect of a file.
#pragma once

#include "frontends/weights/Bind.h"

#include "llvm/ADT/ArrayRef.h"

namespace tl {

/// "these names and shapes are those of 'vgg16' (Keras)", or empty where no
/// backbone fits clearly better than `wanted` does. `input` is the model's
/// {height, width, channels}, whose size is tried first. Takes about as long as
/// compiling the layers of every built-in backbone.
std::string recogniseWeights(const weights::WeightSource &file,
                             const weights::BindRequest &wanted,
                             llvm::ArrayRef<int64_t> input);

} // namespace tl
