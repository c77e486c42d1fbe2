// One tensor in an .h5 file, as the child process reads it: its type, its shape
// and its values in pieces. Datasets whose values lie in other files (external
// storage, virtual datasets) are refused.
#pragma once

#include "frontends/weights/Hdf5Handle.h"
#include "frontends/weights/Widen.h"

#include <functional>
#include <span>

namespace tl::weights {

class Hdf5Dataset {
public:
  // `path` is for messages only.
  static Result<Hdf5Dataset> open(Handle dataset, const std::string &path);

  ElementType elementType() const { return type; }
  const std::vector<int64_t> &shape() const { return extents; }

  // Calls `take` with successive pieces of the widened values, each of at most
  // `maxElements`; stops when it returns false.
  Status read(size_t maxElements,
              const std::function<bool(std::span<const float>)> &take) const;

private:
  Status checkStorage() const;
  Status checkFilters(hid_t creation) const;
  Status findType();
  Status findShape();
  Error error(const std::string &what) const;
  Status readBlock(const std::vector<hsize_t> &start,
                   const std::vector<hsize_t> &count, size_t elements,
                   std::vector<std::byte> &raw, std::vector<float> &wide) const;

  Handle dataset;
  Handle memoryType;
  std::string path;
  ElementType type = ElementType::F32;
  std::vector<int64_t> extents;
};

} // namespace tl::weights
