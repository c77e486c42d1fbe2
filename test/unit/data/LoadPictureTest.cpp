// One picture: its pixels, its errors by name, and the `known` shortcut.
#include "runtime/data/LoadPicture.h"

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

// Pixels of the network's size; whatever cannot be read is named.
TEST(LoadPicture, PixelsOrAnError) {
  TemporaryFolder folder;
  LoadedPicture good = loadPicture(folder.write("a", makePng(9)), onePixel());
  EXPECT_EQ(good.error, "");
  EXPECT_EQ(std::get<Image>(good.pixels).values, std::vector<uint8_t>(3, 9));
  ASSERT_EQ(mkfifo((folder / "fifo").c_str(), 0600), 0);
  folder.write("junk", "junk");
  for (const char *name : {"junk", "fifo", "missing"})
    EXPECT_TRUE(loadPicture(folder / name, onePixel())
                    .error.starts_with(folder / name + ": "))
        << name;
}

// What is known is not decoded, and equal files have equal hashes.
TEST(LoadPicture, AsksBeforeDecoding) {
  TemporaryFolder folder;
  std::string a = folder.write("a", makePng(1));
  std::string b = folder.write("b", makePng(2));
  std::string junk = folder.write("junk", "not a picture");
  Hash128 asked;
  auto yes = [&](const Hash128 &hash) {
    asked = hash;
    return true;
  };
  LoadedPicture known = loadPicture(junk, onePixel(), yes);
  EXPECT_TRUE(known.known);
  EXPECT_EQ(known.error, "");
  EXPECT_EQ(asked, known.hash);
  LoadedPicture decoded =
      loadPicture(a, onePixel(), [](auto &) { return false; });
  EXPECT_FALSE(decoded.known);
  EXPECT_EQ(decoded.hash,
            loadPicture(folder.write("c", makePng(1)), onePixel()).hash);
  EXPECT_NE(decoded.hash, loadPicture(b, onePixel()).hash);
}

} // namespace
} // namespace tl::data
