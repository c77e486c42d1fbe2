// Some hundred mutations of a valid container: cut short, bits flipped, words
// replaced by numbers that tend to overflow. With the checksums left wrong,
// all must be refused. With the checksums recomputed, a file may be valid
// again (another learning rate, another letter in a name): then it must also
// work. Code segments are excepted: a user who runs a model trusts its code.
#include "TestModel.h"

#include "runtime/schema/Header.h"
#include "runtime/schema/Random.h"

#include <gtest/gtest.h>

#include <cstring>

using namespace tl;
using namespace tl::test;

namespace {

class Dice {
public:
  explicit Dice(uint32_t seed) : seed(seed) {}
  uint32_t below(uint64_t bound) {
    auto words = schema::philox4x32({count++, seed, 0, 0}, 11, 13);
    return uint32_t((uint64_t(words[0]) << 32 | words[1]) % bound);
  }

private:
  uint32_t seed, count = 0;
};

// Bytes that may be changed: all but the code segment, the last one.
uint64_t mutableBytes(const std::vector<uint8_t> &file) {
  schema::FileHeader header;
  memcpy(&header, file.data(), sizeof header);
  const auto *model = schema::GetModel(file.data() + header.metadataOffset);
  return model->segments()->Get(1)->offset();
}

void mutate(std::vector<uint8_t> &file, Dice &dice, uint64_t limit,
            uint64_t metadataEnd) {
  static const uint64_t numbers[] = {
      0,          1,          0x7f,       0xff,       0xffff,
      0x7fffffff, 0x80000000, 0xffffffff, 1ull << 40, ~0ull,
      ~0ull >> 1, 1ull << 63, 0x10000,    0xfffffff0, 64};
  // Mostly metadata: weights are all alike.
  uint64_t at = dice.below(8) ? dice.below(metadataEnd) : dice.below(limit);
  switch (dice.below(4)) {
  case 0:
    file[at] ^= uint8_t(1u << dice.below(8));
    break;
  case 1:
    file[at] = uint8_t(dice.below(256));
    break;
  default: {
    uint64_t number = numbers[dice.below(std::size(numbers))];
    uint64_t width = 1u << dice.below(4);
    at = at / width * width;
    if (at + width <= limit)
      memcpy(&file[at], &number, width);
  }
  }
}

// Everything that a program would do with a file it opened.
void use(tl_model *model) {
  const tl_model_info &info = *tl_model_get_info(model);
  for (uint32_t i = 0; tl_model_phase(model, i); ++i)
    ASSERT_NE(tl_model_phase(model, i)->name, nullptr);
  if (info.pixel_count > 1u << 16 || info.classes > 64)
    return;
  std::vector<float> pixels(3 * info.pixel_count), scores(3 * info.classes);
  tl_error error;
  Session session = newSession(model);
  tl_session_predict(session.get(), pixels.data(), 3, nullptr, scores.data(),
                     &error);
  Trainer trainer = newTrainer(model);
  if (!trainer || info.batch > 64)
    return;
  std::vector<int32_t> zeros(3);
  for (uint32_t p = 0; p < info.phase_count; ++p) {
    uint64_t code, weights;
    ASSERT_EQ(
        tl_trainer_extract_hashes(trainer.get(), p, &code, &weights, nullptr),
        TL_STATUS_OK);
    std::vector<float> features(3 * tl_model_phase(model, p)->feature_count);
    tl_trainer_extract(trainer.get(), p, pixels.data(), 3, features.data(),
                       &error);
    tl_trainer_begin_phase(trainer.get(), p, &error);
    tl_batch batch = makeBatch(features.data(), zeros.data(), zeros.data(), 3);
    tl_trainer_step(trainer.get(), 0, &batch, nullptr, scores.data(), &error);
  }
}

struct Layout {
  uint64_t limit, metadataEnd;
};
Layout layoutOf(const std::vector<uint8_t> &file) {
  schema::FileHeader header;
  memcpy(&header, file.data(), sizeof header);
  return {mutableBytes(file), header.metadataOffset + header.metadataBytes};
}

TEST(ContainerFuzz, TruncatedFilesAreRefused) {
  std::vector<uint8_t> whole =
      buildTestModel({.second = SecondStart::ownFrontier});
  Dice dice(1);
  for (int i = 0; i < 100; ++i) {
    std::vector<uint8_t> file = whole;
    file.resize(i < 70 ? size_t(i) * 3 : dice.below(whole.size()));
    OpenModel open(file);
    EXPECT_NE(open.status, TL_STATUS_OK) << file.size();
    if (i % 2 && file.size() >= 64) {
      sealAgain(file);
      OpenModel again(file);
      EXPECT_NE(again.status, TL_STATUS_OK) << file.size();
    }
  }
}

TEST(ContainerFuzz, DamagedFilesAreRefused) {
  std::vector<uint8_t> whole =
      buildTestModel({.second = SecondStart::ownFrontier});
  Layout layout = layoutOf(whole);
  for (uint32_t i = 0; i < 600; ++i) {
    Dice dice(i + 10);
    std::vector<uint8_t> file = whole;
    mutate(file, dice, layout.limit, layout.metadataEnd);
    if (file == whole)
      continue;
    OpenModel open(file);
    EXPECT_NE(open.status, TL_STATUS_OK) << "mutation " << i;
    EXPECT_EQ(open.model, nullptr);
    EXPECT_GT(strlen(open.error.message), 5u);
  }
}

TEST(ContainerFuzz, SealedLiesNeverCrash) {
  std::vector<uint8_t> whole =
      buildTestModel({.second = SecondStart::ownFrontier});
  Layout layout = layoutOf(whole);
  int refused = 0, total = 1500;
  for (int i = 0; i < total; ++i) {
    Dice dice(uint32_t(i) + 5000);
    std::vector<uint8_t> file = whole;
    for (uint32_t k = 1 + dice.below(3); k--;)
      mutate(file, dice, layout.limit, layout.metadataEnd);
    sealAgain(file);
    OpenModel open(file);
    refused += open.status != TL_STATUS_OK;
    if (open.status == TL_STATUS_OK)
      use(open.model);
  }
  EXPECT_GT(refused, total / 3);
  EXPECT_LT(refused, total); // else the mutations prove nothing
}

} // namespace
