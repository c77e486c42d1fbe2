// Values are read in blocks of whole rows through hyperslabs, so that a tensor
// of half a gigabyte needs a few megabytes here. The chunk cache is made large
// enough that a compressed chunk is unpacked once and not once a block.
#include "frontends/weights/Hdf5Dataset.h"
#include "frontends/weights/Message.h"

#include <algorithm>

namespace tl::weights {

namespace {

Handle copyType(hid_t type) { return Handle(H5Tcopy(type), H5Tclose); }

hid_t nativeInteger(size_t bytes, bool isSigned) {
  switch (bytes) {
  case 1:
    return isSigned ? H5T_NATIVE_INT8 : H5T_NATIVE_UINT8;
  case 2:
    return isSigned ? H5T_NATIVE_INT16 : H5T_NATIVE_UINT16;
  case 4:
    return isSigned ? H5T_NATIVE_INT32 : H5T_NATIVE_UINT32;
  case 8:
    return isSigned ? H5T_NATIVE_INT64 : H5T_NATIVE_UINT64;
  default:
    return -1;
  }
}

ElementType integerType(size_t bytes, bool isSigned) {
  size_t step = bytes == 1 ? 0 : bytes == 2 ? 1 : bytes == 4 ? 2 : 3;
  return static_cast<ElementType>(static_cast<size_t>(ElementType::I8) +
                                  2 * step + (isSigned ? 0 : 1));
}

// What a dataset holds that weights are not made of.
std::string describe(H5T_class_t kind, size_t bytes) {
  switch (kind) {
  case H5T_FLOAT:
    return "floats of " + std::to_string(bytes) + " bytes";
  case H5T_INTEGER:
    return "integers of " + std::to_string(bytes) + " bytes";
  case H5T_STRING:
    return "text";
  case H5T_OPAQUE:
    return "opaque bytes";
  case H5T_COMPOUND:
    return "compound values, such as complex numbers";
  case H5T_ENUM:
    return "enumerated values, such as booleans";
  case H5T_ARRAY:
    return "arrays";
  case H5T_VLEN:
    return "lists of varying lengths";
  case H5T_REFERENCE:
    return "references";
  default:
    return "values of another class";
  }
}

// Two bytes with 5 bits of exponent are binary16, with 8 bfloat16.
bool isHalf(hid_t type, size_t exponentBits) {
  size_t signAt, exponentAt, exponentSize, mantissaAt, mantissaSize;
  return H5Tget_fields(type, &signAt, &exponentAt, &exponentSize, &mantissaAt,
                       &mantissaSize) >= 0 &&
         exponentSize == exponentBits && mantissaSize == 15 - exponentBits &&
         signAt == 15 && mantissaAt == 0 && exponentAt == mantissaSize;
}

} // namespace

Error Hdf5Dataset::error(const std::string &what) const {
  return Error{"tensor " + inQuotes(path) + " " + what};
}

Result<Hdf5Dataset> Hdf5Dataset::open(Handle handle, const std::string &path) {
  Hdf5Dataset opened;
  opened.dataset = std::move(handle);
  opened.path = path;
  if (Status status = opened.findType(); !status)
    return status.error();
  if (Status status = opened.findShape(); !status)
    return status.error();
  if (Status status = opened.checkStorage(); !status)
    return status.error();
  return opened;
}

// Filters that libhdf5 has itself; no plugin is loaded for others.
Status Hdf5Dataset::checkFilters(hid_t creation) const {
  int count = H5Pget_nfilters(creation);
  if (count < 0)
    return error("has no readable filters; the file is damaged");
  for (unsigned i = 0; i < static_cast<unsigned>(count); ++i) {
    unsigned flags = 0, config = 0;
    size_t values = 0;
    char name[64] = {};
    H5Z_filter_t id = H5Pget_filter2(creation, i, &flags, &values, nullptr,
                                     sizeof(name) - 1, name, &config);
    if (id < 0)
      return error("has no readable filters; the file is damaged");
    if (H5Zfilter_avail(id) <= 0)
      return error(
          "is packed by the filter " + std::to_string(id) +
          (*name ? " (" + std::string(name) + ")" : std::string()) +
          ", which is not read; expected gzip, as 'h5repack -f GZIP=4' "
          "writes it, or none");
  }
  return Done{};
}

Status Hdf5Dataset::checkStorage() const {
  Handle creation(H5Dget_create_plist(dataset), H5Pclose);
  if (!creation)
    return error("has no readable properties; the file is damaged");
  if (H5Pget_external_count(creation) != 0)
    return error("keeps its values in another file (external storage); "
                 "expected them in this file");
  H5D_layout_t layout = H5Pget_layout(creation);
  if (layout == H5D_VIRTUAL)
    return error("is a virtual dataset, made of other files' values; expected "
                 "them in this file");
  // Of compressed chunks libhdf5 only says that some are there.
  H5D_space_status_t allocated;
  if (H5Dget_space_status(dataset, &allocated) < 0 ||
      allocated == H5D_SPACE_STATUS_NOT_ALLOCATED ||
      (allocated != H5D_SPACE_STATUS_ALLOCATED && layout != H5D_CHUNKED))
    return error("has a shape but its values were never written");
  return checkFilters(creation);
}

Status Hdf5Dataset::findType() {
  Handle stored(H5Dget_type(dataset), H5Tclose);
  if (!stored)
    return error("has no readable type; the file is damaged");
  size_t bytes = H5Tget_size(stored);
  H5T_class_t kind = H5Tget_class(stored);
  if (kind == H5T_FLOAT && bytes == 2 &&
      (isHalf(stored, 5) || isHalf(stored, 8))) {
    type = isHalf(stored, 5) ? ElementType::F16 : ElementType::BF16;
    memoryType = copyType(stored);
    H5Tset_order(memoryType, H5T_ORDER_LE);
  } else if (kind == H5T_FLOAT && bytes == 4) {
    type = ElementType::F32;
    memoryType = copyType(H5T_NATIVE_FLOAT);
  } else if (kind == H5T_FLOAT && bytes == 8) {
    type = ElementType::F64;
    memoryType = copyType(H5T_NATIVE_DOUBLE);
  } else if (kind == H5T_INTEGER && nativeInteger(bytes, true) >= 0) {
    bool isSigned = H5Tget_sign(stored) == H5T_SGN_2;
    type = integerType(bytes, isSigned);
    memoryType = copyType(nativeInteger(bytes, isSigned));
  } else if (kind == H5T_OPAQUE && bytes == 2 &&
             hasAttribute(dataset, "dtype")) {
    // Keras writes bfloat16 as two opaque bytes beside dtype="bfloat16".
    Result<std::vector<std::string>> dtype = readTexts(dataset, "dtype");
    if (dtype && *dtype == std::vector<std::string>{"bfloat16"}) {
      type = ElementType::BF16;
      memoryType = copyType(stored);
    }
  }
  if (!memoryType)
    return error("holds " + describe(kind, bytes) +
                 "; expected 16, 32 or 64 bit floats, or integers");
  return Done{};
}

Status Hdf5Dataset::findShape() {
  Handle space(H5Dget_space(dataset), H5Sclose);
  int rank = space ? H5Sget_simple_extent_ndims(space) : -1;
  if (rank < 0 || rank > H5S_MAX_RANK ||
      H5Sget_simple_extent_type(space) == H5S_NULL)
    return error("has no values");
  std::vector<hsize_t> sizes(static_cast<size_t>(rank));
  if (rank > 0 && H5Sget_simple_extent_dims(space, sizes.data(), nullptr) < 0)
    return error("has no readable shape; the file is damaged");
  extents.assign(sizes.begin(), sizes.end());
  if (checkedElements(extents) < 0)
    return error("has the shape " + shapeText(extents) +
                 "; expected at most 8 axes, extents of at least 1 and a "
                 "sensible product");
  return Done{};
}

Status Hdf5Dataset::readBlock(const std::vector<hsize_t> &start,
                              const std::vector<hsize_t> &count,
                              size_t elements, std::vector<std::byte> &raw,
                              std::vector<float> &wide) const {
  Handle space(H5Dget_space(dataset), H5Sclose);
  hsize_t length = elements;
  Handle memory(H5Screate_simple(1, &length, nullptr), H5Sclose);
  if (!space || !memory)
    return error("cannot be read");
  if (!start.empty() && H5Sselect_hyperslab(space, H5S_SELECT_SET, start.data(),
                                            nullptr, count.data(), nullptr) < 0)
    return error("cannot be read");
  raw.resize(elements * sizeOf(type));
  wide.resize(elements);
  if (H5Dread(dataset, memoryType, memory, space, H5P_DEFAULT, raw.data()) < 0)
    return error("cannot be read; the file is damaged, or a part of it unpacks "
                 "to more memory than reading may take");
  widen(type, raw.data(), elements, wide.data());
  return Done{};
}

Status Hdf5Dataset::read(
    size_t maxElements,
    const std::function<bool(std::span<const float>)> &take) const {
  size_t rank = extents.size();
  // Blocks are `step` rows of axis `split`, and whole in all axes behind it.
  size_t split = rank;
  size_t inner = 1;
  while (split > 0 &&
         static_cast<size_t>(extents[split - 1]) <= maxElements / inner)
    inner *= static_cast<size_t>(extents[--split]);
  if (split > 0)
    --split;
  else
    inner = rank ? inner / static_cast<size_t>(extents[0]) : 1;
  std::vector<hsize_t> start(rank, 0);
  std::vector<hsize_t> count(extents.begin(), extents.end());
  std::fill(count.begin(), count.begin() + static_cast<long>(split), 1);
  hsize_t step = maxElements / inner;
  std::vector<std::byte> raw;
  std::vector<float> wide;
  while (true) {
    size_t elements = inner;
    if (rank > 0) {
      auto rows = static_cast<hsize_t>(extents[split]) - start[split];
      count[split] = std::min(step, rows);
      elements *= count[split];
    }
    if (Status status = readBlock(start, count, elements, raw, wide); !status)
      return status;
    if (!take(wide))
      return Error{"the compiler is gone"};
    // Count up like an odometer from the split axis.
    size_t axis = split;
    if (rank > 0)
      start[split] += count[split];
    while (axis > 0 && start[axis] == static_cast<hsize_t>(extents[axis])) {
      start[axis] = 0;
      ++start[--axis];
    }
    if (rank == 0 || start[0] == static_cast<hsize_t>(extents[0]))
      return Done{};
  }
}

} // namespace tl::weights
