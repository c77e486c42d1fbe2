// PNG through libpng. Only what decides pixels is read: text, colour profiles
// and transparency chunks are skipped unread, which also leaves their bombs
// packed. As in DecodeJpeg.cpp, functions that libpng may longjmp out of hold
// nothing that needs destruction.
//
// Checksums follow Pillow: those of the header chunks must be right, those of
// the image data are left to zlib's own checksum.
#include "runtime/data/Codecs.h"
#include "runtime/data/Exif.h"

#include <cstdio>
#include <cstring>

#include <png.h>

namespace tl::data {
namespace {

class PngDecoder {
public:
  PngDecoder(std::span<const uint8_t> bytes, uint64_t maxPixels)
      : rest(bytes), maxPixels(maxPixels) {}
  ~PngDecoder() { png_destroy_read_struct(&png, &info, nullptr); }
  PngDecoder(const PngDecoder &) = delete;
  PngDecoder &operator=(const PngDecoder &) = delete;

  Result<StoredImage> decode();

private:
  bool create();
  bool readHeader();
  bool readPixels(Image &image);
  // What stands behind the image data; failing here loses metadata only.
  void readRest();

  static void onError(png_structp png, png_const_charp text);
  static void onRead(png_structp png, png_bytep out, size_t count);

  std::span<const uint8_t> rest;
  uint64_t maxPixels;
  png_structp png = nullptr;
  png_infop info = nullptr;
  int passes = 1;
  char message[256] = {};
};

void PngDecoder::onError(png_structp png, png_const_charp text) {
  auto &self = *static_cast<PngDecoder *>(png_get_error_ptr(png));
  std::snprintf(self.message, sizeof self.message, "damaged PNG: %s", text);
  png_longjmp(png, 1);
}

void PngDecoder::onRead(png_structp png, png_bytep out, size_t count) {
  auto &self = *static_cast<PngDecoder *>(png_get_io_ptr(png));
  if (count > self.rest.size())
    png_error(png, "the file is truncated: it ends before the picture does");
  std::memcpy(out, self.rest.data(), count);
  self.rest = self.rest.subspan(count);
}

bool PngDecoder::create() {
  png = png_create_read_struct(PNG_LIBPNG_VER_STRING, this, onError,
                               [](png_structp, png_const_charp) {});
  info = png ? png_create_info_struct(png) : nullptr;
  if (!info) {
    std::snprintf(message, sizeof message, "libpng could not be started");
    return false;
  }
  png_set_read_fn(png, this, onRead);
  static const png_byte unread[] = "tRNS\0iCCP\0tEXt\0zTXt\0iTXt\0sPLT\0hIST";
  png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, unread,
                              sizeof unread / 5);
  png_set_user_limits(png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
  return true;
}

bool PngDecoder::readHeader() {
  if (setjmp(png_jmpbuf(png)))
    return false;
  png_read_info(png, info);
  return true;
}

bool PngDecoder::readPixels(Image &image) {
  if (setjmp(png_jmpbuf(png)))
    return false;
  png_set_crc_action(png, PNG_CRC_WARN_USE, PNG_CRC_WARN_DISCARD);
  png_byte colour = png_get_color_type(png, info);
  if (colour == PNG_COLOR_TYPE_PALETTE)
    png_set_palette_to_rgb(png);
  if (colour == PNG_COLOR_TYPE_GRAY) {
    png_set_expand_gray_1_2_4_to_8(png);
    png_set_scale_16(png);
  } else {
    png_set_strip_16(png);
  }
  if (!(colour & PNG_COLOR_MASK_COLOR))
    png_set_gray_to_rgb(png);
  png_set_strip_alpha(png);
  passes = png_set_interlace_handling(png);
  png_read_update_info(png, info);
  if (png_get_rowbytes(png, info) != image.rowValues())
    png_error(png, "unexpected row size");
  for (int pass = 0; pass < passes; ++pass)
    for (uint32_t y = 0; y < image.height; ++y)
      png_read_row(png, image.row(y), nullptr);
  return true;
}

void PngDecoder::readRest() {
  if (setjmp(png_jmpbuf(png)))
    return;
  png_read_end(png, info);
}

Result<StoredImage> PngDecoder::decode() {
  if (!create() || !readHeader())
    return Error{message};
  uint32_t width = png_get_image_width(png, info);
  uint32_t height = png_get_image_height(png, info);
  if (Status checked = checkPixelCount(width, height, maxPixels); !checked)
    return checked.error();
  StoredImage stored;
  stored.image = Image(width, height, 3);
  if (!readPixels(stored.image))
    return Error{message};
  readRest();
  png_bytep exif = nullptr;
  png_uint_32 exifBytes = 0;
  if (png_get_eXIf_1(png, info, &exifBytes, &exif))
    stored.orientation = readExifOrientation({exif, exifBytes});
  return stored;
}

} // namespace

Result<StoredImage> decodePng(std::span<const uint8_t> bytes,
                              uint64_t maxPixels) {
  return PngDecoder(bytes, maxPixels).decode();
}

} // namespace tl::data
