// What stands behind tl_trainer: parameters in memory, the programs of the
// begun phase, and what a save writes. One thread at a time.
#pragma once

#include "runtime/core/Executor.h"
#include "runtime/core/Parameters.h"
#include "runtime/schema/KernelAbi.h"

#include <string>
#include <vector>

struct tl_snapshot {
  std::vector<uint8_t> block;
  int64_t phase = -1;
  uint32_t step = 0;
  bool averaged = false;
  const tl_trainer *owner = nullptr;
};

struct tl_trainer {
  tl_trainer(const tl_model &model, const tl_trainer_options &options);

  void initialize(uint64_t newSeed);
  void extract(uint32_t index, const float *pixels, size_t n, float *features);
  void extractAll(const float *pixels, size_t n, float *const *features);
  void beginPhase(uint32_t index);
  void step(uint32_t epoch, const tl_batch &batch, float *losses,
            float *scores);
  void swapAverages();
  void takeSnapshot(tl_snapshot &snapshot) const;
  void evaluate(const float *features, const int32_t *labels, size_t n,
                float *losses, float *scores);
  void setLabels(const char *const *names, uint32_t count);

  // NOT_FOUND for a phase that is not there.
  const tl::Frontier &frontierOf(uint32_t index) const;

  const tl_model &model;
  uint64_t seed;
  uint32_t extractBatch;
  tl::Machine machine;
  tl::Parameters parameters;
  int64_t phase = -1;
  uint32_t stepNumber = 0;
  bool averaged = false; // parameters and their averages are exchanged
  std::vector<tl_epoch_record> history;
  std::vector<std::string> labels;

private:
  tl::Program &program(uint32_t entry, uint32_t n);
  void dropExtraction();
  tl::Program *runExtraction(int32_t entry, const float *pixels, uint32_t n);
  const tl::Frontier &present() const; // the begun phase's, or the first's
  void checkLabels(const int32_t *labels, size_t n) const;
  void checkLosses(tl::Program &program, uint32_t epoch, int64_t lossCall,
                   const tl_batch &batch);
  void checkBatch(const tl_batch &batch, const tl::schema::Entry &entry) const;
  void writeBatch(const tl::Program &program, const tl_batch &batch);
  void fillStep(uint32_t epoch, const tl_batch &batch);

  std::vector<std::unique_ptr<tl::Program>> programs; // by entry
  std::vector<float> lossRow, ones;
  alignas(64) tl::schema::StepBlock stepBlock{};
};

namespace tl {
// Save.cpp: the present state as a new container.
void saveTrainer(const tl_trainer &trainer, const char *path);
} // namespace tl
