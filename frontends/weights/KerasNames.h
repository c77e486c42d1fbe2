// What Keras's paths mean: which layer a tensor belongs to and which of the
// layer's weights it is. Pure functions on text, for all ages of the format.
#pragma once

#include "frontends/weights/WeightSource.h"

#include <string_view>

namespace tl::weights {

// Old layouts: sets layer, role and scope from the group of the layer and the
// weight's name. Names seen in the wild, all for the kernel of layer conv1:
//   conv1  conv1/kernel:0            tf.keras, Keras 2
//   conv1  conv1/kernel              Keras 3's legacy writer
//   conv1  conv1_2/kernel:0          a second model in one TensorFlow graph
//   conv1  model/conv1/kernel:0      built inside a named model
//   conv1  conv1_W_1:0               Keras 1, also conv1_W:0
//   base   conv1/kernel:0            a model `base` nested as one layer
void nameLegacyTensor(std::string_view group, std::string_view weight,
                      SourceTensor &tensor);

// Keras 3: sets layer, role, scope, snakeClass and classIndex from the path of
// the variables' owner ("layers/functional/layers/conv2d_3"), the variable's
// path and the layer's name as the file may have it. The separator may be a
// backslash, as files from Windows have it.
void nameKeras3Tensor(std::string_view owner, std::string_view layerName,
                      SourceTensor &tensor);

} // namespace tl::weights
