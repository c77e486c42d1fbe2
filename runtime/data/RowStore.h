// Rows of a fixed size for one run: as many in memory as asked for, then some
// in a mapped file that no one else sees and that is gone with the process.
// What it could not get it does not hold, and whoever asks makes those rows
// again: a full disk is noticed here, when the file is given its blocks, and
// not later as a signal.
//
// The cache that outlives the run is FeatureCache.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace tl::data {

class RowStore {
public:
  RowStore() = default; // holds nothing
  // `folder` (created where it is missing) is for the file.
  RowStore(uint64_t rowBytes, uint64_t memoryRows, uint64_t fileRows,
           const std::string &folder);
  ~RowStore();
  RowStore(RowStore &&other) noexcept;
  RowStore &operator=(RowStore &&other) noexcept;

  uint64_t rowBytes() const { return bytes; }
  uint64_t memoryRows() const { return inMemory; }
  uint64_t fileRows() const { return inFile; }
  bool holds(uint64_t row) const { return row < inMemory + inFile; }
  // rowBytes() bytes, zeros until written; `row` must be held. Threads may use
  // different rows at the same time.
  uint8_t *row(uint64_t row) const;

  // Why it holds less than it was asked for; empty: it does not.
  const std::string &problem() const { return problemText; }

private:
  void openFile(uint64_t rows, const std::string &folder);

  uint64_t bytes = 0, inMemory = 0, inFile = 0;
  uint8_t *memory = nullptr, *file = nullptr;
  std::string problemText;
};

} // namespace tl::data
