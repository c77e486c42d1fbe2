// The parallel loader: order, errors by name, the `known` shortcut, stopping.
#include "runtime/data/Loader.h"

#include "test/unit/data/TemporaryFolder.h"
#include "test/unit/data/TinyPng.h"

#include <gtest/gtest.h>

#include <sys/stat.h>

namespace tl::data {
namespace {

std::string makePng(uint8_t grey) { return makeTinyPng({grey, grey, grey}); }

Preprocess onePixel() {
  Preprocess preprocess;
  preprocess.width = preprocess.height = 1;
  return preprocess;
}

// Pictures come in the order of the paths with any number of threads, far more
// of them than may wait at once; unreadable ones in their place, by name.
TEST(Loader, KeepsTheOrder) {
  TemporaryFolder folder;
  std::vector<std::string> paths;
  for (int i = 0; i < 200; ++i)
    paths.push_back(folder.write(std::to_string(i),
                                 i % 50 == 7 ? "junk" : makePng(uint8_t(i))));
  ASSERT_EQ(mkfifo((folder / "fifo").c_str(), 0600), 0);
  paths.push_back(folder / "fifo");
  paths.push_back(folder / "missing");
  for (unsigned threads : {1u, 2u, 5u}) {
    Loader loader(paths, onePixel(), threads);
    for (size_t i = 0; i < paths.size(); ++i) {
      std::optional<LoadedPicture> picture = loader.next();
      ASSERT_TRUE(picture);
      EXPECT_EQ(picture->index, i);
      if (i % 50 == 7 || i >= 200) {
        EXPECT_TRUE(picture->error.starts_with(paths[i] + ": "))
            << picture->error;
        continue;
      }
      EXPECT_EQ(picture->error, "");
      EXPECT_EQ(std::get<Image>(picture->pixels).values,
                std::vector<uint8_t>(3, uint8_t(i)));
    }
    EXPECT_FALSE(loader.next());
  }
}

// What is known is not decoded, and equal files have equal hashes.
TEST(Loader, AsksBeforeDecoding) {
  TemporaryFolder folder;
  std::vector<std::string> paths = {folder.write("a", makePng(1)),
                                    folder.write("b", makePng(2)),
                                    folder.write("c", makePng(1))};
  Loader loader(paths, onePixel(), 2,
                [](size_t index, const Hash128 &) { return index == 1; });
  auto a = loader.next(), b = loader.next(), c = loader.next();
  EXPECT_FALSE(a->known);
  EXPECT_TRUE(b->known);
  EXPECT_EQ(a->hash, c->hash);
  EXPECT_NE(a->hash, b->hash);
}

// Leaving early ends the threads, with the queue full and with it empty.
TEST(Loader, StopsEarly) {
  TemporaryFolder folder;
  std::vector<std::string> paths(500, folder.write("a", makePng(1)));
  Loader untouched(paths, onePixel(), 3);
  Loader begun(paths, onePixel(), 3);
  EXPECT_TRUE(begun.next());
}

} // namespace
} // namespace tl::data
