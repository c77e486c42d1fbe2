// The child process of the .h5 reader: finds the tensors of a Keras file, sends
// their table and then their values on request. It decides nothing about names;
// it only finds what is in the file.
#include "frontends/weights/Hdf5Dataset.h"
#include "frontends/weights/Hdf5Protocol.h"
#include "frontends/weights/Message.h"

#include <algorithm>
#include <cstring>
#include <new>

namespace tl::weights {

namespace {

struct Found {
  std::string path;
  std::string group;
  std::string name;
  Hdf5Dataset dataset;
};

class Finder {
public:
  Status find(hid_t file);

  KerasFileLayout layout = KerasFileLayout::Legacy;
  std::vector<Found> tensors;

private:
  Status findLegacy(hid_t root);
  Status findLegacyGroup(hid_t root, const std::string &group);
  Status walk(hid_t group, const std::string &path, unsigned depth);
  Status findVariables(hid_t variables, const std::string &path);
  Status add(hid_t group, const std::string &name, Found found);

  size_t visited = 0;
};

bool hasLayerNames(hid_t group) {
  return hasAttribute(group, "layer_names") ||
         hasAttribute(group, "layer_names0");
}

Status Finder::find(hid_t file) {
  Handle root(H5Gopen2(file, "/", H5P_DEFAULT), H5Gclose);
  if (!root)
    return Error{"its root cannot be read; the file is damaged"};
  if (hasLayerNames(root))
    return findLegacy(root);
  Result<std::vector<std::string>> names = linkNames(root);
  if (!names)
    return names.error();
  if (std::find(names->begin(), names->end(), "model_weights") !=
      names->end()) {
    Result<Handle> weights = openGroup(root, "model_weights");
    if (!weights)
      return weights.error();
    if (hasLayerNames(*weights))
      return findLegacy(*weights);
  }
  layout = KerasFileLayout::Keras3;
  if (Status status = walk(root, "", 0); !status || !tensors.empty())
    return status;
  std::string list;
  for (size_t i = 0; i < std::min<size_t>(names->size(), 8); ++i)
    list += (i ? ", " : "") + inQuotes((*names)[i]);
  return Error{"no weights of a Keras model: expected the attribute "
               "'layer_names', a group 'model_weights' or groups with 'vars', "
               "found " +
               (list.empty() ? "nothing" : list)};
}

Status Finder::findLegacy(hid_t root) {
  Result<std::vector<std::string>> groups = readTextList(root, "layer_names");
  if (!groups)
    return groups.error();
  for (const std::string &group : *groups)
    if (Status status = findLegacyGroup(root, group); !status)
      return status;
  // Weights that belong to the model itself; of the networks built here, none.
  if (H5Lexists(root, "top_level_model_weights", H5P_DEFAULT) > 0)
    if (Status status = findLegacyGroup(root, "top_level_model_weights");
        !status)
      return status;
  if (tensors.empty())
    return Error{"none of its " + std::to_string(groups->size()) +
                 " layers has weights"};
  return Done{};
}

Status Finder::findLegacyGroup(hid_t root, const std::string &group) {
  Result<Handle> layer = openGroup(root, group);
  if (!layer)
    return Error{"layer " + inQuotes(group) + ": " + layer.message()};
  Result<std::vector<std::string>> names = readTextList(*layer, "weight_names");
  if (!names)
    return Error{"layer " + inQuotes(group) + ": " + names.message()};
  for (const std::string &name : *names) {
    std::string path = group + "/" + name;
    if (Status status = add(*layer, name, {path, group, name, {}}); !status)
      return status;
  }
  return Done{};
}

// At the root: what Keras 3 files hold beside the network.
bool isTrainingState(const std::string &name) {
  for (const char *state : {"optimizer", "metrics", "compile_metrics",
                            "compile_loss", "loss_tracker"})
    if (name == state || name.starts_with(std::string(state) + "\\"))
      return true;
  return false;
}

Status Finder::walk(hid_t group, const std::string &path, unsigned depth) {
  constexpr unsigned maxDepth = 32;
  constexpr size_t maxVisited = 200000;
  if (depth > maxDepth)
    return Error{"groups are nested deeper than " + std::to_string(maxDepth)};
  Result<std::vector<std::string>> names = linkNames(group);
  if (!names)
    return names.error();
  for (const std::string &name : *names) {
    // Hard links may form circles; the count ends them.
    if (++visited > maxVisited)
      return Error{"it has more than " + std::to_string(maxVisited) +
                   " objects"};
    if (depth == 0 && isTrainingState(name))
      continue;
    std::string inner = path.empty() ? name : path + "/" + name;
    Result<Handle> object = openObject(group, name);
    if (!object)
      return object.error();
    if (H5Iget_type(*object) != H5I_GROUP)
      continue;
    bool variables = name == "vars" || name.ends_with("\\vars");
    Status status = variables ? findVariables(*object, inner)
                              : walk(*object, inner, depth + 1);
    if (!status)
      return status;
  }
  return Done{};
}

Status Finder::findVariables(hid_t variables, const std::string &path) {
  Result<std::vector<std::string>> names = linkNames(variables);
  if (!names)
    return names.error();
  std::string layerName;
  if (hasAttribute(variables, "name")) {
    Result<std::vector<std::string>> texts = readTexts(variables, "name");
    if (!texts)
      return Error{inQuotes(path) + ": " + texts.message()};
    if (texts->size() == 1)
      layerName = texts->front();
  }
  std::string owner = path.substr(0, path.size() - std::strlen("vars"));
  for (const std::string &name : *names)
    if (Status status =
            add(variables, name, {path + "/" + name, owner, layerName, {}});
        !status)
      return status;
  return Done{};
}

Status Finder::add(hid_t group, const std::string &name, Found found) {
  if (tensors.size() == maxTensors)
    return Error{"it has more than " + std::to_string(maxTensors) + " tensors"};
  Result<Handle> handle = openDataset(group, name);
  if (!handle)
    return Error{"tensor " + inQuotes(found.path) + ": " + handle.message()};
  Result<Hdf5Dataset> dataset =
      Hdf5Dataset::open(std::move(*handle), found.path);
  if (!dataset)
    return dataset.error();
  found.dataset = std::move(*dataset);
  tensors.push_back(std::move(found));
  return Done{};
}

class Packer {
public:
  template <typename T> void number(T value) {
    const auto *bytes = reinterpret_cast<const std::byte *>(&value);
    out.insert(out.end(), bytes, bytes + sizeof(T));
  }
  void text(const std::string &value) {
    number(static_cast<uint32_t>(value.size()));
    const auto *bytes = reinterpret_cast<const std::byte *>(value.data());
    out.insert(out.end(), bytes, bytes + value.size());
  }
  std::vector<std::byte> out;
};

bool sendMessage(const ChildLink &link, MessageKind kind,
                 std::span<const std::byte> bytes) {
  MessageHeader header = {kind, static_cast<uint32_t>(bytes.size())};
  return link.send(std::as_bytes(std::span(&header, 1))) && link.send(bytes);
}

void sendError(const ChildLink &link, std::string_view message) {
  message = message.substr(0, maxErrorBytes);
  sendMessage(link, MessageKind::Error, std::as_bytes(std::span(message)));
}

bool sendTable(const ChildLink &link, const Finder &finder) {
  Packer packer;
  packer.number(finder.layout);
  packer.number(static_cast<uint32_t>(finder.tensors.size()));
  for (const Found &found : finder.tensors) {
    packer.text(found.path);
    packer.number(found.dataset.elementType());
    packer.number(static_cast<uint8_t>(found.dataset.shape().size()));
    for (int64_t extent : found.dataset.shape())
      packer.number(extent);
    packer.text(found.group);
    packer.text(found.name);
  }
  if (packer.out.size() > maxTableBytes) {
    sendError(link, "its names take more than 16 MiB");
    return false;
  }
  return sendMessage(link, MessageKind::Table, packer.out);
}

Handle openFile() {
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  // No plugin is ever loaded for a filter: a file must not choose code to run.
  H5PLset_loading_state(0);
  Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
  // Locks fail on some network file systems, and nothing is written here.
  H5Pset_file_locking(access, false, true);
  // 32 MiB hold a row of the chunks that writers choose (about 1 MiB each).
  H5Pset_cache(access, 0, 4099, 32u << 20, 1.0);
  return Handle(H5Fopen(ChildLink::filePath(), H5F_ACC_RDONLY, access),
                H5Fclose);
}

void serve(const ChildLink &link) {
  Handle file = openFile();
  if (!file)
    return sendError(link, "libhdf5 cannot open it; it is damaged, cut short "
                           "or not HDF5");
  link.seal();
  Finder finder;
  if (Status status = finder.find(file); !status)
    return sendError(link, status.message());
  if (!sendTable(link, finder))
    return;
  uint32_t index = 0;
  while (link.receive(std::as_writable_bytes(std::span(&index, 1)))) {
    if (index >= finder.tensors.size())
      return sendError(link, "no such tensor");
    Status status = finder.tensors[index].dataset.read(
        maxDataBytes / sizeof(float), [&](std::span<const float> values) {
          return sendMessage(link, MessageKind::Data, std::as_bytes(values));
        });
    if (!status)
      return sendError(link, status.message());
  }
}

} // namespace

void serveHdf5(const ChildLink &link) {
  try {
    serve(link);
  } catch (const std::bad_alloc &) {
    sendError(link, "reading it needs more memory than it may take");
  }
  // The caller exits at once; libhdf5's own tidying has nothing to save.
}

} // namespace tl::weights
