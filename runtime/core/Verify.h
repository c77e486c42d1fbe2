// What is checked before one byte of a model.bin is used. A file that passes
// cannot make the runtime read or write outside its own memory, whatever it
// says, as long as its machine code does what its contract says.
//
//   header      magic, version, checksum, the file's size
//   metadata    place, size, checksum, the flatbuffers verifier
//   strings     valid UTF-8, names without control characters
//   segments    alignment, bounds, no overlap, checksums; zeros between them
//   tensors     shape products, form sizes, place in the segment, alignment,
//               no two parameters overlap, roles, initialisers
//   kernels     entry points, tile counts, scratch, the contract's checksum
//   entries     buffers in the arena, calls' arguments against what the kernel
//               demands, written tensors, ports, the arena's size
//   frontiers   what phases and prediction start from is extracted
//   recipe      class counts, phases, preprocessing, every number in its range
#pragma once

#include "runtime/schema/model_generated.h"

#include <cstdint>

namespace tl {

// Throws Failure: BAD_FILE, UNSUPPORTED (another version), OUT_OF_MEMORY (it
// asks for more than `memoryLimit` bytes).
const schema::Model *verifyContainer(const uint8_t *data, uint64_t bytes,
                                     uint64_t memoryLimit);

// The part about kernels and entries; the rest has been checked.
void verifyProgram(const schema::Model &model, uint64_t memoryLimit);

// The part of that about what crosses between entries.
void verifyFrontiers(const schema::Model &model);

} // namespace tl
