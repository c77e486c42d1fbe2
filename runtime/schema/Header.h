// The first 64 bytes of a model.bin. Little-endian; no other byte order is
// supported. It exists beside the flatbuffer so that the flatbuffer's place,
// size and checksum are known before one byte of it is parsed.
#pragma once

#include <cstdint>

namespace tl::schema {

inline constexpr char kMagic[8] = {'T', 'L', 'M', 'O', 'D', 'E', 'L', '\n'};
inline constexpr uint32_t kFormatVersion = 1;
inline constexpr uint64_t kSegmentAlignment = 65536;
inline constexpr uint64_t kMaxMetadataBytes = 16u << 20;

struct FileHeader {
  char magic[8];             // kMagic
  uint32_t version;          // kFormatVersion
  uint32_t headerBytes;      // 64
  uint64_t metadataOffset;   // of the flatbuffer, multiple of 64
  uint64_t metadataBytes;    // at most kMaxMetadataBytes
  uint64_t metadataChecksum; // XXH64, seed 0
  uint64_t fileBytes;        // the whole file: a shorter one is truncated
  uint64_t reserved;         // 0
  uint64_t headerChecksum;   // XXH64 of the 56 bytes before it
};
static_assert(sizeof(FileHeader) == 64);

} // namespace tl::schema
