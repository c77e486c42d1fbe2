// Saving and exporting: what is written opens again, and nothing that goes
// wrong on the way touches the old file.
#include "TestModel.h"

#include <gtest/gtest.h>

#include <csignal>
#include <cstring>
#include <filesystem>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace tl;
using namespace tl::test;

namespace {

class Save : public testing::Test {
protected:
  void SetUp() override {
    folder = temporaryFolder();
    path = folder + "/m.bin";
    writeFile(path, buildTestModel());
    tl_model_open_file(path.c_str(), nullptr, &model, nullptr);
    ASSERT_NE(model, nullptr);
    trainer = newTrainer(model);
  }
  void TearDown() override {
    trainer.reset();
    tl_model_close(model);
    std::filesystem::remove_all(folder);
  }
  void step() {
    TestPictures pictures = makePictures(9, 3);
    std::vector<float> features(72);
    std::vector<int32_t> ids(9);
    tl_trainer_extract(trainer.get(), 0, pictures.pixels.data(), 9,
                       features.data(), nullptr);
    tl_trainer_begin_phase(trainer.get(), 0, nullptr);
    tl_batch batch =
        makeBatch(features.data(), pictures.labels.data(), ids.data(), 9);
    tl_trainer_step(trainer.get(), 0, &batch, nullptr, nullptr, nullptr);
  }

