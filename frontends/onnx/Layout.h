// How the dimensions of an ONNX value lie in one of our layers' results.
//
// ONNX's pictures are [N, C, H, W], ours [N, H, W, C]; its tokens are [N, T, C]
// here and [N, C, T] there, its attention [N, heads, T, C / heads]. Nothing of
// that moves data: each is another way to name the same numbers. So a value is
// a list of atoms in the order of memory, the batch first, and each of its ONNX
// dimensions a product of atoms. (Where the file fixes a batch of 1, the
// network is a function of one picture, and no dimension holds the batch.) A
// transposition permutes the dimensions, a reshape regroups (and splits) atoms,
// and both are free. An operation then asks for the layout that it needs and is
// refused where the value has another.
#pragma once

#include "frontends/onnx/Constant.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLFunctionalExtras.h"

#include <array>

namespace tl::onnx {

class Layout {
public:
  /// Each dimension an atom, in memory as they stand.
  static Layout plain(const Extents &shape);
  /// [N, C, H, W] whose memory is [N, H, W, C].
  static Layout picture(int64_t batch, int64_t channels, int64_t height,
                        int64_t width);

  size_t rank() const { return dims.size(); }
  int64_t extent(size_t dim) const;
  Extents shape() const;
  /// Elements of one picture.
  int64_t perPicture() const;
  /// True where the first dimension is the batch alone.
  bool batchFirst() const {
    return !dims.empty() &&
           dims[0] == std::vector<int>(sizes[0] == 1 ? 0 : 1, 0);
  }
  bool operator==(const Layout &other) const = default;

  /// Nothing where the values would have to move.
  std::optional<Layout> reshaped(const Extents &shape) const;
  Layout transposed(const std::vector<size_t> &order) const;

  /// Height, width and channels where this is a picture as ours.
  std::optional<std::array<int64_t, 3>> asPicture() const;
  /// True where the dimension is the innermost part of memory, in any order of
  /// its atoms; `inOrder`: in its own.
  bool isInnermost(size_t dim, bool inOrder) const;
  /// The same with the (innermost) dimension replaced by one of another extent.
  Layout withInnermost(size_t dim, int64_t extent) const;
  /// Where a dimension of one atom (or of neighbours in order) lies: how many
  /// elements of a picture are outside and inside of it.
  struct Place {
    int64_t outside, extent, inside;
  };
  std::optional<Place> place(size_t dim) const;
  /// The same with the dimension that `place` found cut to another extent.
  Layout resized(size_t dim, int64_t extent) const;
  /// With the dimensions reduced to 1: nothing unless they hold all the
  /// outer atoms of a picture (then the rest is what lies inside).
  std::optional<Layout> reduced(const std::vector<bool> &dims) const;
  Layout dropped(const std::vector<bool> &dims) const;
  Layout inserted(const std::vector<size_t> &places) const;

  /// For each element of a picture in the order of memory, or of its innermost
  /// `period` alone, its index along each dimension but the batch (which must
  /// be the first one).
  void
  forEach(int64_t period,
          llvm::function_ref<void(int64_t, llvm::ArrayRef<int64_t>)>) const;
  /// The innermost elements of memory that the dimensions of a mask vary over,
  /// as a count; a value that is constant over the others repeats so.
  int64_t period(const std::vector<bool> &varies) const;

  const std::vector<std::vector<int>> &dimensions() const { return dims; }
  const Extents &atoms() const { return sizes; }

private:
  /// Drops atoms of extent 1 and joins neighbours, so that equal layouts
  /// compare equal. `memory`: the atoms from outermost to innermost.
  void canonicalize(std::vector<int> memory);

  Extents sizes; // of the atoms, outermost first; atom 0 is the batch
  std::vector<std::vector<int>> dims;
};

} // namespace tl::onnx
