// The training loop's inside, shared by Fit.cpp (the loop) and FitState.cpp
// (where it stops and goes on). Written on the calls of runtime.h alone: who
// wants another loop writes it the same way.
#pragma once

#include "runtime/core/Metrics.h"
#include "runtime/core/PictureSource.h"
#include "runtime/core/PublicCalls.h"
#include "runtime/core/Schedule.h"
#include "runtime/core/Selection.h"

namespace tl {

// What makes two runs the same one: compared before going on.
struct FitIdentity {
  uint64_t pictures = 0;                 // tl_fit_options.pictures_hash
  uint64_t labels = 0;                   // hash of labels and ids of both sides
  uint32_t training = 0, validation = 0; // counts
  uint32_t batch = 0, epochs = 0;        // epochs: of the options
  uint32_t noShuffle = 0, reserved = 0;
};

// Where a run is; saved byte by byte. Always between two steps.
struct FitPlace {
  FitIdentity identity;
  uint32_t phase = 0, epoch = 0;
  uint32_t done = 0; // pictures of this epoch that were trained on
  uint32_t begun = 0;
  Tally tally;         // of those
  Selection selection; // of this phase
};

class Fit {
public:
  Fit(tl_trainer *trainer, const tl_pictures *training,
      const tl_pictures *validation, const tl_fit_options *options);
  void run();

private:
  void runPhase();
  void beginPhase();
  void endPhase();
  void trainEpoch();
  void trainBatch(uint32_t done, Tally &tally);
  float gatherBatch(uint32_t done, uint32_t n, tl_batch &batch);
  void finishEpoch();
  // False: cancelled.
  bool validate(tl_epoch_record &record);
  bool report(tl_stage stage, uint32_t done, uint32_t total, const Tally &tally,
              const tl_epoch_record *record = nullptr);
  void keepFeatures();
  void goBack();
  [[noreturn]] void cancel();

  // FitState.cpp
  FitIdentity identify() const;
  void checkpoint();
  bool isCheckpointDue() const;
  bool isPlausible(const FitPlace &place) const;
  void resume();

  tl_trainer *trainer;
  const tl_model *model;
  const tl_model_info &info;
  tl_fit_options options;
  uint32_t batch;
  PictureSource training, validation;
  std::vector<float> weights; // by class
  FitPlace at;
  const tl_phase_info *recipe = nullptr;
  uint32_t epochs = 0;
  Schedule schedule;
  std::vector<uint32_t> order, natural, partners;
  std::vector<float> losses, scores, batchWeights, mix, room;
  std::vector<int32_t> mixLabels, judged;
  float learningRate = 0; // of the last step
  double stepLoss = 0;
  // Where goBack starts again: the epoch's start, or where a run went on.
  Snapshot rewind, best;
  uint32_t rewindDone = 0;
};

} // namespace tl
