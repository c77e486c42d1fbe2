// The functions of runtime.h about models.
#include "runtime/core/Cpu.h"
#include "runtime/core/Failure.h"
#include "runtime/core/Model.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>

using namespace tl;

extern "C" {

tl_status tl_model_open_file(const char *path, const tl_model_options *options,
                             tl_model **model, tl_error *error) {
  return guarded(error, [&] {
    requireArgument(path, "path");
    requireArgument(model, "model");
    *model = new tl_model(readOptions(options), path);
  });
}

tl_status tl_model_open_memory(const void *data, size_t bytes,
                               const tl_model_options *options,
                               tl_model **model, tl_error *error) {
  return guarded(error, [&] {
    requireArgument(data, "data");
    requireArgument(model, "model");
    *model = new tl_model(readOptions(options), data, bytes);
  });
}

void tl_model_close(tl_model *model) { delete model; }

const tl_model_info *tl_model_get_info(const tl_model *model) {
  return &model->tables.info;
}

} // extern "C"

namespace {

template <typename Row>
const Row *rowAt(const std::vector<Row> &rows, uint32_t index) {
  return index < rows.size() ? &rows[index] : nullptr;
}

// What goes into a hash, as words.
using Words = std::vector<uint64_t>;

uint64_t hashBytes(const void *bytes, uint64_t count) {
  return XXH64(bytes, count, 0);
}

void addPorts(
    Words &words,
    const flatbuffers::Vector<flatbuffers::Offset<schema::Port>> &ports) {
  for (const schema::Port *port : ports) {
    words.push_back(hashBytes(port->name()->c_str(), port->name()->size()));
    words.push_back(port->buffer());
    words.insert(words.end(), port->shape()->begin(), port->shape()->end());
    if (port->halo())
      words.insert(words.end(), port->halo()->begin(), port->halo()->end());
  }
}

// Which kernels run on which buffers; tensors are counted in order of first
// use, so that a change of the head's tensors leaves the hash alone.
uint64_t hashCode(const tl_model &model, const schema::Entry &entry,
                  std::vector<uint32_t> &tensors) {
  Words words = {uint64_t(model.code->isa())};
  addPorts(words, *entry.inputs());
  addPorts(words, *entry.outputs());
  for (uint32_t b = 0; entry.buffers() && b < entry.buffers()->size(); ++b)
    words.push_back(entry.buffers()->Get(b)->bytes() * 2 +
                    entry.buffers()->Get(b)->per_picture());
  uint64_t image =
      model.root.segments()->Get(model.code->segment())->checksum();
  for (uint32_t c = 0; entry.calls() && c < entry.calls()->size(); ++c) {
    const schema::Call &call = *entry.calls()->Get(c);
    const auto &place = *model.code->kernels()->Get(call.kernel());
    words.push_back(place.fingerprint() ? place.fingerprint()
                                        : image ^ place.offset());
    for (const schema::ArgRef *ref : *call.args()) {
      uint32_t index = ref->index();
      if (ref->kind() == schema::ArgKind::tensor) {
        auto found = std::find(tensors.begin(), tensors.end(), index);
        index = uint32_t(found - tensors.begin());
        if (found == tensors.end())
          tensors.push_back(ref->index());
      }
      words.push_back(uint64_t(ref->kind()) << 32 | index);
    }
  }
  return hashBytes(words.data(), words.size() * sizeof(uint64_t));
}

uint64_t hashWeights(const tl_model &model,
                     const std::vector<uint32_t> &tensors) {
  Words words;
  for (uint32_t index : tensors) {
    const schema::Tensor &tensor = *model.root.tensors()->Get(index);
    words.push_back(uint64_t(tensor.form()));
    words.insert(words.end(), tensor.shape()->begin(), tensor.shape()->end());
    words.push_back(hashBytes(model.value(index), tensor.bytes()));
  }
  return hashBytes(words.data(), words.size() * sizeof(uint64_t));
}

// ITU-R 601 luma in 16-bit fixed point, as Pillow's convert("L").
uint8_t luma(const uint8_t *rgb) {
  return uint8_t(
      (rgb[0] * 19595u + rgb[1] * 38470u + rgb[2] * 7471u + 0x8000u) >> 16);
}

} // namespace

extern "C" {

const tl_phase_info *tl_model_phase(const tl_model *model, uint32_t index) {
  return rowAt(model->tables.phases, index);
}

const tl_layer_info *tl_model_layer(const tl_model *model, uint32_t index) {
  return rowAt(model->tables.layers, index);
}

const tl_value_info *tl_model_value(const tl_model *model, uint32_t index) {
  return rowAt(model->tables.values, index);
}

const tl_entry_info *tl_model_entry(const tl_model *model, uint32_t index) {
  return rowAt(model->tables.entries, index);
}

const tl_epoch_record *tl_model_history(const tl_model *model, uint32_t index) {
  return rowAt(model->tables.history, index);
}

tl_status tl_trainer_extract_hashes(const tl_trainer *trainer, uint32_t phase,
                                    uint64_t *code, uint64_t *weights,
                                    tl_error *error) {
  return guarded(error, [&] {
    const tl_model *model = tl_trainer_model(trainer);
    requireArgument(code, "code");
    requireArgument(weights, "weights");
    *code = *weights = 0;
    if (model->extractEntry < 0)
      return;
    std::vector<uint32_t> tensors;
    *code = hashCode(*model,
                     *model->root.entries()->Get(uint32_t(model->extractEntry)),
                     tensors);
    *weights = hashWeights(*model, tensors);
  });
}

void tl_model_preprocess(const tl_model *model, const uint8_t *rgb, size_t n,
                         float *pixels) {
  const tl_preprocess &p = model->tables.info.preprocess;
  size_t count = n * p.height * p.width;
  const auto &table = model->normalised;
  if (p.channels == 1) {
    for (size_t i = 0; i < count; ++i)
      pixels[i] = table[0][luma(rgb + 3 * i)];
    return;
  }
  int first = p.bgr ? 2 : 0;
  for (size_t i = 0; i < count; ++i, rgb += 3, pixels += 3) {
    pixels[0] = table[0][rgb[first]];
    pixels[1] = table[1][rgb[1]];
    pixels[2] = table[2][rgb[2 - first]];
  }
}

uint32_t tl_available_threads(void) { return availableThreads(); }

} // extern "C"
