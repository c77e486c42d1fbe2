// How nn.winograd_conv2d is cut before any code is written. Its blocks of 4 x 4
// outputs are the rows of 36 matrix products, one for each point:
//   V[36][blocks][inputs] x U[36][inputs][outputs] = M[36][blocks][outputs]
// A tile makes V of some blocks, the products for some outputs, and the results
// from M; V and M are scratch.
#pragma once

#include "compiler/Conversion/KernelsToCPU/Isa.h"

namespace tl::cpu {

struct WinogradShape {
  int64_t height, width; ///< of the map, without what pooling leaves out
  int64_t inputs, outputs;
};

struct WinogradPlan {
  WinogradPlan(const WinogradShape &shape, const Isa &isa);

  int64_t blockRows, blockColumns; ///< that cover a picture's map
  /// Blocks of a group of `pictures` pictures, counted through, are cut into
  /// `blockParts` parts of `blocks`, and outputs into equal parts.
  int64_t pictures = 1, blocks, blockParts;
  int64_t outputs, outputParts = 1;
  int64_t microRows;

  /// Blocks of one picture.
  int64_t map() const { return blockRows * blockColumns; }
  int64_t tiles() const { return blockParts * outputParts; }
  /// Elements from one block to the next and from one point to the next, in V
  /// and in M: not multiples of a page, which would all want the same few
  /// places of the first-level cache.
  int64_t vRow, vPlane, mRow, mPlane;
  int64_t scratchBytes() const;
};

} // namespace tl::cpu
