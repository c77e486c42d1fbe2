// JPEG through libjpeg-turbo's libjpeg interface (not TurboJPEG's: EXIF
// markers, CMYK and warnings are needed).
//
// The whole file is in memory, and the source manager "suspends" at its end
// instead of inventing an end-of-image marker as libjpeg's own one does: a
// truncated file is then told from a complete one exactly as Pillow tells it.
// libjpeg reports errors by a callback that must not return; it longjmps, so
// the functions that can be jumped out of hold nothing that needs destruction.
#include "runtime/data/Codecs.h"
#include "runtime/data/Exif.h"

#include <csetjmp>
#include <cstdio>
#include <cstring>

#include <jerror.h>
#include <jpeglib.h>

namespace tl::data {
namespace {

// A progressive file of a few bytes can ask for hundreds of passes over a large
// picture. Ten scans are usual; this allows 16 at the largest picture.
constexpr int kMaxScans = 500;
constexpr uint64_t kMaxScannedPixels = uint64_t(1) << 31;

class JpegDecoder {
public:
  JpegDecoder(std::span<const uint8_t> bytes, uint64_t maxPixels);
  ~JpegDecoder() { jpeg_destroy_decompress(&info); }
  JpegDecoder(const JpegDecoder &) = delete;
  JpegDecoder &operator=(const JpegDecoder &) = delete;

  Result<StoredImage> decode();

private:
  // The three steps that call libjpeg; false: `message` says why.
  bool create();
  bool readHeader();
  bool readPixels(Image &image, uint8_t *cmykRow);
  bool chooseColours();

  bool fail(const char *text) {
    std::snprintf(message, sizeof message, "%s", text);
    return false;
  }
  bool failPrecision(int bits) {
    std::snprintf(message, sizeof message,
                  "JPEG with %d bits a sample; only 8 are supported", bits);
    return false;
  }
  bool failTruncated() {
    return fail("the JPEG file is truncated: it ends before the picture does");
  }

  static JpegDecoder &of(j_common_ptr common) {
    return *static_cast<JpegDecoder *>(common->client_data);
  }
  static void onError(j_common_ptr common);
  static void onProgress(j_common_ptr common);
  static void skip(j_decompress_ptr decompress, long count);

