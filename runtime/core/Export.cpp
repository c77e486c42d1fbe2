// safetensors: 8 bytes of header length, a JSON header, raw little-endian
// values. Fourteen lines of format do not pay for a library.
#include "runtime/core/Atomic.h"
#include "runtime/core/Failure.h"
#include "runtime/core/Model.h"
#include "runtime/schema/WeightForm.h"

#include <cstdio>

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

void exportModel(const tl_model &model, const char *path) {
  // The format tells tlc that these are canonical shapes.
  std::string head = "{\"__metadata__\":{\"format\":\"tl\"}";
  uint64_t at = 0;
  std::vector<uint32_t> chosen;
  for (uint32_t i = 0; i < model.root.tensors()->size(); ++i) {
    const schema::Tensor &tensor = *model.root.tensors()->Get(i);
    if (tensor.role() != schema::TensorRole::parameter)
      continue;
    chosen.push_back(i);
    uint64_t bytes = sizeof(float);
    head += "," + quoted(*tensor.name()) + ":{\"dtype\":\"F32\",\"shape\":[";
    for (uint32_t d = 0; d < tensor.shape()->size(); ++d) {
      bytes *= uint64_t(tensor.shape()->Get(d));
      head += (d ? "," : "") + std::to_string(tensor.shape()->Get(d));
    }
    head += "],\"data_offsets\":[" + std::to_string(at) + "," +
            std::to_string(at + bytes) + "]}";
    at += bytes;
  }
  head += "}";
  head.resize((head.size() + 7) / 8 * 8, ' ');
  AtomicFile file(path);
  uint64_t length = head.size();
  file.write(&length, sizeof length);
  file.write(head.data(), head.size());
  for (uint32_t i : chosen) {
    const schema::Tensor &tensor = *model.root.tensors()->Get(i);
    std::vector<int64_t> shape(tensor.shape()->begin(), tensor.shape()->end());
    schema::FormShape matrix = schema::formShape(shape);
    std::vector<float> canonical(size_t(matrix.leading * matrix.outputs));
    schema::unpackWeights(static_cast<schema::Form>(tensor.form()), shape,
                          model.value(i), canonical.data());
    file.write(canonical.data(), canonical.size() * sizeof(float));
  }
  file.commit();
}

} // namespace

extern "C" tl_status tl_model_export(const tl_model *model, const char *path,
                                     tl_error *error) {
  return guarded(error, [&] {
    requireArgument(model, "model");
    requireArgument(path, "path");
    exportModel(*model, path);
  });
}
