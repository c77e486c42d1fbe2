// The smallest PNG files: one pixel, 8-bit RGB, in a stored (uncompressed)
// deflate block, with the checksums of zlib and PNG.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace tl::data {

inline uint32_t crc32Of(std::string_view bytes) {
  uint32_t crc = ~0u;
  for (unsigned char byte : bytes) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit)
      crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0);
  }
  return ~crc;
}

inline std::string bigEndian(uint32_t value) {
  return {char(value >> 24), char(value >> 16), char(value >> 8), char(value)};
}

inline std::string pngChunk(std::string type, const std::string &data) {
  std::string body = std::move(type) + data;
  return bigEndian(uint32_t(data.size())) + body + bigEndian(crc32Of(body));
}

inline std::string makeTinyPng(std::array<uint8_t, 3> rgb) {
  std::string row = {'\0', char(rgb[0]), char(rgb[1]), char(rgb[2])};
  uint32_t a = 1, b = 0; // Adler-32
  for (unsigned char byte : row)
    b += a += byte;
  std::string header =
      bigEndian(1) + bigEndian(1) + std::string("\x8\2\0\0\0", 5);
  std::string data = std::string("\x78\x01\x01\x04\0\xFB\xFF", 7) + row +
                     bigEndian(b << 16 | a);
  return "\x89PNG\r\n\x1a\n" + pngChunk("IHDR", header) +
         pngChunk("IDAT", data) + pngChunk("IEND", "");
}

} // namespace tl::data
