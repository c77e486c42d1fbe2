// The functions of runtime.h about models.
#include "runtime/core/Cpu.h"
#include "runtime/core/Executor.h"
#include "runtime/core/Failure.h"
#include "runtime/core/Model.h"

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

uint32_t tl_model_default_batch(const tl_model *model, uint32_t threads) {
  return chooseBatch(model->root, threads);
}

} // extern "C"

namespace {

template <typename Row>
const Row *rowAt(const std::vector<Row> &rows, uint32_t index) {
  return index < rows.size() ? &rows[index] : nullptr;
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
