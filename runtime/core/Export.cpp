// safetensors: 8 bytes of header length, a JSON header, raw little-endian
// values. So little of a format does not pay for a library.
#include "runtime/core/Atomic.h"
#include "runtime/core/Failure.h"
#include "runtime/core/Model.h"
#include "runtime/schema/WeightForm.h"

#include <algorithm>
#include <cstdio>
#include <limits>

using namespace tl;

namespace {

std::string quoted(const flatbuffers::String &text) {
  std::string out = "\"";
  for (char c : text.string_view()) {
    if (c == '"' || c == '\\')
      out += '\\';
    out += c; // names have no control characters (Verify)
  }
  return out + "\"";
}

struct Entry {
  uint32_t tensor;
  const flatbuffers::String *name;
  const flatbuffers::Vector<int64_t> *shape;
};

// The parameters by their own names; or by those of the weights' framework,
// with what the file still has of the frozen layers as it came.
std::vector<Entry> listEntries(const tl_model &model, bool asSource) {
  std::vector<Entry> entries;
  for (uint32_t i = 0; i < model.root.tensors()->size(); ++i) {
    const schema::Tensor &tensor = *model.root.tensors()->Get(i);
    const schema::Source *source = tensor.source();
    bool parameter = tensor.role() == schema::TensorRole::parameter;
    if (asSource && parameter && !source)
      fail(TL_STATUS_NOT_FOUND,
           "the file does not say what \"%s\" is called in the weights' "
           "framework; compile it again",
           tensor.name()->c_str());
    if (asSource && source)
      entries.push_back({i, source->name(), source->shape()});
    else if (parameter)
      entries.push_back({i, tensor.name(), tensor.shape()});
  }
  return entries;
}

// Lets tlc load the file: it says what is none of the backbone.
std::string headNames(const tl_model &model,
                      const std::vector<Entry> &entries) {
  std::string names;
  for (const Entry &entry : entries) {
    const schema::Source *source =
        model.root.tensors()->Get(entry.tensor)->source();
    if (!source || !source->head())
      continue;
    std::string name = quoted(*entry.name);
    names += (names.empty() ? "" : "\\n") + name.substr(1, name.size() - 2);
  }
  return names.empty() ? names : ",\"head\":\"" + names + "\"";
}

// The format tells tlc whether these are canonical shapes ("tl") or what any
// safetensors file has ("pt", as torch's own writer says).
std::string header(const tl_model &model, const std::vector<Entry> &entries,
                   bool asSource) {
  std::string head = "{\"__metadata__\":{\"format\":\"tl\"}";
  if (asSource)
    head = "{\"__metadata__\":{\"format\":\"pt\",\"written_by\":\"tlrun\"" +
           headNames(model, entries) + "}";
  uint64_t at = 0;
  for (const Entry &entry : entries) {
    uint64_t bytes = sizeof(float);
    head += "," + quoted(*entry.name) + ":{\"dtype\":\"F32\",\"shape\":[";
    for (uint32_t d = 0; d < entry.shape->size(); ++d) {
      bytes *= uint64_t(entry.shape->Get(d));
      head += (d ? "," : "") + std::to_string(entry.shape->Get(d));
    }
    head += "],\"data_offsets\":[" + std::to_string(at) + "," +
            std::to_string(at + bytes) + "]}";
    at += bytes;
  }
  head += "}";
  head.resize((head.size() + 7) / 8 * 8, ' ');
  return head;
}

std::vector<float> canonicalValues(const tl_model &model, uint32_t index) {
  const schema::Tensor &tensor = *model.root.tensors()->Get(index);
  std::vector<int64_t> shape(tensor.shape()->begin(), tensor.shape()->end());
  schema::FormShape matrix = schema::formShape(shape);
  std::vector<float> values(size_t(matrix.leading * matrix.outputs));
  schema::unpackWeights(static_cast<schema::Form>(tensor.form()), shape,
                        model.value(index), values.data());
  return values;
}

// What was multiplied at compile time, divided again: within the rounding of
// two operations of what it was. An output that was switched off stays zero.
void unscale(const tl_model &model, const schema::Source &source,
             std::vector<float> &canonical) {
  if (source.scale() == std::numeric_limits<uint32_t>::max())
    return;
  std::vector<float> scale = canonicalValues(model, source.scale());
  for (size_t i = 0; i < canonical.size(); ++i) {
    float factor = scale[i % scale.size()];
    canonical[i] = factor == 0 ? 0 : canonical[i] / factor;
  }
}

// Axis k of the canonical order is axis axes[k] of the view there.
std::vector<float> toSource(const std::vector<float> &canonical,
                            const schema::Source &source) {
  uint32_t rank = source.axes() ? source.axes()->size() : 0;
  if (rank == 0)
    return canonical;
  std::vector<uint64_t> viewStrides(rank, 1), strides(rank), extents(rank);
  for (uint32_t axis = rank - 1; axis > 0; --axis)
    viewStrides[axis - 1] =
        viewStrides[axis] * uint64_t(source.view()->Get(axis));
  for (uint32_t axis = 0; axis < rank; ++axis) {
    strides[axis] = viewStrides[source.axes()->Get(axis)];
    extents[axis] = uint64_t(source.view()->Get(source.axes()->Get(axis)));
  }
  std::vector<float> values(canonical.size());
  std::vector<uint64_t> at(rank, 0);
  uint64_t to = 0;
  for (float value : canonical) {
    values[to] = value;
    for (uint32_t axis = rank; axis-- > 0;) {
      to += strides[axis];
      if (++at[axis] < extents[axis])
        break;
      to -= strides[axis] * extents[axis];
      at[axis] = 0;
    }
  }
  return values;
}

void checkNames(const std::vector<Entry> &entries) {
  std::vector<std::string_view> names;
  for (const Entry &entry : entries)
    names.push_back(entry.name->string_view());
  std::sort(names.begin(), names.end());
  auto twice = std::adjacent_find(names.begin(), names.end());
  if (twice != names.end())
    fail(TL_STATUS_UNSUPPORTED,
         "two tensors are called \"%s\" in the weights' framework; rename a "
         "layer of the head",
         twice->data());
}

void exportModel(const tl_model &model, const char *path, bool asSource) {
  std::vector<Entry> entries = listEntries(model, asSource);
  checkNames(entries);
  std::string head = header(model, entries, asSource);
  AtomicFile file(path);
  uint64_t length = head.size();
  file.write(&length, sizeof length);
  file.write(head.data(), head.size());
  for (const Entry &entry : entries) {
    std::vector<float> values = canonicalValues(model, entry.tensor);
    if (asSource) {
      const schema::Source &source =
          *model.root.tensors()->Get(entry.tensor)->source();
      unscale(model, source, values);
      values = toSource(values, source);
    }
    file.write(values.data(), values.size() * sizeof(float));
  }
  file.commit();
}

} // namespace

extern "C" tl_status tl_model_export(const tl_model *model, const char *path,
                                     tl_error *error) {
  return guarded(error, [&] {
    requireArgument(model, "model");
    requireArgument(path, "path");
    exportModel(*model, path, false);
  });
}

extern "C" tl_status tl_model_export_source(const tl_model *model,
                                            const char *path, tl_error *error) {
  return guarded(error, [&] {
    requireArgument(model, "model");
    requireArgument(path, "path");
    exportModel(*model, path, true);
  });
}
