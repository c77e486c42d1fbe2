// Orientation: what is read, and how pixels move.
#include "runtime/data/Exif.h"

#include <gtest/gtest.h>

namespace tl::data {
namespace {

std::vector<uint8_t> makeTiff(bool bigEndian, uint16_t type, uint32_t value) {
  std::vector<uint8_t> bytes;
  auto put = [&](uint32_t number, int size) {
    for (int i = 0; i < size; ++i)
      bytes.push_back(uint8_t(number >> 8 * (bigEndian ? size - 1 - i : i)));
  };
  bytes.insert(bytes.end(), 2, bigEndian ? 'M' : 'I');
  put(42, 2);
  put(8, 4);
  put(2, 2); // entries
  put(0x0100, 2), put(3, 2), put(1, 4), put(7, 2), put(0, 2);
  put(0x0112, 2), put(type, 2), put(1, 4);
  put(value, type == 3 ? 2 : 4);
  if (type == 3)
    put(0, 2);
  return bytes;
}

// Both byte orders, SHORT as the standard says and LONG as some write it.
TEST(Exif, ReadsOrientation) {
  for (bool bigEndian : {false, true})
    for (uint16_t type : {3, 4})
      EXPECT_EQ(readExifOrientation(makeTiff(bigEndian, type, 6)), 6);
}

// Values and structures that mean nothing leave the picture as it is.
TEST(Exif, IgnoresNonsense) {
  EXPECT_EQ(readExifOrientation(makeTiff(false, 3, 0)), 1);
  EXPECT_EQ(readExifOrientation(makeTiff(false, 3, 9)), 1);
  EXPECT_EQ(readExifOrientation(makeTiff(false, 2, 6)), 1);
  std::vector<uint8_t> whole = makeTiff(true, 3, 6);
  for (size_t size = 0; size < whole.size() - 2; ++size) {
    std::vector<uint8_t> cut(whole.begin(), whole.begin() + long(size));
    EXPECT_EQ(readExifOrientation(cut), 1) << size;
  }
  std::vector<uint8_t> farAway = whole;
  farAway[4] = farAway[5] = farAway[6] = farAway[7] = 0xFF;
  EXPECT_EQ(readExifOrientation(farAway), 1);
}

// A 3 x 2 picture "abc/def" as EXIF 2.3 describes each orientation: where the
// stored first row and first column stand in the upright picture.
TEST(Exif, MakesUpright) {
  Image stored(3, 2, 1);
  stored.values = {'a', 'b', 'c', 'd', 'e', 'f'};
  const char *upright[] = {"abcdef", "cbafed", "fedcba", "defabc",
                           "adbecf", "daebfc", "fcebda", "cfbead"};
  for (int orientation = 1; orientation <= 8; ++orientation) {
    Image image = makeUpright(stored, orientation);
    EXPECT_EQ(image.width, orientation >= 5 ? 2u : 3u);
    EXPECT_EQ(std::string(image.values.begin(), image.values.end()),
              upright[orientation - 1])
        << orientation;
  }
}

} // namespace
} // namespace tl::data
