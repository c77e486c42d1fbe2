// Makes small, valid containers without the compiler, from the hand-written
// kernels of Kernels.c, for tests to open, train, damage.
#pragma once

#include "runtime/schema/model_generated.h"

#include <tl/runtime.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace tl::test {

// Where the second phase starts, and prediction with it. What is computed is
// the same, so that all three must train to the same parameters.
enum class SecondStart { sameFrontier, ownFrontier, pixels };

struct TestModelOptions {
  bool sigmoid = false;
  SecondStart second = SecondStart::sameFrontier;
  bool keepBest = false;
  float learningRate = 0.1f;
  uint32_t batch = 5;
  bool mixed = false;   // three classes: train_step takes weights and mixtures
  float ema = 0;        // three classes: slots `average`, kept in every phase
  bool derived = false; // the frozen layer reads its weights doubled
  // Three classes: prediction's head reads a copy of its weights, the last
  // derived value.
  bool derivedHead = false;
  // Changes the metadata before it is sealed.
  std::function<void(schema::ModelT &)> change = {};
};

constexpr uint64_t kPixels = 48, kTestFeatures = 8;

// The file's bytes.
std::vector<uint8_t> buildTestModel(const TestModelOptions &options = {});

// Recomputes checksums after `file` was changed; what is out of bounds in the
// header stays as it is.
void sealAgain(std::vector<uint8_t> &file);

// Owns the bytes (aligned as tl_model_open_memory wants) and the model.
struct OpenModel {
  explicit OpenModel(const std::vector<uint8_t> &bytes,
                     const tl_model_options *options = nullptr);
  ~OpenModel() { tl_model_close(model); }
  OpenModel(const OpenModel &) = delete;

  std::unique_ptr<uint8_t, void (*)(void *)> memory;
  tl_model *model = nullptr;
  tl_status status;
  tl_error error{};
};

struct SessionCloser {
  void operator()(tl_session *session) const { tl_session_destroy(session); }
  void operator()(tl_trainer *trainer) const { tl_trainer_destroy(trainer); }
};
using Session = std::unique_ptr<tl_session, SessionCloser>;
using Trainer = std::unique_ptr<tl_trainer, SessionCloser>;
Session newSession(const tl_model *model, uint32_t threads = 1,
                   uint32_t batch = 0);
Trainer newTrainer(const tl_model *model, uint32_t threads = 1,
                   uint32_t extractBatch = 0);

tl_batch makeBatch(const float *features, const int32_t *labels,
                   const int32_t *ids, uint32_t n);

// Pictures that the model can learn: pixels around one of three directions.
struct TestPictures {
  std::vector<float> pixels;
  std::vector<int32_t> labels;
};
TestPictures makePictures(uint32_t count, uint32_t classes, uint32_t salt = 0);

std::string temporaryFolder(); // fresh
std::vector<uint8_t> readFile(const std::string &path);
void writeFile(const std::string &path, const std::vector<uint8_t> &bytes);

} // namespace tl::test
