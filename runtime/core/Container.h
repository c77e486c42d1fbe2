// A model.bin in memory: mapped from a file or lent by the caller, and checked
// in full before anyone sees it. The mapping is private and read-only; a save
// replaces files by rename, so that an open mapping never changes.
#pragma once

#include "runtime/schema/Header.h"
#include "runtime/schema/model_generated.h"

#include <cstddef>
#include <cstdint>
#include <string>

namespace tl {

class Container {
public:
  // Throws Failure: NOT_FOUND, IO, BAD_FILE, UNSUPPORTED, OUT_OF_MEMORY.
  // `memoryLimit` bounds what the file may ask for: arena, tensors.
  Container(const char *path, uint64_t memoryLimit);
  Container(const void *data, size_t bytes, uint64_t memoryLimit);
  ~Container();
  Container(const Container &) = delete;
  Container &operator=(const Container &) = delete;

  const schema::Model &model() const { return *root; }
  const uint8_t *segment(uint32_t index) const {
    return bytes + root->segments()->Get(index)->offset();
  }
  uint64_t size() const { return byteCount; }
  // Bytes that will hardly be read again: the pages wholly among them leave
  // this process's memory and come back from the file on the next reading.
  // Nothing happens to bytes that are not of a mapped file.
  void release(const void *first, uint64_t count) const;
  void release() const { release(bytes, byteCount); }
  // Stands for every byte of the file: a checksum over that of the metadata,
  // which holds those of the segments.
  uint64_t identity() const {
    return reinterpret_cast<const schema::FileHeader *>(bytes)->headerChecksum;
  }

private:
  void map(const char *path);
  void unmap();

  const uint8_t *bytes = nullptr;
  uint64_t byteCount = 0;
  bool mapped = false;
  const schema::Model *root = nullptr;
};

} // namespace tl
