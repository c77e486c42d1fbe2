// See Decode.h. Which codec, limits, and the turn to upright.
#include "runtime/data/Decode.h"

#include "runtime/data/Codecs.h"
#include "runtime/data/Exif.h"
#include "runtime/data/File.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <string_view>

namespace tl::data {
namespace {

bool startsWith(std::span<const uint8_t> bytes, std::string_view magic) {
  return bytes.size() >= magic.size() &&
         std::memcmp(bytes.data(), magic.data(), magic.size()) == 0;
}

constexpr std::string_view kPngMagic("\x89PNG\r\n\x1a\n", 8);
constexpr std::string_view kJpegMagic("\xff\xd8\xff", 3);

// Names the formats that people do have in their folders, so that the message
// says what to convert.
std::string_view nameOfOtherFormat(std::span<const uint8_t> bytes) {
  struct Known {
    std::string_view magic, name;
  };
  static constexpr Known known[] = {{"BM", "a BMP"},     {"GIF8", "a GIF"},
                                    {"II*\0", "a TIFF"}, {"MM\0*", "a TIFF"},
                                    {"P2", "a PGM"},     {"P5", "a PGM"},
                                    {"P3", "a PPM"},     {"P6", "a PPM"}};
  for (const Known &format : known)
    if (startsWith(bytes, format.magic))
      return format.name;
  if (bytes.size() >= 12 && startsWith(bytes, "RIFF") &&
      startsWith(bytes.subspan(8), "WEBP"))
    return "a WebP";
  if (bytes.size() >= 12 && startsWith(bytes.subspan(4), "ftyp"))
    return "an HEIF or AVIF";
  return {};
}

Error describeUnknown(std::span<const uint8_t> bytes) {
  if (bytes.empty())
    return {"the file is empty"};
  if (startsWith(bytes, kPngMagic.substr(0, 4)))
    return {"damaged PNG: the signature is wrong, as after a transfer as text"};
  std::string_view name = nameOfOtherFormat(bytes);
  if (name.empty())
    return {"not a JPEG or PNG picture"};
  return {"not a JPEG or PNG picture: it looks like " + std::string(name) +
          " file; convert it to PNG"};
}

} // namespace

Status checkPixelCount(uint64_t width, uint64_t height, uint64_t maxPixels) {
  if (width == 0 || height == 0)
    return Error{"the picture has no pixels: " + std::to_string(width) + " x " +
                 std::to_string(height)};
  if (width > maxPixels / height)
    return Error{"the picture is too large: " + std::to_string(width) + " x " +
                 std::to_string(height) + ", at most " +
                 std::to_string(maxPixels) + " pixels are read"};
  return Done{};
}

Result<Image> decodeImage(std::span<const uint8_t> bytes, uint64_t maxPixels) {
  try {
    Result<StoredImage> stored =
        startsWith(bytes, kPngMagic)    ? decodePng(bytes, maxPixels)
        : startsWith(bytes, kJpegMagic) ? decodeJpeg(bytes, maxPixels)
                                        : describeUnknown(bytes);
    if (!stored)
      return stored.error();
    return makeUpright(std::move(stored->image), stored->orientation);
  } catch (const std::bad_alloc &) {
    return Error{"not enough memory to decode the picture"};
  }
}

Result<Image> decodeImageFile(const std::string &path, uint64_t maxPixels) {
  Result<std::vector<uint8_t>> bytes = readFile(path, kMaxFileBytes);
  if (!bytes)
    return bytes.error();
  Result<Image> image = decodeImage(*bytes, maxPixels);
  if (!image)
    return Error{path + ": " + image.message()};
  return image;
}

} // namespace tl::data
