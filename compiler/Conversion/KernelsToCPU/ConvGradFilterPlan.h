// How the gradient of a filter is computed: what shapes and the ISA decide
// before any code is written.
#pragma once

#include "compiler/Conversion/KernelsToCPU/ConvParts.h"
#include "runtime/schema/WeightForm.h"
#include "llvm/Support/MathExtras.h"

namespace tl::cpu {

/// Blocks of rows of dw that follow each other: `count` blocks of `height`
/// rows, from block `first` and row `row` of those that share a tap.
struct RowBlocks {
  int64_t first, count, height, row;
  llvm::SmallVector<int64_t> x; ///< where each row of the first block reads x
};

/// Both sizes of a block of the sum: some pictures, or some rows of one.
struct SumBlock {
  int64_t pictures, rows;
};

/// The gradient of a filter as its loops see it.
struct GradFilter {
  PixelGrid x, dy; ///< x at the first tap of the first pixel
  Value dw;
  int64_t groups, inputs, outputs;            ///< channels of one group
  int64_t height, width;                      ///< of dy
  int64_t kernelH, kernelW, tapRow, tapPixel; ///< x from tap to tap
  int64_t strideH, strideW, dilationH, dilationW;

  int64_t rowStep() const {
    return groups == 1 ? schema::kPanelWidth : groups * outputs;
  }
  int64_t panel() const {
    return kernelH * kernelW * inputs * schema::kPanelWidth;
  }
};

/// How the kernel goes about it.
struct GradFilterPlan {
  llvm::SmallVector<RowBlocks> rows;
  int64_t rowBlocks = 0, tapsH, tapsW; ///< taps that each row block visits
  SumBlock block;
  int64_t columnGroups;                ///< of one group of the convolution
  int64_t columnsPerTile, rowsPerTile; ///< groups of columns, blocks of rows
  bool packX, packDy;
  int64_t xHeight, xWidth, xPixel; ///< of packed x: pixels, elements of one
  int64_t xStepH, xStepW;          ///< pixels of x between packed ones

  int64_t columnTiles() const {
    return llvm::divideCeil(columnGroups, columnsPerTile);
  }
  int64_t rowTiles() const { return llvm::divideCeil(rowBlocks, rowsPerTile); }
};

GradFilterPlan makePlan(const GradFilter &g, const Isa &isa);

} // namespace tl::cpu
