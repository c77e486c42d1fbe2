// Rows of floats on the disk that outlive the run: the features of pictures,
// by a key that names everything they were computed from. A convenience that
// may fail at any time without the run failing: whatever is missing, damaged,
// of another size, or not writable is computed again.
//
// Rows lie in packs, one file for each (context, part of a run), which appear
// under their name only when complete; so processes that share a folder see
// whole packs of each other or none, and a killed one leaves nothing but a
// temporary file that is cleaned up later. Packs that were not used for
// longest are removed first when the folder outgrows its limit.
//
// The alternative, a file for each row, costs three system calls a picture and
// a folder of thousands of names. A pack that a power failure left incomplete
// is refused by its checksums.
#pragma once

#include "runtime/data/File.h"
#include "runtime/data/Hash.h"

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace tl::data {

inline constexpr uint64_t kDefaultCacheBytes = uint64_t(8) << 30;

struct FeatureCacheOptions {
  std::string folder; // created with its parents where it is missing
  Hash128 context;    // of all that features depend on but the picture
  uint64_t rowFloats = 0;
  uint64_t maxBytes = kDefaultCacheBytes;  // of all packs in the folder
  uint64_t packBytes = uint64_t(64) << 20; // a pack is finished at this size
};

class FeatureCache {
public:
  // Reads the indices of the packs of this context.
  explicit FeatureCache(FeatureCacheOptions options);
  ~FeatureCache();
  FeatureCache(const FeatureCache &) = delete;
  FeatureCache &operator=(const FeatureCache &) = delete;

  // row[rowFloats]. False: not there, or not what was written. Threads may
  // read at the same time; rows written by this object are not seen.
  bool read(const Hash128 &picture, float *row) const;

  // Rows of this context that were there when it was opened.
  uint64_t rowCount() const { return rows.size(); }

  // Puts a row aside for the next pack.
  void write(const Hash128 &picture, const float *row);

  // Finishes the pack and removes the oldest ones beyond the limit. Rows
  // written since the last finished pack are lost without it.
  void commit();

  // Why rows are not being kept, for a note to the user; empty: they are.
  const std::string &problem() const { return problemText; }

private:
  struct Entry;
  struct Pack;
  struct Place {
    const Pack *pack;
    uint64_t offset;
    uint64_t checksum;
  };

  void openPacks();
  void openPack(const std::string &path);
  void startPack();
  Status finishPack();
  void giveUp(std::string why);
  void evict() const;

  const FeatureCacheOptions options;
  std::vector<std::unique_ptr<Pack>> packs;
  std::map<Hash128, Place> rows;
  std::optional<AtomicFile> writing;
  std::vector<Entry> written; // of the pack being written
  std::vector<std::string> own;
  std::string problemText;
};

} // namespace tl::data
