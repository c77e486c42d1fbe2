// Small questions about entries and ports that the checks and the executor ask
// alike.
#pragma once

#include "runtime/schema/model_generated.h"

#include <cstdint>
#include <set>
#include <string_view>

namespace tl {

// Bytes that a batch of n pictures needs in the arena.
inline uint64_t arenaBytes(const schema::Entry &entry, uint64_t n) {
  return entry.arena_fixed() + n * entry.arena_per_picture();
}

// each(index of a derived value) for every argument that is one.
template <typename Each>
void forEachDerived(const schema::Entry &entry, Each each) {
  for (uint32_t c = 0; entry.calls() && c < entry.calls()->size(); ++c)
    for (const schema::ArgRef *ref : *entry.calls()->Get(c)->args())
      if (ref->kind() == schema::ArgKind::derived)
        each(ref->index());
}

// Of the derived values that an entry reads, each counted once.
inline uint64_t derivedBytes(const schema::Model &model,
                             const schema::Entry &entry) {
  std::set<uint32_t> read;
  forEachDerived(entry, [&](uint32_t index) { read.insert(index); });
  uint64_t bytes = 0;
  for (uint32_t index : read)
    bytes += model.derived()->Get(index)->bytes();
  return bytes;
}

// Elements a picture, without the halo.
inline uint64_t portCount(const schema::Port &port) {
  uint64_t count = 1;
  for (int64_t extent : *port.shape())
    count *= uint64_t(extent);
  return count;
}

// The name of a value that an extraction gives.
inline bool isFeature(std::string_view name) {
  return name == "features" || name.substr(0, 8) == "frontier";
}

// The name of a value of a frontier: extracted, or the picture itself.
inline bool crosses(std::string_view name) {
  return isFeature(name) || name == "pixels";
}

inline const schema::Port *
findPort(const flatbuffers::Vector<flatbuffers::Offset<schema::Port>> *ports,
         std::string_view name) {
  if (ports)
    for (const schema::Port *port : *ports)
      if (port->name()->string_view() == name)
        return port;
  return nullptr;
}

// The last call that writes `buffer`, or -1.
inline int64_t lastWriter(const schema::Model &model,
                          const schema::Entry &entry, uint32_t buffer) {
  int64_t last = -1;
  for (uint32_t c = 0; entry.calls() && c < entry.calls()->size(); ++c) {
    const schema::Call &call = *entry.calls()->Get(c);
    const auto &demands = *model.kernels()->Get(call.kernel())->args();
    for (uint32_t a = 0; a < call.args()->size(); ++a) {
      const schema::ArgRef &ref = *call.args()->Get(a);
      if (ref.kind() == schema::ArgKind::buffer && ref.index() == buffer &&
          demands.Get(a)->written())
        last = c;
    }
  }
  return last;
}

} // namespace tl