  std::span<const uint8_t> bytes;
  uint64_t maxPixels;
  jpeg_decompress_struct info{};
  jpeg_error_mgr errors{};
  jpeg_source_mgr source{};
  jpeg_progress_mgr progress{};
  std::jmp_buf escape{};
  char message[JMSG_LENGTH_MAX + 64] = {};
};

void JpegDecoder::onError(j_common_ptr common) {
  JpegDecoder &self = of(common);
  char text[JMSG_LENGTH_MAX];
  common->err->format_message(common, text);
  if (common->err->msg_code == JERR_BAD_PRECISION)
    self.failPrecision(common->err->msg_parm.i[0]);
  else
    std::snprintf(self.message, sizeof self.message, "damaged JPEG: %s", text);
  std::longjmp(self.escape, 1);
}

void JpegDecoder::onProgress(j_common_ptr common) {
  JpegDecoder &self = of(common);
  uint64_t pixels = uint64_t(self.info.image_width) * self.info.image_height;
  uint64_t scans = uint64_t(self.info.input_scan_number);
  if (scans <= kMaxScans && scans * pixels <= kMaxScannedPixels)
    return;
  self.fail("the JPEG has too many scans for its size");
  std::longjmp(self.escape, 1);
}

void JpegDecoder::skip(j_decompress_ptr decompress, long count) {
  jpeg_source_mgr &source = *decompress->src;
  size_t step = count > 0 ? size_t(count) : 0;
  if (step > source.bytes_in_buffer)
    step = source.bytes_in_buffer; // The next read suspends: truncated.
  source.next_input_byte += step;
  source.bytes_in_buffer -= step;
}

JpegDecoder::JpegDecoder(std::span<const uint8_t> bytes, uint64_t maxPixels)
    : bytes(bytes), maxPixels(maxPixels) {
  info.err = jpeg_std_error(&errors);
  errors.error_exit = onError;
  errors.output_message = [](j_common_ptr) {};
  source.next_input_byte = bytes.data();
  source.bytes_in_buffer = bytes.size();
  source.init_source = [](j_decompress_ptr) {};
  source.fill_input_buffer = [](j_decompress_ptr) -> boolean { return FALSE; };
  source.skip_input_data = skip;
  source.resync_to_restart = jpeg_resync_to_restart;
  source.term_source = [](j_decompress_ptr) {};
  progress.progress_monitor = onProgress;
}

bool JpegDecoder::create() {
  info.client_data = this;
  if (setjmp(escape))
    return false;
  jpeg_create_decompress(&info);
  info.src = &source;
  info.progress = &progress;
  jpeg_save_markers(&info, JPEG_APP0 + 1, 0xFFFF);
  return true;
}

bool JpegDecoder::readHeader() {
  if (setjmp(escape))
    return false;
  int found;
  do
    found = jpeg_read_header(&info, FALSE);
  while (found == JPEG_HEADER_TABLES_ONLY);
  if (found == JPEG_SUSPENDED)
    return failTruncated();
  if (info.data_precision != 8) // Version 3 of the library lets them pass.
    return failPrecision(info.data_precision);
  return chooseColours();
}

bool JpegDecoder::chooseColours() {
  switch (info.num_components) {
  case 1:
    info.out_color_space = JCS_GRAYSCALE;
    return true;
  case 3:
    info.out_color_space = JCS_RGB;
    return true;
  case 4:
    info.out_color_space = JCS_CMYK;
    return true;
  default:
    std::snprintf(message, sizeof message,
                  "JPEG with %d colour components; 1, 3 and 4 are supported",
                  info.num_components);
    return false;
  }
}

// Pillow's cmyk2rgb on inverted samples: v = k * c / 255, rounded to nearest.
uint8_t multiply255(unsigned a, unsigned b) {
  unsigned t = a * b + 128;
  return uint8_t(((t >> 8) + t) >> 8);
}

void convertRow(const uint8_t *from, unsigned components, uint8_t *rgb,
                size_t width) {
  for (size_t x = 0; x < width; ++x, rgb += 3, from += components)
    for (unsigned c = 0; c < 3; ++c) {
      if (components == 1) {
        rgb[c] = from[0];
        continue;
      }
      unsigned key = from[3];
      rgb[c] = uint8_t(key - multiply255(255u - from[c], key));
    }
}

bool JpegDecoder::readPixels(Image &image, uint8_t *scratchRow) {
  if (setjmp(escape))
    return false;
  if (!jpeg_start_decompress(&info))
    return failTruncated();
  bool direct = info.num_components == 3;
  while (info.output_scanline < info.output_height) {
    uint8_t *rgb = image.row(info.output_scanline);
    JSAMPROW row = direct ? rgb : scratchRow;
    if (jpeg_read_scanlines(&info, &row, 1) != 1)
      return failTruncated();
    if (!direct)
      convertRow(scratchRow, unsigned(info.num_components), rgb, image.width);
  }
  // Reads on to the end marker; not finding it no longer matters, but damage
  // found on the way does.
  jpeg_finish_decompress(&info);
  return true;
}

Result<StoredImage> JpegDecoder::decode() {
  if (!create() || !readHeader())
    return Error{message};
  if (Status checked =
          checkPixelCount(info.image_width, info.image_height, maxPixels);
      !checked)
    return checked.error();
  StoredImage stored;
  for (jpeg_saved_marker_ptr at = info.marker_list; at; at = at->next)
    if (at->data_length > 6 && std::memcmp(at->data, "Exif\0\0", 6) == 0) {
      stored.orientation =
          readExifOrientation({at->data + 6, at->data_length - 6});
      break;
    }
  stored.image = Image(info.image_width, info.image_height, 3);
  std::vector<uint8_t> scratchRow(size_t(info.image_width) * 4);
  if (!readPixels(stored.image, scratchRow.data()))
    return Error{message};
  return stored;
}

} // namespace

Result<StoredImage> decodeJpeg(std::span<const uint8_t> bytes,
                               uint64_t maxPixels) {
  return JpegDecoder(bytes, maxPixels).decode();
}

} // namespace tl::data
