// The parallel loader: order, errors by name, the `known` shortcut, stopping.
#include "runtime/data/Loader.h"

#include "test/unit/data/TemporaryFolder.h"

#include <gtest/gtest.h>

#include <sys/stat.h>

namespace tl::data {
namespace {

// The smallest PNG files: 1 x 1, 8-bit grey. The value lies in a stored
// (uncompressed) deflate block; its checksums are those of zlib and PNG.
std::string makePng(uint8_t grey);

uint32_t crc32Of(std::string_view bytes) {
  uint32_t crc = ~0u;
  for (unsigned char byte : bytes) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit)
      crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0);
  }
  return ~crc;
}

std::string bigEndian(uint32_t value) {
  return {char(value >> 24), char(value >> 16), char(value >> 8), char(value)};
}

std::string chunk(std::string type, const std::string &data) {
  std::string body = std::move(type) + data;
  return bigEndian(uint32_t(data.size())) + body + bigEndian(crc32Of(body));
}

std::string makePng(uint8_t grey) {
  std::string header =
      bigEndian(1) + bigEndian(1) + std::string("\x8\0\0\0\0", 5);
  std::string row = {'\0', char(grey)};
  uint32_t adler = (uint32_t(2 + grey) << 16) | uint32_t(1 + grey);
  std::string data =
      std::string("\x78\x01\x01\x02\0\xFD\xFF", 7) + row + bigEndian(adler);
  return "\x89PNG\r\n\x1a\n" + chunk("IHDR", header) + chunk("IDAT", data) +
         chunk("IEND", "");
}

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
