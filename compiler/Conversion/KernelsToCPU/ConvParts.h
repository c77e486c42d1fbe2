// Convolutions as their loops see them: sums over taps and input channels, at
// every pixel of a grid. A forward convolution is one such part. The gradient
// of its input is one part for each residue of a pixel's row and column by the
// strides: the pixels of a residue see the same taps, and neighbours among them
// see neighbouring pixels of dy.
#pragma once

#include "compiler/Conversion/KernelsToCPU/KernelBuilder.h"

namespace tl::cpu {

/// The pixels of a value: elements from the pointer to the first one, and from
/// one picture, row and pixel to the next.
struct PixelGrid {
  Value pointer;
  int64_t start = 0, picture = 0, row = 0, pixel = 0;
};

/// The grid of `buffer` from pixel (h, w), every `stepH`-th row and
/// `stepW`-th column. Without a pointer where the buffer has none.
PixelGrid pixelGrid(const Buffer &buffer, int64_t h = 0, int64_t w = 0,
                    int64_t stepH = 1, int64_t stepW = 1);

/// Taps along one dimension: the first tap, how many, and from one to the next
/// the taps of the filter and the elements of the input.
struct Taps {
  int64_t first = 0, count = 0, step = 1, xStep = 0;
};

struct ConvPart {
  PixelGrid x; ///< at the first tap of the first pixel
  PixelGrid y, residual;
  Value weights, bias;
  nn::ActivationAttr activation;
  int64_t height, width; ///< pixels of the part
  int64_t groups;
  int64_t inChannels, outChannels;   ///< of one group
  int64_t filterHeight, filterWidth; ///< of the whole filter
  Taps tapRows, tapColumns;          ///< a count of 0: the sum is empty

  bool hasTaps() const { return tapRows.count && tapColumns.count; }
  int64_t taps() const { return tapRows.count * tapColumns.count; }
  /// The first tap in the filter, counted in taps.
  int64_t firstTap() const {
    return tapRows.first * filterWidth + tapColumns.first;
  }
  int64_t work() const { return height * width * taps(); }
};

/// Each emits the parts of one result, which agree in all but their place and
/// their taps, and zeroes the halo of `result`. The filter lies in panels where
/// there is one group, else in canonical form.
Grid emitConvParts(KernelBuilder &b, llvm::ArrayRef<ConvPart> parts,
                   const Buffer &result);
/// One filter a channel, in canonical form.
Grid emitDepthwiseParts(KernelBuilder &b, llvm::ArrayRef<ConvPart> parts,
                        const Buffer &result);

/// Whichever of the two fits; fails if the filter does not have the form that
/// this one needs.
llvm::FailureOr<Grid> emitParts(KernelBuilder &b, mlir::Operation *op,
                                Value filter, llvm::ArrayRef<ConvPart> parts,
                                const Buffer &result);

/// Fails if the halo of `buffer` does not hold the zeros that `op` reaches.
mlir::LogicalResult checkHalo(mlir::Operation *op, const Buffer &buffer,
                              nn::HaloSizes needed);

} // namespace tl::cpu
