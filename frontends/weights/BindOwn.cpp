// Our own files, as tlrun --export writes them: "<layer>.<role>" and canonical
// shapes, so that what was trained here serves as a backbone's weights as it
// is. What the file has beyond the network, such as the head of the model that
// was trained, is left unused.
#include "frontends/weights/BindMatch.h"
#include "frontends/weights/Message.h"

#include <unordered_map>

namespace tl::weights {

Matching matchOwn(const WeightSource &source, const BindRequest &request) {
  const std::vector<SourceTensor> &tensors = source.tensors();
  Matching matching;
  std::unordered_map<std::string, size_t> byName;
  for (size_t i = 0; i < tensors.size(); ++i) {
    matching.leftovers.push_back(Leftover::Optional);
    matching.shown.push_back(tensors[i].name);
    byName[tensors[i].name] = i;
  }
  for (const ExpectedTensor &expected : request.expected) {
    Counterpart counterpart;
    counterpart.wanted = expected.layer + "." + expected.role;
    counterpart.wantedShape = shapeText(expected.shape);
    if (auto found = byName.find(counterpart.wanted); found != byName.end()) {
      counterpart.index = found->second;
      counterpart.fits = tensors[found->second].shape == expected.shape;
    }
    matching.counterparts.push_back(std::move(counterpart));
  }
  return matching;
}

} // namespace tl::weights
