// What the two processes of the .h5 reader say to each other. The child answers
// with messages: a header, then so many bytes. First comes the table; then, for
// each request (a tensor's number), the tensor's values as float32 in as many
// Data messages as it takes. Any of them may be an Error instead, whose bytes
// are text. The parent believes nothing: lengths are capped, names and shapes
// checked again (Hdf5Source.cpp).
//
// The table, packed, integers little-endian, a text being a uint32 and its
// bytes:
//   uint8 layout, uint32 count, then for each tensor
//   text path, uint8 ElementType, uint8 rank, int64 extents[rank],
//   text group, text name
#pragma once

#include "frontends/weights/ChildProcess.h"

#include <cstdint>

namespace tl::weights {

enum class MessageKind : uint32_t { Table = 1, Data = 2, Error = 3 };

struct MessageHeader {
  MessageKind kind;
  uint32_t bytes;
};

// Legacy: `layer_names` and `weight_names`; group is the layer's group, name
// the weight's. Keras3: groups with `vars`; group is the path of the owner of
// the `vars`, name the layer's name where the file has it.
enum class KerasFileLayout : uint8_t { Legacy, Keras3 };

constexpr uint32_t maxTableBytes = 16u << 20;
constexpr uint32_t maxErrorBytes = 4096;
constexpr uint32_t maxDataBytes = 4u << 20;
// libhdf5 holds an open one in 20 KB; this many fit the child's memory.
constexpr uint32_t maxTensors = 10000;

// The child's whole life: opens the file, sends the table, answers requests
// until the parent closes the socket.
void serveHdf5(const ChildLink &link);

} // namespace tl::weights
