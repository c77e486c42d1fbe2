// Finds the state dict in what torch.save pickled: the dictionary from names to
// tensors, alone or under the names that training scripts give it. A tensor is
// a view of a storage, and the storage is a name: where its bytes lie is the
// business of the file's form (TorchSource).
//
// Only what state dicts are made of is understood. A pickle that asks for any
// other function or class, as that of a whole module does, is refused with
// their names.
#pragma once

#include "frontends/weights/Pickle.h"
#include "frontends/weights/Widen.h"

#include <optional>

namespace tl::weights {

struct TorchStorage {
  std::string key;
  // "torch.FloatStorage", and its elements' type unless it is an exotic one.
  std::string typeName;
  std::optional<ElementType> type;
  int64_t elements = 0;
  // The part that a view of the storage sees: before 0.4 storages had views.
  int64_t viewBegin = 0, viewElements = 0;
};

struct TorchTensor {
  std::string name;
  TorchStorage storage;
  // All in elements; within the storage's view.
  int64_t offset = 0;
  std::vector<int64_t> shape, strides;
};

// Messages do not name the file.
Result<std::vector<TorchTensor>> findStateDict(const PickledData &data);

// All storages that the pickle names, those of an optimizer's state too.
Result<std::vector<TorchStorage>> allStorages(const PickledData &data);

} // namespace tl::weights
