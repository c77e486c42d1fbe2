// Interrupted at any step and resumed, a run ends with the bytes of one that
// never was; a state of another run is refused, and a damaged one is an error.
#include "FitHarness.h"

#include "runtime/core/State.h"
#include "runtime/schema/Random.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

using namespace tl;
using namespace tl::test;

namespace {

class State : public testing::Test {
protected:
  State() : folder(temporaryFolder()), path(folder + "/m.bin.state") {}
  ~State() override { std::filesystem::remove_all(folder); }

  // Everything that a run carries: averages, the best epoch, early stopping, a
  // schedule, class weights, mixup.
  static std::vector<uint8_t> model(bool mixup) {
    TestModelOptions options{
        .keepBest = true, .batch = 7, .mixed = true, .ema = 0.9f};
    options.change = [=](schema::ModelT &model) {
      model.train->class_weights = schema::ClassWeights::balanced;
      model.train->mixup = mixup ? 0.3f : 0;
      for (auto &phase : model.train->phases) {
        phase->schedule = schema::Schedule::one_cycle;
        phase->early_stop = 2;
      }
    };
    return buildTestModel(options);
  }

  struct Result {
    tl_status status;
    std::string message;
    std::vector<uint8_t> bytes;
  };

  // Trains up to `stopAfter` steps (0: to the end), or goes on.
  Result run(const std::vector<uint8_t> &bytes, uint32_t stopAfter, bool resume,
             std::function<void(tl_fit_options &, Pixels &)> change = {}) {
    OpenModel open(bytes);
    Trainer trainer = newTrainer(open.model, 1 + stopAfter % 2);
    Pixels training{makePictures(24, 3)}, validation{makePictures(11, 3, 1)};
    tl_pictures t = training.source(false), v = validation.source(true);
    Progress progress;
    progress.stopAfter = stopAfter;
    tl_fit_options options = progress.options();
    options.checkpoint_path = path.c_str();
    options.resume = resume;
    options.pictures_hash = 17;
    if (change)
      change(options, training);
    t.labels = training.pictures.labels.data();
    t.count = uint32_t(training.pictures.labels.size());
    tl_error error{};
    tl_status status = tl_trainer_fit(trainer.get(), &t, &v, &options, &error);
    bool ended = status == TL_STATUS_OK || status == TL_STATUS_NOT_FINITE;
    return {status, error.message,
            ended ? saved(trainer.get()) : std::vector<uint8_t>()};
  }

