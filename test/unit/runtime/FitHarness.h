// What the tests of the training loop share: a source of pixels, a record of
// the progress, the bytes that a save writes.
#pragma once

#include "TestModel.h"

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>

namespace tl::test {

// A picture source that hands out pixels.
struct Pixels {
  TestPictures pictures;
  uint32_t reads = 0;
  int failAt = -1;

  static int read(void *user, const tl_visit *visit, const uint32_t *indices,
                  uint32_t n, float *to) {
    auto &self = *static_cast<Pixels *>(user);
    for (uint32_t i = 0; i < n; ++i, ++self.reads) {
      if (int(indices[i]) == self.failAt)
        return 5;
      memcpy(to + i * kPixels, &self.pictures.pixels[indices[i] * kPixels],
             kPixels * sizeof(float));
    }
    return 0;
  }
  tl_pictures source(bool keep) {
    tl_pictures p{};
    p.size = sizeof p;
    p.count = uint32_t(pictures.labels.size());
    p.labels = pictures.labels.data();
    p.read_pixels = read;
    p.keep_features = keep;
    p.user = this;
    return p;
  }
};

struct Progress {
  std::vector<tl_epoch_record> records;
  uint32_t steps = 0, stopAfter = 0;

  static int call(void *user, const tl_progress *now) {
    auto &self = *static_cast<Progress *>(user);
    if (now->record)
      self.records.push_back(*now->record);
    self.steps += now->stage == TL_STAGE_TRAIN;
    return self.stopAfter && self.steps >= self.stopAfter;
  }
  tl_fit_options options(uint32_t epochs = 0, uint32_t batch = 0) {
    tl_fit_options options{};
    options.size = sizeof options;
    options.batch = batch;
    options.epochs = epochs;
    options.progress = call;
    options.user = this;
    return options;
  }
};

inline std::vector<uint8_t> saved(tl_trainer *trainer) {
  std::string folder = temporaryFolder();
  tl_error error;
  EXPECT_EQ(tl_trainer_save(trainer, (folder + "/m.bin").c_str(), &error),
            TL_STATUS_OK)
      << error.message;
  std::vector<uint8_t> bytes = readFile(folder + "/m.bin");
  std::filesystem::remove_all(folder);
  return bytes;
}

} // namespace tl::test
