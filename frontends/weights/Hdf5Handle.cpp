// See Hdf5Handle.h.
#include "frontends/weights/Hdf5Handle.h"
#include "frontends/weights/Message.h"

#include <cstring>

namespace tl::weights {

namespace {

constexpr size_t maxLinks = 100000;
constexpr size_t maxNameBytes = 4096;
constexpr size_t maxAttributeBytes = 16u << 20;

herr_t collectName(hid_t, const char *name, const H5L_info_t *, void *into) {
  auto &names = *static_cast<std::vector<std::string> *>(into);
  if (names.size() == maxLinks || std::strlen(name) > maxNameBytes)
    return -1;
  names.emplace_back(name);
  return 0;
}

Status checkHardLink(hid_t group, const std::string &name) {
  H5L_info_t info;
  if (H5Lget_info(group, name.c_str(), &info, H5P_DEFAULT) < 0)
    return Error{"there is no " + inQuotes(name) +
                 " where the file says there is"};
  if (info.type == H5L_TYPE_EXTERNAL)
    return Error{inQuotes(name) +
                 " is an external link into another file; expected the weights "
                 "in this file"};
  if (info.type != H5L_TYPE_HARD)
    return Error{inQuotes(name) +
                 " is a soft or user-defined link; expected the object itself"};
  return Done{};
}

Result<Handle> openTyped(hid_t from, std::string_view path, H5I_type_t type,
                         const char *typeName) {
  Result<Handle> object = openObject(from, path);
  if (object && H5Iget_type(*object) != type)
    return Error{inQuotes(path) + " is not a " + typeName};
  return object;
}

Status readFixedTexts(hid_t attribute, hid_t type, size_t count,
                      std::vector<std::string> &texts) {
  size_t size = H5Tget_size(type);
  if (size == 0 || count > maxAttributeBytes / size)
    return Error{"it is larger than 16 MiB"};
  std::vector<char> bytes(size * count);
  if (H5Aread(attribute, type, bytes.data()) < 0)
    return Error{"it cannot be read"};
  for (size_t i = 0; i < count; ++i) {
    const char *text = bytes.data() + i * size;
    texts.emplace_back(text, ::strnlen(text, size));
  }
  return Done{};
}

Status readVariableTexts(hid_t attribute, hid_t type, hid_t space, size_t count,
                         std::vector<std::string> &texts) {
  if (count > maxAttributeBytes / sizeof(char *))
    return Error{"it is larger than 16 MiB"};
  std::vector<char *> pointers(count, nullptr);
  if (H5Aread(attribute, type, pointers.data()) < 0)
    return Error{"it cannot be read"};
  size_t total = 0;
  for (char *text : pointers) {
    size_t length = text ? ::strnlen(text, maxAttributeBytes) : 0;
    total += length;
    if (total > maxAttributeBytes)
      break;
    texts.emplace_back(text ? text : "", length);
  }
  H5Dvlen_reclaim(type, space, H5P_DEFAULT, pointers.data());
  if (total > maxAttributeBytes)
    return Error{"it is larger than 16 MiB"};
  return Done{};
}

} // namespace

Result<Handle> openObject(hid_t from, std::string_view path) {
  Handle object;
  for (size_t start = 0; start < path.size();) {
    size_t end = std::min(path.find('/', start), path.size());
    std::string name(path.substr(start, end - start));
    start = end + 1;
    if (name.empty())
      continue;
    hid_t parent = object ? static_cast<hid_t>(object) : from;
    if (Status status = checkHardLink(parent, name); !status)
      return status.error();
    Handle next(H5Oopen(parent, name.c_str(), H5P_DEFAULT), H5Oclose);
    if (!next)
      return Error{inQuotes(path) + " cannot be opened; the file is damaged"};
    object = std::move(next);
  }
  if (!object)
    return Error{"an object's name is empty"};
  return object;
}

Result<Handle> openGroup(hid_t from, std::string_view path) {
  return openTyped(from, path, H5I_GROUP, "group");
}

Result<Handle> openDataset(hid_t from, std::string_view path) {
  return openTyped(from, path, H5I_DATASET, "dataset");
}

Result<std::vector<std::string>> linkNames(hid_t group) {
  std::vector<std::string> names;
  hsize_t position = 0;
  if (H5Literate(group, H5_INDEX_NAME, H5_ITER_INC, &position, collectName,
                 &names) < 0)
    return Error{"a group cannot be listed; the file is damaged"};
  return names;
}

bool hasAttribute(hid_t object, const char *name) {
  return H5Aexists(object, name) > 0;
}

Result<std::vector<std::string>> readTexts(hid_t object, const char *name) {
  auto error = [&](const std::string &what) {
    return Error{"attribute " + inQuotes(name) + ": " + what};
  };
  Handle attribute(H5Aopen(object, name, H5P_DEFAULT), H5Aclose);
  if (!attribute)
    return error("it cannot be opened");
  Handle space(H5Aget_space(attribute), H5Sclose);
  Handle type(H5Aget_type(attribute), H5Tclose);
  hssize_t count = space ? H5Sget_simple_extent_npoints(space) : -1;
  if (!type || count < 0)
    return error("it cannot be read");
  std::vector<std::string> texts;
  if (count == 0)
    return texts;
  if (H5Tget_class(type) != H5T_STRING)
    return error("it is not text");
  Status status =
      H5Tis_variable_str(type) > 0
          ? readVariableTexts(attribute, type, space,
                              static_cast<size_t>(count), texts)
          : readFixedTexts(attribute, type, static_cast<size_t>(count), texts);
  if (!status)
    return error(status.message());
  return texts;
}

Result<std::vector<std::string>> readTextList(hid_t object,
                                              const std::string &name) {
  if (hasAttribute(object, name.c_str()))
    return readTexts(object, name.c_str());
  std::vector<std::string> all;
  for (size_t part = 0; part < maxLinks; ++part) {
    std::string partName = name + std::to_string(part);
    if (!hasAttribute(object, partName.c_str())) {
      if (part == 0)
        return Error{"there is no attribute " + inQuotes(name)};
      break;
    }
    Result<std::vector<std::string>> texts =
        readTexts(object, partName.c_str());
    if (!texts)
      return texts;
    all.insert(all.end(), texts->begin(), texts->end());
    if (all.size() > maxLinks)
      return Error{"attribute " + inQuotes(name) + " has too many elements"};
  }
  return all;
}

} // namespace tl::weights