  std::string folder, path;
};

// 4 steps an epoch, 3 epochs, 2 phases, each stopped at and gone on from.
TEST_F(State, ResumesAtEveryStep) {
  for (bool mixup : {false, true}) {
    std::vector<uint8_t> bytes = model(mixup);
    Result whole = run(bytes, 0, false);
    ASSERT_EQ(whole.status, TL_STATUS_OK) << whole.message;
    EXPECT_FALSE(std::filesystem::exists(path));
    for (uint32_t stop = 1; stop <= 24; ++stop) {
      ASSERT_EQ(run(bytes, stop, false).status, TL_STATUS_CANCELLED);
      Result rest = run(bytes, 0, true);
      ASSERT_EQ(rest.status, TL_STATUS_OK) << rest.message;
      EXPECT_EQ(rest.bytes, whole.bytes) << "stopped after " << stop;
      std::filesystem::remove(path);
    }
  }
}

// The second phase starts from a frontier of its own: its features are read
// again, with the parameters as they were.
TEST_F(State, ResumesInAPhaseWithItsOwnFrontier) {
  std::vector<uint8_t> bytes =
      buildTestModel({.batch = 7, .second = SecondStart::ownFrontier});
  Result whole = run(bytes, 0, false);
  ASSERT_EQ(whole.status, TL_STATUS_OK) << whole.message;
  for (uint32_t stop : {5u, 12u, 13u, 23u}) {
    ASSERT_EQ(run(bytes, stop, false).status, TL_STATUS_CANCELLED);
    EXPECT_EQ(run(bytes, 0, true).bytes, whole.bytes) << stop;
  }
}

// Stopped again and again, two steps at a time.
TEST_F(State, ResumesManyTimes) {
  std::vector<uint8_t> bytes = model(true);
  Result whole = run(bytes, 0, false);
  Result part = run(bytes, 2, false);
  int times = 0;
  for (; part.status == TL_STATUS_CANCELLED; ++times)
    part = run(bytes, 2, true);
  ASSERT_EQ(part.status, TL_STATUS_OK) << part.message;
  EXPECT_GE(times, 10);
  EXPECT_EQ(part.bytes, whole.bytes);
}

// Stopped while validating, and between epochs.
TEST_F(State, ResumesFromValidationAndFromAnEpochsEnd) {
  std::vector<uint8_t> bytes = model(false);
  Result whole = run(bytes, 0, false);
  for (tl_stage stage : {TL_STAGE_VALIDATE, TL_STAGE_EPOCH}) {
    static tl_stage at;
    static int count;
    at = stage;
    for (int stop = 1; stop <= 6; ++stop) {
      count = stop;
      Result part = run(bytes, 0, false, [](tl_fit_options &options, Pixels &) {
        options.progress = [](void *, const tl_progress *now) {
          return int(now->stage == at && --count == 0);
        };
      });
      ASSERT_EQ(part.status, TL_STATUS_CANCELLED) << stop;
      Result rest = run(bytes, 0, true);
      ASSERT_EQ(rest.status, TL_STATUS_OK) << rest.message;
      EXPECT_EQ(rest.bytes, whole.bytes) << stage << ", " << stop;
    }
  }
}

// Checkpoints on the way change nothing, and the last one is as good as any.
TEST_F(State, ChecksInEverySoManySteps) {
  std::vector<uint8_t> bytes = model(false);
  Result whole = run(bytes, 0, false);
  auto every = [](tl_fit_options &options, Pixels &) {
    options.checkpoint_every = 3;
  };
  EXPECT_EQ(run(bytes, 0, false, every).bytes, whole.bytes);
  ASSERT_TRUE(std::filesystem::exists(path));
  EXPECT_EQ(run(bytes, 0, true).bytes, whole.bytes);
}

// Each thing that would change the result is refused by name.
TEST_F(State, RefusesAnotherRun) {
  std::vector<uint8_t> bytes = model(false);
  ASSERT_EQ(run(bytes, 5, false).status, TL_STATUS_CANCELLED);
  auto refused = [&](const Result &result, const std::string &what) {
    EXPECT_EQ(result.status, TL_STATUS_INVALID_ARGUMENT);
    EXPECT_EQ(result.message,
              "cannot go on from \"" + path + "\": it was made with " + what);
  };
  using Options = tl_fit_options;
  refused(run(model(true), 0, true), "another model file");
  refused(run(bytes, 0, true, [](Options &o, Pixels &) { o.batch = 8; }),
          "a batch of 7, this run has 8");
  refused(run(bytes, 0, true, [](Options &o, Pixels &) { o.epochs = 9; }),
          "epochs (0: the recipe's) 0, this run has 9");
  refused(run(bytes, 0, true, [](Options &o, Pixels &) { o.no_shuffle = 1; }),
          "no shuffling 0, this run has 1");
  refused(
      run(bytes, 0, true, [](Options &o, Pixels &) { o.pictures_hash = 1; }),
      "other pictures or labels");
  refused(run(bytes, 0, true,
              [](Options &, Pixels &p) { p.pictures.labels[3] ^= 1; }),
          "other pictures or labels");
  refused(run(bytes, 0, true,
              [](Options &, Pixels &p) { p.pictures.labels.pop_back(); }),
          "training pictures: 24, this run has 23");
  OpenModel open(bytes);
  Trainer trainer = newTrainer(open.model);
  tl_trainer_initialize(trainer.get(), 8, nullptr);
  tl_snapshot *kept = nullptr;
  uint8_t place[512];
  tl_error error;
  EXPECT_EQ(tl_trainer_load_state(trainer.get(), path.c_str(), &kept, place,
                                  sizeof place, &error),
            TL_STATUS_INVALID_ARGUMENT);
  EXPECT_EQ(std::string(error.message),
            "cannot go on from \"" + path +
                "\": it was made with seed 7, this run has 8");
  std::filesystem::remove(path);
  EXPECT_EQ(run(bytes, 0, true).status, TL_STATUS_NOT_FOUND);
}

// A refused state leaves the trainer as it was: it trains as from the start.
TEST_F(State, ARefusedStateChangesNothing) {
  std::vector<uint8_t> bytes = model(false);
  Result whole = run(bytes, 0, false);
  ASSERT_EQ(run(bytes, 5, false).status, TL_STATUS_CANCELLED);
  OpenModel open(bytes);
  Trainer trainer = newTrainer(open.model);
  std::vector<uint8_t> before = saved(trainer.get());
  Pixels training{makePictures(24, 3)};
  tl_pictures t = training.source(false);
  tl_fit_options options = Progress().options(0, 5);
  options.progress = nullptr;
  options.checkpoint_path = path.c_str();
  options.resume = 1;
  EXPECT_EQ(tl_trainer_fit(trainer.get(), &t, nullptr, &options, nullptr),
            TL_STATUS_INVALID_ARGUMENT);
  EXPECT_EQ(saved(trainer.get()), before);
}

// A parameter that overflows after the last checkpoint ends a resumed run with
// the same last good parameters.
TEST_F(State, ResumesANonFiniteRun) {
  TestModelOptions options{.learningRate = 3e38f};
  options.change = [](schema::ModelT &model) {
    for (auto &phase : model.train->phases) {
      phase->schedule = schema::Schedule::cosine;
      phase->warmup = 20; // rises until it overflows
    }
  };
  std::vector<uint8_t> bytes = buildTestModel(options);
  auto longer = [](tl_fit_options &o, Pixels &) { o.epochs = 50; };
  Result whole = run(bytes, 0, false, longer);
  ASSERT_EQ(whole.status, TL_STATUS_NOT_FINITE) << whole.message;
  Result part = run(bytes, 1, false, longer);
  ASSERT_EQ(part.status, TL_STATUS_CANCELLED) << part.message;
  Result rest = run(bytes, 0, true, longer);
  EXPECT_EQ(rest.status, TL_STATUS_NOT_FINITE) << rest.message;
  EXPECT_EQ(rest.bytes, whole.bytes);
}

// Cut short, bits flipped, words replaced. With the checksum left wrong all
// must be refused; with it made right again, none may crash.
TEST_F(State, DamageIsAnError) {
  std::vector<uint8_t> bytes = model(false);
  ASSERT_EQ(run(bytes, 14, false).status, TL_STATUS_CANCELLED);
  std::vector<uint8_t> whole = readFile(path);
  ASSERT_GT(whole.size(), sizeof(StateHeader));
  uint32_t draw = 0;
  auto below = [&](uint64_t bound) {
    return schema::philox4x32({draw++, 5, 0, 0}, 1, 2)[0] % bound;
  };
  for (int i = 0; i < 60; ++i) {
    std::vector<uint8_t> cut = whole;
    cut.resize(i < 20 ? size_t(i) * 9 : below(whole.size()));
    writeFile(path, cut);
    Result result = run(bytes, 0, true);
    EXPECT_EQ(result.status, TL_STATUS_BAD_FILE) << result.message;
  }
  int refused = 0;
  for (int i = 0; i < 200; ++i) {
    static const uint64_t numbers[] = {
        0, 1, 2, 0x7f, 0xff, 0xffffffff, 1u << 31, ~0ull, ~0ull >> 1};
    std::vector<uint8_t> bad = whole;
    // Half of it in the header and in the loop's place, the last bytes.
    uint64_t end = sizeof(StateHeader);
    uint64_t at = below(4) == 0 ? below(end)
                  : below(3)    ? whole.size() - 1 - below(160)
                                : below(whole.size());
    if (below(2)) {
      bad[at] ^= uint8_t(1u << below(8));
    } else {
      uint64_t number = numbers[below(std::size(numbers))];
      memcpy(&bad[std::min(at, bad.size() - 8)], &number, 8);
    }
    if (bad == whole)
      continue;
    writeFile(path, bad);
    EXPECT_NE(run(bytes, 0, true).status, TL_STATUS_OK) << "mutation " << i;
    StateHeader header;
    memcpy(&header, bad.data(), sizeof header);
    header.bodyChecksum =
        XXH64(bad.data() + sizeof header, bad.size() - sizeof header, 0);
    header.headerChecksum =
        XXH64(&header, offsetof(StateHeader, headerChecksum), 0);
    memcpy(bad.data(), &header, sizeof header);
    writeFile(path, bad);
    refused += run(bytes, 0, true).status != TL_STATUS_OK;
  }
  EXPECT_GT(refused, 50); // else the mutations prove nothing
}

// The state holds what training changes, and no frozen weight.
TEST_F(State, HoldsNoFrozenWeights) {
  std::vector<uint8_t> bytes = model(false);
  ASSERT_EQ(run(bytes, 14, false).status, TL_STATUS_CANCELLED);
  // Parameters, momentum and averages of 27 floats each, and the best epoch's,
  // in rows of 64 bytes; the frozen ones alone are 1536 bytes.
  EXPECT_LT(std::filesystem::file_size(path), 2600u);
}

} // namespace
