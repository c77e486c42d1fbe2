// See TorchStateDict.h. The functions' arguments are those of torch/_utils.py,
// a storage's description that of torch/serialization.py.
#include "frontends/weights/TorchStateDict.h"
#include "frontends/weights/Message.h"

#include <algorithm>
#include <unordered_set>

namespace tl::weights {

namespace {

using Kind = PickleValue::Kind;

constexpr size_t maxTensors = 100000;
constexpr size_t maxKeyBytes = 200;

bool isTensorMaker(std::string_view name) {
  return name == "torch._utils._rebuild_tensor_v2" ||
         name == "torch._utils._rebuild_tensor";
}

bool isParameterMaker(std::string_view name) {
  return name == "torch._utils._rebuild_parameter";
}

bool isStorageType(std::string_view name) {
  for (std::string_view module : {"torch.cuda.", "torch."})
    if (name.starts_with(module))
      return name.ends_with("Storage") &&
             name.find('.', module.size()) == std::string_view::npos;
  return false;
}

// What lies beside a state dict in a checkpoint and says nothing of weights:
// shapes, types and devices as values, NumPy's scalars (an accuracy) and arrays
// (a generator's state), the counters of a schedule, the command line. Calls of
// these are passed over.
bool isBystander(std::string_view name) {
  constexpr std::string_view names[] = {"torch.Size",
                                        "torch.device",
                                        "torch.float32",
                                        "torch.float64",
                                        "torch.float16",
                                        "torch.bfloat16",
                                        "torch.int8",
                                        "torch.int16",
                                        "torch.int32",
                                        "torch.int64",
                                        "torch.uint8",
                                        "torch.bool",
                                        "numpy.dtype",
                                        "_codecs.encode",
                                        "argparse.Namespace",
                                        "pathlib.PosixPath",
                                        "collections.Counter",
                                        "collections.defaultdict",
                                        "__builtin__.list",
                                        "__builtin__.dict",
                                        "__builtin__.set",
                                        "builtins.list",
                                        "builtins.dict",
                                        "builtins.set",
                                        "numpy.ndarray",
                                        "numpy.core.multiarray._reconstruct",
                                        "numpy._core.multiarray._reconstruct",
                                        "numpy.core.multiarray.scalar",
                                        "numpy._core.multiarray.scalar"};
  return std::ranges::find(names, name) != std::end(names);
}

// What makes a tensor of another kind than are read.
bool isOtherTensor(std::string_view name) {
  return name.starts_with("torch._utils._rebuild_") ||
         name.starts_with("torch.float8_") || name.starts_with("torch.per_") ||
         name == "torch.storage.UntypedStorage" ||
         name == "torch.serialization._get_layout";
}

std::optional<ElementType> elementType(std::string_view storageType) {
  constexpr std::pair<std::string_view, ElementType> types[] = {
      {"HalfStorage", ElementType::F16},
      {"BFloat16Storage", ElementType::BF16},
      {"FloatStorage", ElementType::F32},
      {"DoubleStorage", ElementType::F64},
      {"CharStorage", ElementType::I8},
      {"ByteStorage", ElementType::U8},
      {"BoolStorage", ElementType::U8},
      {"ShortStorage", ElementType::I16},
      {"IntStorage", ElementType::I32},
      {"LongStorage", ElementType::I64}};
  std::string_view name = storageType.substr(storageType.find_last_of('.') + 1);
  for (auto [storage, type] : types)
    if (name == storage)
      return type;
  return std::nullopt;
}

class StateDictFinder {
public:
  explicit StateDictFinder(const PickledData &data)
      : data(data), counts(data.values.size(), unknown) {}

