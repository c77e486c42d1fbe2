// JPEG through libjpeg-turbo, which decodes them already: a PNG of a photograph
// is eight times as large. As in DecodeJpeg.cpp, libjpeg reports errors by a
// callback that must not return, so what can be jumped out of holds nothing
// that needs destruction.
#include "runtime/tools/Thumbnail.h"

#include "runtime/data/Resize.h"

#include <algorithm>
#include <csetjmp>
#include <cstdio>
#include <cstdlib>

#include <jpeglib.h>

namespace tl::tools {
namespace {

// Artefacts cannot be seen at this size; 85 costs a third more.
constexpr int kQuality = 78;

struct Encoder {
  jpeg_compress_struct info{};
  jpeg_error_mgr errors{};
  std::jmp_buf escape{};
  unsigned char *bytes = nullptr;
  unsigned long size = 0;
};

bool encode(Encoder &encoder, const data::Image &picture) {
  jpeg_compress_struct &info = encoder.info;
  if (setjmp(encoder.escape))
    return false;
  jpeg_create_compress(&info);
  jpeg_mem_dest(&info, &encoder.bytes, &encoder.size);
  info.image_width = picture.width;
  info.image_height = picture.height;
  info.input_components = int(picture.channels);
  info.in_color_space = picture.channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_set_defaults(&info);
  jpeg_set_quality(&info, kQuality, TRUE);
  info.optimize_coding = TRUE;
  jpeg_start_compress(&info, TRUE);
  while (info.next_scanline < info.image_height) {
    auto *row = const_cast<JSAMPLE *>(picture.row(info.next_scanline));
    jpeg_write_scanlines(&info, &row, 1);
  }
  jpeg_finish_compress(&info);
  return true;
}

std::string encodeJpeg(const data::Image &picture) {
  Encoder encoder;
  encoder.info.err = jpeg_std_error(&encoder.errors);
  encoder.info.client_data = &encoder;
  encoder.errors.error_exit = [](j_common_ptr common) {
    std::longjmp(static_cast<Encoder *>(common->client_data)->escape, 1);
  };
  encoder.errors.output_message = [](j_common_ptr) {};
  std::string jpeg;
  if (encode(encoder, picture))
    jpeg.assign(reinterpret_cast<char *>(encoder.bytes), encoder.size);
  jpeg_destroy_compress(&encoder.info);
  std::free(encoder.bytes);
  return jpeg;
}

} // namespace

Thumbnail makeThumbnail(const data::Image &picture, uint32_t side) {
  Thumbnail made;
  double scale =
      std::min(1.0, double(side) / std::max(picture.width, picture.height));
  made.width = std::max(1u, uint32_t(picture.width * scale + 0.5));
  made.height = std::max(1u, uint32_t(picture.height * scale + 0.5));
  made.jpeg = encodeJpeg(
      data::resize(picture, made.width, made.height, data::Filter::bilinear));
  return made;
}

} // namespace tl::tools
