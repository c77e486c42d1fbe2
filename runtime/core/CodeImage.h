// The machine code of one ISA, copied out of the container into anonymous
// memory that is written first and executable after, never both. The copy is
// checked once more, because the file could have changed under the mapping.
#pragma once

#include "runtime/schema/KernelAbi.h"

#include <cstddef>
#include <cstdint>

namespace tl {

class CodeImage {
public:
  // Throws Failure: OUT_OF_MEMORY, BAD_FILE, UNSUPPORTED.
  CodeImage(const uint8_t *bytes, uint64_t size, uint64_t checksum);
  ~CodeImage();
  CodeImage(const CodeImage &) = delete;
  CodeImage &operator=(const CodeImage &) = delete;

  schema::KernelFunction function(uint64_t offset) const {
    return reinterpret_cast<schema::KernelFunction>(memory + offset);
  }

private:
  uint8_t *memory;
  size_t bytes;
};

} // namespace tl