  Status checkGlobals() const;
  Result<std::vector<TorchTensor>> find() const;
  Result<TorchStorage> storage(const PickleValue &external) const;

private:
  const PickleValue *argument(const PickleValue &call, size_t index) const;
  std::string_view function(const PickleValue &call) const;
  const PickleValue *tensorCall(uint32_t value) const;
  size_t countTensors(uint32_t dict) const;
  bool hasTensors(uint32_t dict) const {
    return data[dict].kind == Kind::Dict && countTensors(dict) > 0;
  }
  std::vector<size_t> holders(uint32_t dict) const;
  std::optional<uint32_t> only(uint32_t dict) const;
  std::optional<uint32_t> named(uint32_t dict, bool withTensors) const;
  Error noStateDict() const;
  Result<TorchTensor> tensor(const PickleValue &call) const;
  bool numbers(const PickleValue *sequence, std::vector<int64_t> &out) const;

  const PickledData &data;
  // Of each dictionary, once: a pickle can name the same one a million times.
  static constexpr size_t unknown = ~size_t(0);
  mutable std::vector<size_t> counts;
};

Status StateDictFinder::checkGlobals() const {
  constexpr size_t maxListed = 8;
  std::string list;
  size_t foreign = 0;
  bool tensors = true;
  for (const std::string &name : data.globals) {
    if (name == "collections.OrderedDict" || isTensorMaker(name) ||
        isParameterMaker(name) || isStorageType(name) || isBystander(name))
      continue;
    tensors &= isOtherTensor(name);
    if (++foreign <= maxListed)
      list += (list.empty() ? "" : ", ") + inQuotes(name);
  }
  if (foreign == 0)
    return Done{};
  if (foreign > maxListed)
    list += " and " + std::to_string(foreign - maxListed) + " more";
  if (tensors)
    return Error{"the pickle asks for " + list +
                 ": it has tensors that are sparse, quantized, of 8-bit floats "
                 "or without values; expected plain ones of 16, 32 or 64 bit "
                 "floats, or integers"};
  return Error{"the pickle asks for " + list +
               ", which no state dict needs: it may hold a whole module, which "
               "cannot be loaded without running its code; save "
               "model.state_dict() with torch.save or as .safetensors"};
}

const PickleValue *StateDictFinder::argument(const PickleValue &call,
                                             size_t index) const {
  const std::vector<uint32_t> &arguments = data[call.items[0]].items;
  return index < arguments.size() ? &data[arguments[index]] : nullptr;
}

std::string_view StateDictFinder::function(const PickleValue &call) const {
  return data.globals[static_cast<size_t>(call.integer)];
}

// The call that makes a tensor; a parameter is a call with a tensor.
const PickleValue *StateDictFinder::tensorCall(uint32_t value) const {
  const PickleValue *call = &data[value];
  if (call->kind == Kind::Call && isParameterMaker(function(*call)))
    call = argument(*call, 0);
  bool found =
      call && call->kind == Kind::Call && isTensorMaker(function(*call));
  return found ? call : nullptr;
}

size_t StateDictFinder::countTensors(uint32_t dict) const {
  size_t &count = counts[dict];
  if (count != unknown)
    return count;
  count = 0;
  const std::vector<uint32_t> &items = data[dict].items;
  for (size_t i = 0; i + 1 < items.size(); i += 2)
    count += data[items[i]].kind == Kind::Text && tensorCall(items[i + 1]);
  return count;
}

// The places in a dictionary of the keys under which it holds others with
// tensors.
std::vector<size_t> StateDictFinder::holders(uint32_t dict) const {
  std::vector<size_t> places;
  const std::vector<uint32_t> &items = data[dict].items;
  for (size_t i = 0; i + 1 < items.size(); i += 2)
    if (hasTensors(items[i + 1]))
      places.push_back(i);
  return places;
}

// A checkpoint's one entry with tensors, more than lie beside it, whatever it
// is called.
std::optional<uint32_t> StateDictFinder::only(uint32_t dict) const {
  std::vector<size_t> places = holders(dict);
  if (places.size() != 1)
    return std::nullopt;
  uint32_t found = data[dict].items[places[0] + 1];
  if (countTensors(found) <= countTensors(dict))
    return std::nullopt;
  return found;
}

// The entry of a checkpoint that is, or holds, the state dict.
std::optional<uint32_t> StateDictFinder::named(uint32_t dict,
                                               bool withTensors) const {
  const std::vector<uint32_t> &items = data[dict].items;
  for (std::string_view name :
       {"state_dict", "model_state_dict", "model", "module", "net",
        "state_dict_ema", "model_ema", "ema_state_dict", "ema"})
    for (size_t i = 0; i + 1 < items.size(); i += 2)
      if (data[items[i]].text == name &&
          data[items[i + 1]].kind == Kind::Dict &&
          (!withTensors || hasTensors(items[i + 1])))
        return items[i + 1];
  return std::nullopt;
}

Error StateDictFinder::noStateDict() const {
  const PickleValue &root = data[data.root];
  std::string found;
  size_t listed = 0;
  for (size_t place : holders(data.root))
    if (data[root.items[place]].kind == Kind::Text && listed++ < 8)
      found +=
          (found.empty() ? "" : ", ") + inQuotes(data[root.items[place]].text);
  if (listed)
    return Error{"several state dicts in it, " + found +
                 ": save the one that is meant by itself"};
  for (size_t i = 0; i + 1 < std::min<size_t>(root.items.size(), 16); i += 2)
    if (root.kind == Kind::Dict && data[root.items[i]].kind == Kind::Text)
      found += (found.empty() ? "" : ", ") + inQuotes(data[root.items[i]].text);
  return Error{"no state dict in it: expected a dictionary from names to "
               "tensors, alone or under 'state_dict' or 'model', found " +
               (tensorCall(data.root)         ? "a tensor by itself"
                : root.kind == Kind::Sequence ? "a list"
                : root.kind != Kind::Dict     ? "something else"
                : found.empty()               ? "none"
                                              : "a dictionary of " + found)};
}

Result<TorchStorage>
StateDictFinder::storage(const PickleValue &external) const {
  const std::vector<uint32_t> &id = data[external.items[0]].items;
  Error error{"a storage in the pickle is not described as torch does"};
  if (id.size() < 5 || data[id[0]].text != "storage" ||
      data[id[1]].kind != Kind::Global || data[id[2]].kind != Kind::Text ||
      data[id[2]].text.size() > maxKeyBytes ||
      data[id[4]].kind != Kind::Integer || data[id[4]].integer < 0)
    return error;
  TorchStorage storage;
  storage.typeName = data.globals[static_cast<size_t>(data[id[1]].integer)];
  storage.type = elementType(storage.typeName);
  storage.key = data[id[2]].text;
  storage.elements = data[id[4]].integer;
  storage.viewElements = storage.elements;
  if (id.size() < 6 || data[id[5]].kind == Kind::None)
    return storage;
  const PickleValue &metadata = data[id[5]]; // key, begin, elements
  if (metadata.items.size() != 3)
    return error;
  storage.viewBegin = data[metadata.items[1]].integer;
  storage.viewElements = data[metadata.items[2]].integer;
  if (storage.viewBegin < 0 || storage.viewBegin > storage.elements ||
      storage.viewElements < 0 ||
      storage.viewElements > storage.elements - storage.viewBegin)
    return error;
  return storage;
}

bool StateDictFinder::numbers(const PickleValue *sequence,
                              std::vector<int64_t> &out) const {
  constexpr size_t maxAxes = 64; // torch's own limit
  if (!sequence || sequence->kind != Kind::Sequence ||
      sequence->items.size() > maxAxes)
    return false;
  for (uint32_t item : sequence->items) {
    if (data[item].kind != Kind::Integer)
      return false;
    out.push_back(data[item].integer);
  }
  return true;
}

// _rebuild_tensor(storage, offset, size, strides, ...)
Result<TorchTensor> StateDictFinder::tensor(const PickleValue &call) const {
  TorchTensor tensor;
  const PickleValue *external = argument(call, 0);
  const PickleValue *offset = argument(call, 1);
  if (!external || external->kind != Kind::External || !offset ||
      offset->kind != Kind::Integer ||
      !numbers(argument(call, 2), tensor.shape) ||
      !numbers(argument(call, 3), tensor.strides))
    return Error{"is not described as torch does"};
  Result<TorchStorage> storage = this->storage(*external);
  if (!storage)
    return storage.error();
  tensor.storage = std::move(*storage);
  tensor.offset = offset->integer;
  if (checkedElements(tensor.shape) < 0 ||
      tensor.strides.size() != tensor.shape.size())
    return Error{"has the shape " + shapeText(tensor.shape) + " and " +
                 std::to_string(tensor.strides.size()) +
                 " strides; expected at most 8 axes, extents of at least 1, a "
                 "sensible product and a stride for each axis"};
  // The last element must lie in the storage, in numbers that do not overflow.
  int64_t elements = tensor.storage.viewElements;
  int64_t last = tensor.offset;
  bool inside = last >= 0 && last < elements;
  for (size_t axis = 0; axis < tensor.shape.size() && inside; ++axis) {
    int64_t steps = tensor.shape[axis] - 1, stride = tensor.strides[axis];
    inside =
        stride >= 0 && (steps == 0 || stride <= (elements - 1 - last) / steps);
    last += inside ? steps * (steps == 0 ? 0 : stride) : 0;
  }
  if (!inside)
    return Error{"of shape " + shapeText(tensor.shape) + ", strides " +
                 shapeText(tensor.strides) + " and offset " +
                 std::to_string(tensor.offset) + " lies outside its storage " +
                 inQuotes(tensor.storage.key) + " of " +
                 std::to_string(elements) + " elements"};
  return tensor;
}

Result<std::vector<TorchTensor>> StateDictFinder::find() const {
  constexpr int maxDepth = 4;
  std::optional<uint32_t> place = data.root;
  for (int depth = 0; depth < maxDepth && place; ++depth) {
    if (data[*place].kind != Kind::Dict)
      break;
    if (auto entry = named(*place, true))
      place = entry;
    else if (auto one = only(*place))
      place = one;
    if (hasTensors(*place))
      break;
    place = named(*place, false);
  }
  if (!place || !hasTensors(*place))
    return noStateDict();
  const PickleValue *dict = &data[*place];
  std::vector<TorchTensor> tensors;
  std::unordered_set<std::string_view> names;
  for (size_t i = 0; i + 1 < dict->items.size(); i += 2) {
    const PickleValue &name = data[dict->items[i]];
    const PickleValue *call = tensorCall(dict->items[i + 1]);
    if (name.kind != Kind::Text || !call)
      continue;
    if (!names.insert(name.text).second)
      return Error{"tensor " + inQuotes(name.text) + " is in it twice"};
    if (tensors.size() == maxTensors)
      return Error{"it has more than " + std::to_string(maxTensors) +
                   " tensors"};
    Result<TorchTensor> tensor = this->tensor(*call);
    if (!tensor)
      return Error{"tensor " + inQuotes(name.text) + " " + tensor.message()};
    tensor->name = name.text;
    tensors.push_back(std::move(*tensor));
  }
  return tensors;
}

} // namespace

Result<std::vector<TorchTensor>> findStateDict(const PickledData &data) {
  StateDictFinder finder(data);
  if (Status status = finder.checkGlobals(); !status)
    return status.error();
  return finder.find();
}

Result<std::vector<TorchStorage>> allStorages(const PickledData &data) {
  StateDictFinder finder(data);
  std::vector<TorchStorage> storages;
  std::unordered_set<std::string> keys;
  for (const PickleValue &value : data.values) {
    if (value.kind != Kind::External)
      continue;
    Result<TorchStorage> storage = finder.storage(value);
    if (!storage)
      return storage.error();
    if (keys.insert(storage->key).second)
      storages.push_back(std::move(*storage));
  }
  return storages;
}

} // namespace tl::weights
