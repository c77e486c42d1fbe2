// How kernels that do little work an element are cut into tiles: several whole
// pictures while they are small, parts of one picture when they are large. A
// tile is worth starting (a few microseconds) and a batch gives every thread
// some. Where the cuts fall changes no element.
#pragma once

#include "compiler/Conversion/KernelsToCPU/KernelBuilder.h"

namespace tl::cpu {

/// A picture's value as rows of places of channels: `[N, H, W, C]` has H rows
/// of W places, every other shape one row. Rows lie in one piece in memory.
struct RowShape {
  explicit RowShape(const Buffer &buffer);
  int64_t rows, places, channels;
  int64_t rowElements() const { return places * channels; }
};

/// About 20 microseconds of copying, or less of computing.
inline constexpr int64_t kTileElements = 16384;

class PictureTiles {
public:
  /// A picture is `units` units of work on `unitElements` elements each.
  PictureTiles(int64_t units, int64_t unitElements,
               int64_t tileElements = kTileElements);

  using Body = llvm::function_ref<void(Value picture, Value begin, Value end)>;
  /// Calls `body` for the units [begin, end) of each picture of this tile.
  void forEach(KernelBuilder &b, Body body) const;
  Grid grid() const { return {0, pictures_, blocks_, 0}; }

private:
  int64_t units_, unitsPerTile_, blocks_, pictures_;
};

/// Vectors that one round of a loop over channels works on: the offset of each
/// and its lanes.
struct Piece {
  int64_t offset, lanes;
};

using BlockBody =
    llvm::function_ref<void(Value first, llvm::ArrayRef<Piece> pieces)>;

/// body(first, pieces): rounds of `vectors` whole vectors over [0, count), then
/// one with the rest. Loops inside `body` then cost a quarter.
void forEachBlock(KernelBuilder &b, int64_t count, BlockBody body,
                  int64_t vectors = 4);

/// Tiles that are blocks of channels, so that no two share a sum over
/// pictures: body(first, pieces) for all channels of this tile.
Grid forEachChannelBlock(KernelBuilder &b, int64_t channels, int64_t block,
                         BlockBody body, int64_t vectors = 4);

/// body(row of each buffer, elements in a row) for every row of this tile;
/// zeroes the halo of `out`, which comes first. Gives the grid.
Grid forEachRow(KernelBuilder &b, const Buffer &out,
                llvm::ArrayRef<Buffer> inputs,
                llvm::function_ref<void(Value to, llvm::ArrayRef<Value> from,
                                        int64_t elements)>
                    body);

/// Places of the whole batch: pictures x rows x places.
Value countPlaces(KernelBuilder &b, const Buffer &buffer);
/// Where place `index`, counted through the whole batch, lies.
Value placeAt(KernelBuilder &b, const Buffer &buffer, Value index);

/// body(to, from) for each place of this tile: `channels` elements in one
/// piece. Where nothing has a halo a picture is cut at any place, else at
/// rows; zeroes the halo of `out`. Gives the grid.
Grid forEachPlace(
    KernelBuilder &b, const Buffer &out, llvm::ArrayRef<Buffer> inputs,
    llvm::function_ref<void(Value to, llvm::ArrayRef<Value> from)> body);

/// `count` elements from one place to another that do not overlap.
void copy(KernelBuilder &b, Value from, Value to, int64_t count);

/// The sum of `term(index, lanes)` over [0, count), an f32: whole vectors
/// first, then what is left, in an order that `count` and the ISA fix.
Value sumOver(KernelBuilder &b, int64_t count,
              llvm::function_ref<Value(Value index, int64_t lanes)> term);

/// The largest element, an f32; a NaN may go unseen.
Value maximumOf(KernelBuilder &b, Value pointer, int64_t count);

} // namespace tl::cpu
