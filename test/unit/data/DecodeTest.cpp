// Decoding every awkward picture there is, against what Pillow made of it.
#include "runtime/data/Decode.h"

#include "test/unit/data/Sha256.h"

#include <array>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>

namespace tl::data {
namespace {

// The columns of expected.csv that are compared.
struct Expected {
  std::string file, outcome, format, mode, width, height, sha256;
  std::array<std::string, 3> means;
};

std::vector<std::string> splitCsv(const std::string &line) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (char c : line)
    if (c == '"')
      quoted = !quoted;
    else if (c == ',' && !quoted)
      fields.emplace_back();
    else if (c != '\r')
      fields.back() += c;
  return fields;
}

std::vector<Expected> readExpected(const std::string &path) {
  std::vector<Expected> rows;
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  while (std::getline(file, line)) {
    std::vector<std::string> f = splitCsv(line);
    if (f.size() >= 14)
      rows.push_back(
          {f[0], f[2], f[3], f[4], f[8], f[9], f[13], {f[10], f[11], f[12]}});
  }
  return rows;
}

void compare(const Expected &expected, const Image &image) {
  SCOPED_TRACE(expected.file);
  EXPECT_EQ(std::to_string(image.width), expected.width);
  EXPECT_EQ(std::to_string(image.height), expected.height);
  if (!expected.sha256.empty()) {
    EXPECT_EQ(sha256Of(image.values), expected.sha256);
    return;
  }
  // Within 2 for JPEG, whose decoders may differ; 16-bit grey PNG is rounded
  // to bytes here and not in the table, so its mean is within a half.
  double tolerance = expected.format == "JPEG" ? 2 : 0.5;
  for (size_t c = 0; c < 3; ++c) {
    double sum = 0;
    for (size_t i = c; i < image.values.size(); i += 3)
      sum += image.values[i];
    EXPECT_NEAR(sum / double(image.values.size() / 3),
                std::stod(expected.means[c]), tolerance)
        << "channel " << c;
  }
}

// Whether any readable JPEG or PNG agrees with Pillow, and whether everything
// that is refused is refused by name.
TEST(Decode, OddPicturesAsPillow) {
  std::string folder = TL_SHARED_DATA "/odd/";
  if (!std::filesystem::exists(folder))
    GTEST_SKIP() << folder << " is missing";
  size_t good = 0, refused = 0;
  for (const Expected &expected : readExpected(folder + "expected.csv")) {
    Result<Image> image = decodeImageFile(folder + expected.file);
    bool supported = expected.format == "JPEG" || expected.format == "PNG";
    EXPECT_EQ(bool(image), expected.outcome == "ok" && supported)
        << expected.file << (image ? "" : image.message());
    if (image && expected.outcome == "ok") {
      compare(expected, *image);
      ++good;
    }
    if (!image) {
      EXPECT_TRUE(image.message().starts_with(folder + expected.file + ": "))
          << image.message();
      ++refused;
    }
  }
  EXPECT_GT(good, 150u);
  EXPECT_GT(refused, 50u);
}

// Every prefix of a good file, and every file with one byte changed: no crash,
// no read outside (under ASan), and half a file never passes for the whole.
TEST(Decode, DamagedFilesNeverCrash) {
  std::string folder = TL_SHARED_DATA "/odd/";
  if (!std::filesystem::exists(folder))
    GTEST_SKIP() << folder << " is missing";
  for (const char *name :
       {"jpeg_variants/extraneous-data.jpg", "pngsuite/basi3p04.png",
        "jpeg_variants/grayscale_24x16_sampling2x2.jpg",
        "pngsuite/s05n3p02.png", "pngsuite/exif2c08.png"}) {
    std::ifstream file(folder + name, std::ios::binary);
    std::vector<uint8_t> bytes{std::istreambuf_iterator<char>(file), {}};
    ASSERT_FALSE(bytes.empty());
    for (size_t size = 0; size < bytes.size(); ++size) {
      std::vector<uint8_t> prefix(bytes.begin(), bytes.begin() + long(size));
      Result<Image> image = decodeImage(prefix);
      if (size < bytes.size() / 2) {
        EXPECT_FALSE(image) << name << " cut to " << size;
      }
    }
    for (size_t at = 0; at < bytes.size(); ++at)
      for (uint8_t flip : {0xFF, 0x01, 0x80}) {
        std::vector<uint8_t> changed = bytes;
        changed[at] ^= flip;
        Result<Image> image = decodeImage(changed, 1 << 20);
        if (!image) {
          EXPECT_FALSE(image.message().empty());
        }
      }
  }
}

// What people have in their folders that is neither, by name.
TEST(Decode, SaysWhatElseItIs) {
  auto message = [](std::string_view text) {
    Result<Image> image = decodeImage(
        {reinterpret_cast<const uint8_t *>(text.data()), text.size()});
    return image ? "decoded" : image.message();
  };
  EXPECT_EQ(message(""), "the file is empty");
  EXPECT_EQ(message("hello"), "not a JPEG or PNG picture");
  EXPECT_EQ(message("GIF89a"), "not a JPEG or PNG picture: it looks like a GIF "
                               "file; convert it to PNG");
  EXPECT_EQ(message("P6\n2 2\n255\n"), "not a JPEG or PNG picture: it looks "
                                       "like a PPM file; convert it to PNG");
  EXPECT_EQ(message(std::string_view("RIFF\0\0\0\0WEBPVP8 ", 16)),
            "not a JPEG or PNG picture: it looks like a WebP file; convert it "
            "to PNG");
}

// The header of a baseline JPEG of three components, and nothing behind it.
std::vector<uint8_t> makeJpegHeader(uint8_t precision, uint16_t side) {
  uint8_t high = uint8_t(side >> 8), low = uint8_t(side);
  return {0xFF, 0xD8, 0xFF, 0xC0, 0,  17,   precision, high, low, high,
          low,  3,    1,    0x11, 0,  2,    0x11,      0,    3,   0x11,
          0,    0xFF, 0xDA, 0,    12, 3,    1,         0,    2,   0,
          3,    0,    0,    63,   0,  0xFF, 0xD9};
}

// A header alone that promises 65500 x 65500 pixels: refused before memory is
// taken for them.
TEST(Decode, RefusesTooManyPixels) {
  EXPECT_EQ(decodeImage(makeJpegHeader(8, 65500)).message(),
            "the picture is too large: 65500 x 65500, at most 134217728 pixels "
            "are read");
}

// Not damaged, only not supported.
TEST(Decode, RefusesTwelveBits) {
  EXPECT_EQ(decodeImage(makeJpegHeader(12, 16)).message(),
            "JPEG with 12 bits a sample; only 8 are supported");
}

} // namespace
} // namespace tl::data
