// Values derived from constants: what programs read, how long they live.
#include "TestModel.h"
#include "runtime/core/Executor.h"

#include <gtest/gtest.h>

using namespace tl;
using namespace tl::test;

namespace {

std::vector<float> features(tl_session *session, const TestPictures &pictures) {
  size_t n = pictures.pixels.size() / kPixels;
  std::vector<float> values(n * kTestFeatures);
  tl_error error;
  EXPECT_EQ(tl_session_read(session, "features", pictures.pixels.data(), n,
                            values.data(), &error),
            TL_STATUS_OK)
      << error.message;
  return values;
}

// Watches the value without keeping it.
std::weak_ptr<const Memory> watch(const tl_model &model) {
  Machine machine(model, 1);
  return model.derived(0, machine);
}

// Weights twice as large give features exactly twice as large, in a batch of
// any size and with any number of threads.
TEST(Derived, IsWhatTheKernelMakes) {
  OpenModel plain(buildTestModel()), open(buildTestModel({.derived = true}));
  ASSERT_EQ(open.status, TL_STATUS_OK) << open.error.message;
  TestPictures pictures = makePictures(7, 3);
  std::vector<float> expected =
      features(newSession(plain.model).get(), pictures);
  for (float &value : expected)
    value *= 2;
  for (uint32_t threads : {1u, 3u})
    for (uint32_t batch : {1u, 4u, 32u})
      EXPECT_EQ(features(newSession(open.model, threads, batch).get(), pictures),
                expected);
}

// Two sessions of a model read one value; the second to go frees it.
TEST(Derived, LivesAsLongAsAProgramReadsIt) {
  OpenModel open(buildTestModel({.derived = true}));
  TestPictures pictures = makePictures(2, 3);
  EXPECT_TRUE(watch(*open.model).expired());
  Session first = newSession(open.model), second = newSession(open.model);
  features(first.get(), pictures);
  std::weak_ptr<const Memory> value = watch(*open.model);
  EXPECT_FALSE(value.expired());
  features(second.get(), pictures);
  EXPECT_EQ(watch(*open.model).lock(), value.lock());
  first.reset();
  EXPECT_FALSE(value.expired());
  second.reset();
  EXPECT_TRUE(value.expired());
}

// A phase that trains on extracted features needs no memory for extraction;
// extracting again gives the same bits.
TEST(Derived, IsFreedWhenAPhaseBegins) {
  OpenModel open(buildTestModel({.derived = true}));
  Trainer trainer = newTrainer(open.model);
  TestPictures pictures = makePictures(3, 3);
  std::vector<float> before(3 * kTestFeatures), after = before;
  auto extract = [&](std::vector<float> &values) {
    ASSERT_EQ(tl_trainer_extract(trainer.get(), 0, pictures.pixels.data(), 3,
                                 values.data(), nullptr),
              TL_STATUS_OK);
  };
  extract(before);
  std::weak_ptr<const Memory> value = watch(*open.model);
  EXPECT_FALSE(value.expired());
  ASSERT_EQ(tl_trainer_begin_phase(trainer.get(), 0, nullptr), TL_STATUS_OK);
  EXPECT_TRUE(value.expired());
  extract(after);
  EXPECT_EQ(before, after);
}

// What an entry needs includes what it reads.
TEST(Derived, CountsAsMemoryOfTheEntry) {
  OpenModel plain(buildTestModel()), open(buildTestModel({.derived = true}));
  auto fixed = [](const OpenModel &model) {
    return tl_model_entry(model.model, 0)->fixed_bytes;
  };
  EXPECT_EQ(fixed(open), fixed(plain) + 384 * 4);
}

} // namespace