  std::string folder, path;
  tl_model *model = nullptr;
  Trainer trainer;
};

// Parameters, labels, seed and history come back; a file saved over the one
// that is open leaves the open model alone.
TEST_F(Save, WhatIsSavedOpensAgain) {
  step();
  const char *labels[] = {"ant", "bee", "c\xc3\xa9l\xc3\xa8"};
  ASSERT_EQ(tl_trainer_set_labels(trainer.get(), labels, 3, nullptr),
            TL_STATUS_OK);
  tl_epoch_record record{0, 0, 1, 0.5f, 2, 0.25f, 0.75f, 0.875f};
  tl_trainer_record(trainer.get(), &record, nullptr);
  tl_error error;
  ASSERT_EQ(tl_trainer_save(trainer.get(), path.c_str(), &error), TL_STATUS_OK)
      << error.message;
  OpenModel again(readFile(path));
  ASSERT_EQ(again.status, TL_STATUS_OK) << again.error.message;
  const tl_model_info &info = *tl_model_get_info(again.model);
  EXPECT_EQ(info.trained, 1);
  EXPECT_EQ(info.used_seed, 7u);
  ASSERT_EQ(info.label_count, 3u);
  EXPECT_STREQ(info.labels[2], "c\xc3\xa9l\xc3\xa8");
  ASSERT_EQ(info.history_count, 1u);
  EXPECT_EQ(tl_model_history(again.model, 0)->val_loss, 2);
  EXPECT_EQ(tl_model_history(again.model, 0)->val_top_k, 0.75f);
  EXPECT_EQ(tl_model_history(again.model, 0)->val_auc, 0.875f);
  TestPictures pictures = makePictures(4, 3);
  std::vector<float> features(32), expected(12), scores(12);
  tl_trainer_extract(trainer.get(), 0, pictures.pixels.data(), 4,
                     features.data(), nullptr);
  tl_trainer_evaluate(trainer.get(), features.data(), pictures.labels.data(), 4,
                      nullptr, expected.data(), nullptr);
  Session session = newSession(again.model);
  tl_session_predict(session.get(), pictures.pixels.data(), 4, nullptr,
                     scores.data(), nullptr);
  EXPECT_EQ(scores, expected);
  // Saved again from the saved one: the same bytes.
  Trainer second = newTrainer(again.model);
  tl_trainer_record(second.get(), &record, nullptr);
  ASSERT_EQ(tl_trainer_save(second.get(), (folder + "/2.bin").c_str(), nullptr),
            TL_STATUS_OK);
  EXPECT_EQ(readFile(folder + "/2.bin"), readFile(path));
}

TEST_F(Save, LabelsOfATrainedFileMayNotBeReordered) {
  const char *labels[] = {"a", "b", "c"}, *other[] = {"a", "c", "b"};
  tl_trainer_set_labels(trainer.get(), labels, 3, nullptr);
  tl_trainer_save(trainer.get(), path.c_str(), nullptr);
  OpenModel again(readFile(path));
  Trainer second = newTrainer(again.model);
  tl_error error;
  EXPECT_EQ(tl_trainer_set_labels(second.get(), other, 3, &error),
            TL_STATUS_INVALID_ARGUMENT);
  EXPECT_STREQ(error.message, "label 1 is \"c\", the model has \"b\" there");
}

size_t filesIn(const std::string &folder) {
  size_t count = 0;
  for (const auto &entry : std::filesystem::directory_iterator(folder)) {
    (void)entry;
    ++count;
  }
  return count;
}

// A file size limit stands for the full disk: writes fail with an error, the
// old file stays, no temporary file remains.
TEST_F(Save, AFullDiskLeavesTheOldFile) {
  std::vector<uint8_t> before = readFile(path);
  signal(SIGXFSZ, SIG_IGN);
  rlimit old, small{70000, RLIM_INFINITY};
  getrlimit(RLIMIT_FSIZE, &old);
  small.rlim_max = old.rlim_max;
  setrlimit(RLIMIT_FSIZE, &small);
  step();
  tl_error error;
  EXPECT_EQ(tl_trainer_save(trainer.get(), path.c_str(), &error), TL_STATUS_IO);
  setrlimit(RLIMIT_FSIZE, &old);
  EXPECT_NE(std::string(error.message).find("File too large"),
            std::string::npos)
      << error.message;
  EXPECT_EQ(readFile(path), before);
  EXPECT_EQ(filesIn(folder), 1u);
}

TEST_F(Save, AMissingFolderIsAnError) {
  tl_error error;
  EXPECT_EQ(
      tl_trainer_save(trainer.get(), (folder + "/no/m.bin").c_str(), &error),
      TL_STATUS_IO);
  EXPECT_NE(std::string(error.message).find("No such file or directory"),
            std::string::npos);
}

// Renaming over a pipe or a device would take it away from everyone.
TEST_F(Save, APipeIsNotReplaced) {
  std::string pipe = folder + "/pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  tl_error error;
  EXPECT_EQ(tl_trainer_save(trainer.get(), pipe.c_str(), &error), TL_STATUS_IO);
  EXPECT_NE(std::string(error.message).find("no regular file"),
            std::string::npos)
      << error.message;
  EXPECT_TRUE(std::filesystem::is_fifo(pipe));
}

// A child saves again and again and is killed at a random moment: the file is
// always one whole model or the other.
TEST_F(Save, AKillLeavesOneFileOrTheOther) {
  trainer.reset(); // no threads in the child but its own
  for (int round = 0; round < 20; ++round) {
    pid_t child = fork();
    if (child == 0) {
      Trainer own = newTrainer(model);
      for (uint64_t seed = 0;; ++seed) {
        tl_trainer_initialize(own.get(), seed, nullptr);
        tl_trainer_save(own.get(), path.c_str(), nullptr);
      }
    }
    usleep(useconds_t(2000 + round * 1700));
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    OpenModel again(readFile(path));
    EXPECT_EQ(again.status, TL_STATUS_OK) << again.error.message;
  }
}

TEST_F(Save, ExportsSafetensors) {
  std::string out = folder + "/w.safetensors";
  ASSERT_EQ(tl_model_export(model, out.c_str(), nullptr), TL_STATUS_OK);
  std::vector<uint8_t> bytes = readFile(out);
  uint64_t head;
  memcpy(&head, bytes.data(), 8);
  std::string json(bytes.begin() + 8, bytes.begin() + 8 + long(head));
  EXPECT_EQ(json.substr(0, json.find_last_not_of(' ') + 1),
            "{\"__metadata__\":{\"format\":\"tl\"},"
            "\"dense.kernel\":{\"dtype\":\"F32\",\"shape\":[8,3],"
            "\"data_offsets\":[0,96]},\"dense.bias\":{\"dtype\":\"F32\","
            "\"shape\":[3],\"data_offsets\":[96,108]}}");
  EXPECT_EQ(bytes.size(), 8 + head + 108);
}

} // namespace
