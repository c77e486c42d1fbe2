// Derived values: what programs read, how long they live, and whose values they
// are made of.
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
      EXPECT_EQ(
          features(newSession(open.model, threads, batch).get(), pictures),
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

// Scores of the head, which reads its own weights or, in the other model, what
// is derived of them.
std::vector<float> scores(tl_session *session, const TestPictures &pictures) {
  size_t n = pictures.pixels.size() / kPixels;
  std::vector<float> values(n * 3);
  tl_error error;
  EXPECT_EQ(tl_session_predict(session, pictures.pixels.data(), n, nullptr,
                               values.data(), &error),
            TL_STATUS_OK)
      << error.message;
  return values;
}

void step(tl_trainer *trainer, const TestPictures &pictures) {
  uint32_t n = uint32_t(pictures.labels.size());
  std::vector<float> features(n * kTestFeatures);
  ASSERT_EQ(tl_trainer_extract(trainer, 0, pictures.pixels.data(), n,
                               features.data(), nullptr),
            TL_STATUS_OK);
  const int32_t ids[] = {0, 1, 2, 3, 4, 5};
  tl_batch batch = makeBatch(features.data(), pictures.labels.data(), ids, n);
  ASSERT_EQ(tl_trainer_step(trainer, 0, &batch, nullptr, nullptr, nullptr),
            TL_STATUS_OK);
}

// A session reads what is derived of the file's values, before and after a
// trainer of the same model object has changed its own; so does a session that
// starts meanwhile.
TEST(Derived, OfAParameterAreThoseOfTheFile) {
  OpenModel plain(buildTestModel()),
      open(buildTestModel({.derivedHead = true}));
  ASSERT_EQ(open.status, TL_STATUS_OK) << open.error.message;
  TestPictures pictures = makePictures(6, 3);
  Session session = newSession(open.model, 3);
  std::vector<float> first = scores(session.get(), pictures);
  EXPECT_EQ(first, scores(newSession(plain.model, 3).get(), pictures));
  Trainer trainer = newTrainer(open.model);
  ASSERT_EQ(tl_trainer_begin_phase(trainer.get(), 0, nullptr), TL_STATUS_OK);
  step(trainer.get(), pictures);
  EXPECT_EQ(first, scores(session.get(), pictures));
  EXPECT_EQ(first, scores(newSession(open.model, 3).get(), pictures));
}

// A trained file derives from what was trained; training on and saving again
// gives a file with new values.
TEST(Derived, OfATrainedFileAreNew) {
  OpenModel plain(buildTestModel()),
      open(buildTestModel({.derivedHead = true}));
  TestPictures pictures = makePictures(6, 3);
  std::string path = temporaryFolder() + "/model.bin";
  Trainer trainers[] = {newTrainer(plain.model), newTrainer(open.model)};
  for (const Trainer &trainer : trainers)
    ASSERT_EQ(tl_trainer_begin_phase(trainer.get(), 0, nullptr), TL_STATUS_OK);
  std::vector<float> last = scores(newSession(open.model, 3).get(), pictures);
  for (int round = 0; round < 2; ++round) {
    std::vector<std::vector<float>> found;
    for (const Trainer &trainer : trainers) {
      step(trainer.get(), pictures);
      ASSERT_EQ(tl_trainer_save(trainer.get(), path.c_str(), nullptr),
                TL_STATUS_OK);
      OpenModel saved(readFile(path));
      Session session = newSession(saved.model, 3);
      found.push_back(scores(session.get(), pictures));
      EXPECT_EQ(found.back(), scores(session.get(), pictures)); // read again
    }
    EXPECT_EQ(found[0], found[1]);
    EXPECT_NE(found[0], last);
    last = found[0];
  }
}

} // namespace
