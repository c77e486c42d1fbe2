// Safetensors: a 64-bit header length, a JSON header, then the values.
// model.bin: runtime/schema/Header.h, then the flatbuffer, then segments.
#include "test/numerics/Tensors.h"

#include "runtime/schema/Header.h"
#include "runtime/schema/WeightForm.h"
#include "runtime/schema/model_generated.h"

#include <cstring>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <xxhash.h>

namespace tl::test {

std::vector<char> readFile(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  if (!file)
    throw std::runtime_error("cannot read " + path);
  return {std::istreambuf_iterator<char>(file), {}};
}

template <typename T>
static std::vector<double> widen(const char *from, size_t bytes) {
  std::vector<double> values(bytes / sizeof(T));
  for (size_t i = 0; i < values.size(); ++i) {
    T value;
    std::memcpy(&value, from + i * sizeof(T), sizeof(T));
    values[i] = double(value);
  }
  return values;
}

std::map<std::string, NumericTensor> readSafetensors(const std::string &path) {
  std::vector<char> file = readFile(path);
  uint64_t headerBytes = 0;
  std::memcpy(&headerBytes, file.data(), 8);
  const char *text = file.data() + 8, *data = text + headerBytes;
  auto header = nlohmann::json::parse(text, data);
  std::map<std::string, NumericTensor> tensors;
  for (auto &[name, entry] : header.items()) {
    if (name == "__metadata__")
      continue;
    NumericTensor &tensor = tensors[name];
    tensor.shape = entry["shape"].get<std::vector<int64_t>>();
    std::string type = entry["dtype"];
    size_t begin = entry["data_offsets"][0], end = entry["data_offsets"][1];
    if (type == "F32")
      tensor.values = widen<float>(data + begin, end - begin);
    else if (type == "F64")
      tensor.values = widen<double>(data + begin, end - begin);
    else if (type == "I32")
      tensor.values = widen<int32_t>(data + begin, end - begin);
    else
      throw std::runtime_error(path + ": '" + name + "' is " + type);
  }
  return tensors;
}

static uint64_t alignUp(uint64_t value, uint64_t alignment) {
  return (value + alignment - 1) / alignment * alignment;
}

// Stores the parameters in segment `index`, each in the form its kernels want.
static std::vector<float>
storeParameters(schema::ModelT &model, size_t index,
                const std::map<std::string, NumericTensor> &parameters) {
  std::vector<float> segment;
  for (auto &tensor : model.tensors) {
    auto given = parameters.find(tensor->name);
    if (tensor->role != schema::TensorRole::parameter)
      continue;
    if (given == parameters.end() || given->second.shape != tensor->shape)
      throw std::runtime_error("no values for parameter " + tensor->name);
    std::vector<float> values(given->second.values.begin(),
                              given->second.values.end());
    auto form = static_cast<schema::Form>(tensor->form);
    segment.resize(alignUp(segment.size(), 16));
    tensor->segment = uint32_t(index);
    tensor->offset = segment.size() * sizeof(float);
    tensor->bytes =
        uint64_t(schema::formElements(form, tensor->shape)) * sizeof(float);
    segment.resize(segment.size() + tensor->bytes / sizeof(float));
    schema::packWeights(form, tensor->shape, values.data(),
                        segment.data() + tensor->offset / sizeof(float));
  }
  schema::SegmentT &entry = *model.segments[index];
  entry.kind = schema::SegmentKind::parameters;
  entry.size = segment.size() * sizeof(float);
  entry.checksum = XXH64(segment.data(), entry.size, 0);
  return segment;
}

PatchedModel::PatchedModel(
    const std::vector<char> &file,
    const std::map<std::string, NumericTensor> &parameters) {
  schema::FileHeader header;
  std::memcpy(&header, file.data(), sizeof header);
  std::unique_ptr<schema::ModelT> model(
      schema::GetModel(file.data() + header.metadataOffset)->UnPack());
  std::vector<const char *> contents;
  for (auto &segment : model->segments)
    contents.push_back(file.data() + segment->offset);
  // Drawn parameters leave their segment empty, or out.
  size_t index = 0;
  while (index < model->segments.size() &&
         model->segments[index]->kind != schema::SegmentKind::parameters)
    ++index;
  if (index == model->segments.size()) {
    model->segments.push_back(std::make_unique<schema::SegmentT>());
    contents.push_back(nullptr);
  }
  std::vector<float> values = storeParameters(*model, index, parameters);
  contents[index] = reinterpret_cast<const char *>(values.data());
  model->trained = true;
  for (uint32_t i = 0; i < model->classes; ++i)
    model->labels.push_back(std::to_string(i));

  // Offsets are fixed-width, so packing twice gives the same size.
  auto pack = [&](flatbuffers::FlatBufferBuilder &builder) {
    builder.ForceDefaults(true);
    schema::FinishModelBuffer(builder,
                              schema::Model::Pack(builder, model.get()));
  };
  flatbuffers::FlatBufferBuilder measure, builder;
  pack(measure);
  header.metadataOffset = sizeof header;
  header.metadataBytes = measure.GetSize();
  uint64_t end = sizeof header + header.metadataBytes;
  for (auto &segment : model->segments) {
    segment->offset = alignUp(end, schema::kSegmentAlignment);
    end = segment->offset + segment->size;
  }
  pack(builder);
  header.metadataChecksum =
      XXH64(builder.GetBufferPointer(), builder.GetSize(), 0);
  header.fileBytes = end;
  header.headerChecksum =
      XXH64(&header, offsetof(schema::FileHeader, headerChecksum), 0);

  storage.resize(end + 64);
  aligned = reinterpret_cast<char *>(
      alignUp(reinterpret_cast<uintptr_t>(storage.data()), 64));
  bytes = end;
  std::memcpy(aligned, &header, sizeof header);
  std::memcpy(aligned + sizeof header, builder.GetBufferPointer(),
              builder.GetSize());
  for (size_t i = 0; i < contents.size(); ++i)
    std::memcpy(aligned + model->segments[i]->offset, contents[i],
                model->segments[i]->size);
}

} // namespace tl::test
