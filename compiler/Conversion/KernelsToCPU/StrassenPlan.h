// How a product of matrices is cut for one level of Strassen's algorithm,
// before any code is written. Rows, k and columns are halved, which leaves
// quarters
//   A11 A12     B11 B12     C11 C12
//   A21 A22  x  B21 B22  =  C21 C22
// and takes 7 products of sums of quarters instead of 8 of quarters. The halves
// are those of one picture's rows, of a chunk of k and of all columns: the same
// for every batch and instruction set, for they decide a result's bits.
#pragma once

#include "compiler/Conversion/KernelsToCPU/Isa.h"

namespace tl::cpu {

struct StrassenShape {
  int64_t rows; ///< of one picture
  int64_t inputs, outputs;
};

struct StrassenPlan {
  /// Whether the halves exist, for vectors of every instruction set must divide
  /// those of k, and groups of columns those of the outputs; and whether the
  /// sums of a picture's rows stay in the caches.
  static bool fits(const StrassenShape &shape);

  /// The shape must fit.
  StrassenPlan(const StrassenShape &shape, const Isa &isa);

  /// Rows of a quarter, and the first one of the lower quarters: of an odd
  /// number of rows the middle one is in both halves.
  int64_t half, lower;
  /// k is cut into chunks of 2 x `depth`, added up one after the other, so that
  /// the sums of a chunk stay in the nearer caches.
  int64_t chunks, depth;
  /// Groups of the micro-tile's columns in a half. A tile of the grid computes
  /// some of them, each with its partner in the other half, for up to
  /// `pictures` pictures, which share the sums of panels.
  int64_t groups, pictures;
  /// How many groups: fewer where the batch has one row of pictures, so that
  /// threads have tiles to share. `parts` tiles are enough for either; with
  /// more rows the last ones have nothing to do.
  int64_t groupsOfOne, groupsOfMore, parts;
  /// Multiply-adds that are done for each of the plain product.
  double products;

  /// Elements of scratch: from a row of sums to the next, a quarter of rows, a
  /// panel of sums, the panels of a group of columns, a block of results.
  int64_t rowStep, rowQuarter, panel, panelQuarter, block;
};

} // namespace tl::cpu
