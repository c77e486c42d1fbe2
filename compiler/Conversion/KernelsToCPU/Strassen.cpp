// Winograd's form of Strassen's algorithm (D. E. Knuth, The Art of Computer
// Programming, vol. 2, section 4.6.4), one level, cut as in StrassenPlan.h:
//
//   S1 = A21 + A22   S2 = S1 - A11     S3 = A11 - A21    S4 = A12 - S2
//   T1 = B12 - B11   T2 = B22 - T1     T3 = B22 - B12    T4 = B21 - T2
//   U1 = A11 B11     U2 = U1 + S2 T2   U3 = U2 + S3 T3
//   C11 = U1 + A12 B21     C12 = U2 + S1 T1 + S4 B22
//   C21 = U3 + A22 T4      C22 = U3 + S1 T1
//
// As in "Strassen's Algorithm Reloaded" (Huang et al. 2016) no quarter of the
// result is ever a matrix of its own: four blocks of sums are made together,
// and what they share stays in registers or the first-level cache. A tile makes
// S once for all its columns and T once for all its rows.
#include "compiler/Conversion/KernelsToCPU/Strassen.h"

#include "compiler/Conversion/KernelsToCPU/MicroTile.h"
#include "compiler/Conversion/KernelsToCPU/RowBlocks.h"
#include "compiler/Conversion/KernelsToCPU/StrassenPlan.h"
#include "compiler/Conversion/KernelsToCPU/VectorMath.h"
#include "runtime/schema/WeightForm.h"
#include "llvm/Support/MathExtras.h"

namespace tl::cpu {

using schema::kPanelWidth;

/// Blocks of results in scratch: U1 to U3, and one for what is at hand.
enum KeptBlock { kU1, kU2, kU3, kSpare, kKeptBlocks };

namespace {
struct Strassen {
  const StrassenProduct &product;
  StrassenPlan plan;
  /// Scratch: S of each picture, T, the blocks kept, zeros for want of a bias.
  Value s = {}, t = {}, kept = {}, zeros = {};
  Value chunk = {}; ///< at hand

  int64_t inputs() const { return product.shape.inputs; }
  int64_t outputs() const { return product.shape.outputs; }
  /// Elements of a panel, and from a group of columns to its partner.
  int64_t panel() const { return inputs() * kPanelWidth; }
  int64_t right() const { return outputs() / 2 / kPanelWidth * panel(); }
};

/// What blocks are made of: one picture's rows (x at the chunk) with their
/// sums, and a group of columns (w at the chunk).
struct Place {
  Value x = {}, s = {}, w = {}, bias = {}, y = {};
};

/// Rows of a quarter of A, or of a sum of quarters; a group of columns of B.
struct Rows {
  Value first;
  int64_t step;
};
struct Panels {
  Value first;
  int64_t step;
};

/// `height` rows, from `row` on, of one group of columns in each quarter.
class Block {
public:
  Block(KernelBuilder &b, const Strassen &c, const Place &place, Value row,
        int64_t height)
      : b_(b), c_(c), place_(place), row_(row), height_(height) {}

  void emit() const;

private:
  // Quarter (i, j), or sum i of quarters.
  Rows a(int64_t i, int64_t j) const;
  Rows s(int64_t i) const;
  Panels w(int64_t i, int64_t j) const;
  Panels t(int64_t i) const;

  /// sums + a w.
  Values add(const Values &sums, const Rows &a, const Panels &w) const;

  Value kept(KeptBlock block, int64_t vector = 0) const;
  Values load(KeptBlock block) const;
  void keep(const Values &sums, KeptBlock block) const;
  Values plus(const Values &sums, const Values &others) const;

  /// Adds bias or earlier chunks, and writes quarter (i, j) of the result.
  void finish(const Values &sums, int64_t i, int64_t j) const;
  void finishRow(llvm::ArrayRef<Value> sums, Value row, int64_t j,
                 nn::ActivationAttr activation) const;

  int64_t vectors() const { return b_.isa().vectors(); }
  int64_t alignment() const { return b_.lanes() * int64_t(sizeof(float)); }

  KernelBuilder &b_;
  const Strassen &c_;
  const Place &place_;
  Value row_;
  int64_t height_;
};
} // namespace

Rows Block::a(int64_t i, int64_t j) const {
  Value first = b_.at(place_.x, b_.mul(row_, c_.inputs()));
  return {b_.at(first, i * c_.plan.lower * c_.inputs() + j * c_.plan.depth),
          c_.inputs()};
}

Rows Block::s(int64_t i) const {
  Value first = b_.at(place_.s, b_.mul(row_, c_.plan.rowStep));
  return {b_.at(first, (i - 1) * c_.plan.rowQuarter), c_.plan.rowStep};
}

Panels Block::w(int64_t i, int64_t j) const {
  int64_t offset = i * c_.plan.depth * kPanelWidth + j * c_.right();
  return {b_.at(place_.w, offset), c_.panel()};
}

Panels Block::t(int64_t i) const {
  return {b_.at(c_.t, (i - 1) * c_.plan.panelQuarter), c_.plan.panel};
}

Values Block::add(const Values &sums, const Rows &a, const Panels &w) const {
  MicroTile tile(b_, height_, a.step,
                 panelColumns(b_.isa(), b_.isa().columns, w.step),
                 /*maskWeights=*/false, alignment());
  return tile.add(sums, a.first, w.first, {{c_.plan.depth, 1, kPanelWidth}});
}

Value Block::kept(KeptBlock block, int64_t vector) const {
  return b_.at(c_.kept, block * c_.plan.block + vector * b_.lanes());
}

Values Block::load(KeptBlock block) const {
  Values sums;
  for (int64_t i = 0; i < height_ * vectors(); ++i)
    sums.push_back(b_.load(kept(block, i), b_.lanes(), alignment()));
  return sums;
}

void Block::keep(const Values &sums, KeptBlock block) const {
  for (auto [i, sum] : llvm::enumerate(sums))
    b_.store(sum, kept(block, i), alignment());
}

Values Block::plus(const Values &sums, const Values &others) const {
  Values all;
  for (auto [sum, other] : llvm::zip_equal(sums, others))
    all.push_back(b_.addF(sum, other));
  return all;
}

void Block::finishRow(llvm::ArrayRef<Value> sums, Value row, int64_t j,
                      nn::ActivationAttr activation) const {
  Value from =
      place_.bias ? b_.at(place_.bias, j * (c_.outputs() / 2)) : c_.zeros;
  if (c_.plan.chunks > 1)
    from = b_.select(b_.equal(c_.chunk, 0), from, row);
  for (auto [v, sum] : llvm::enumerate(sums)) {
    Value start = b_.load(b_.at(from, v * b_.lanes()), b_.lanes());
    b_.store(activate(b_, activation, b_.addF(sum, start)),
             b_.at(row, v * b_.lanes()));
  }
}

// Of a middle row that is in both halves the lower result is dropped. An
// activation is a loop of its own: written out for every vector of every
// quarter, gelu's code alone would fill the instruction cache.
void Block::finish(const Values &sums, int64_t i, int64_t j) const {
  bool twice = i == 1 && c_.plan.lower < c_.plan.half;
  Value first = b_.equal(row_, 0);
  Value to = b_.at(b_.at(place_.y, b_.mul(row_, c_.outputs())),
                   i * c_.plan.lower * c_.outputs() + j * (c_.outputs() / 2));
  auto plain = [&] {
    for (int64_t r = 0; r < height_; ++r) {
      Value row = b_.at(to, r * c_.outputs());
      if (twice && r == 0)
        row = b_.select(first, kept(kSpare), row);
      finishRow(llvm::ArrayRef(sums).slice(r * vectors(), vectors()), row, j,
                nullptr);
    }
  };
  auto activated = [&] {
    keep(sums, kSpare);
    Value begin = b_.constant(0);
    if (twice)
      begin = b_.select(first, b_.constant(1), begin);
    b_.loop(begin, b_.constant(height_), 1, [&](Value r) {
      Value from = b_.at(kept(kSpare), b_.mul(r, b_.isa().columns));
      Values row;
      for (int64_t v = 0; v < vectors(); ++v)
        row.push_back(
            b_.load(b_.at(from, v * b_.lanes()), b_.lanes(), alignment()));
      finishRow(row, b_.at(to, b_.mul(r, c_.outputs())), j,
                c_.product.activation);
    });
  };
  if (!c_.product.activation)
    plain();
  else if (c_.plan.chunks == 1)
    activated();
  else
    b_.when(b_.equal(c_.chunk, c_.plan.chunks - 1), activated, plain);
}

void Block::emit() const {
  Values none(height_ * vectors(), b_.splat(0, b_.lanes()));
  Values sums = add(none, a(0, 0), w(0, 0));
  keep(sums, kU1);
  sums = add(sums, s(2), t(2));
  keep(sums, kU2);
  sums = add(sums, s(3), t(3));
  keep(sums, kU3);
  finish(add(sums, a(1, 1), t(4)), 1, 0);
  sums = add(none, s(1), t(1));
  finish(plus(sums, load(kU3)), 1, 1);
  finish(add(plus(sums, load(kU2)), s(4), w(1, 1)), 0, 1);
  finish(add(load(kU1), a(0, 1), w(1, 0)), 0, 0);
}

/// S1 to S4 of one picture.
static void sumRows(KernelBuilder &b, const Strassen &c, const Place &place) {
  const StrassenPlan &plan = c.plan;
  b.loop(0, plan.half, 1, [&](Value row) {
    Value upper = b.at(place.x, b.mul(row, c.inputs()));
    Value lower = b.at(upper, plan.lower * c.inputs());
    Value to = b.at(place.s, b.mul(row, plan.rowStep));
    b.loop(0, plan.depth, b.lanes(), [&](Value k) {
      auto load = [&](Value row, int64_t j) {
        return b.load(b.at(b.at(row, k), j * plan.depth), b.lanes());
      };
      Value a11 = load(upper, 0), a12 = load(upper, 1);
      Value a21 = load(lower, 0), a22 = load(lower, 1);
      Value s1 = b.addF(a21, a22), s2 = b.subF(s1, a11);
      Values sums = {s1, s2, b.subF(a11, a21), b.subF(a12, s2)};
      for (auto [i, sum] : llvm::enumerate(sums))
        b.store(sum, b.at(b.at(to, k), i * plan.rowQuarter), b.lanes() * 4);
    });
  });
}

/// T1 to T4 of one pair of groups of columns.
static void sumPanels(KernelBuilder &b, const Strassen &c, Value w) {
  const StrassenPlan &plan = c.plan;
  int64_t alignment = b.lanes() * 4, below = plan.depth * kPanelWidth;
  for (int64_t column = 0; column < b.isa().columns; column += b.lanes()) {
    int64_t panel = column / kPanelWidth, inside = column % kPanelWidth;
    Value left = b.at(w, panel * c.panel() + inside);
    Value right = b.at(left, c.right());
    Value to = b.at(c.t, panel * plan.panel + inside);
    b.loop(0, below, kPanelWidth, [&](Value k) {
      auto load = [&](Value half, int64_t offset) {
        return b.load(b.at(b.at(half, k), offset), b.lanes(), alignment);
      };
      Value b11 = load(left, 0), b12 = load(right, 0);
      Value b21 = load(left, below), b22 = load(right, below);
      Value t1 = b.subF(b12, b11), t2 = b.subF(b22, t1);
      Values sums = {t1, t2, b.subF(b22, b12), b.subF(b21, t2)};
      for (auto [i, sum] : llvm::enumerate(sums))
        b.store(sum, b.at(b.at(to, k), i * plan.panelQuarter), alignment);
    });
  }
}

namespace {
/// What this call's tile covers.
struct Share {
  Value firstPicture, pictures, firstGroup, lastGroup;
};
} // namespace

static Share findShare(KernelBuilder &b, const StrassenPlan &plan) {
  Value firstPicture = b.mul(b.div(b.tile(), plan.parts), plan.pictures);
  Value groups =
      b.select(b.less(b.batch(), b.constant(plan.pictures + 1)),
               b.constant(plan.groupsOfOne), b.constant(plan.groupsOfMore));
  Value firstGroup = b.mul(b.rem(b.tile(), plan.parts), groups);
  return {firstPicture,
          b.min(b.constant(plan.pictures), b.sub(b.batch(), firstPicture)),
          firstGroup,
          b.min(b.add(firstGroup, groups), b.constant(plan.groups))};
}

/// Everything of this tile for one chunk of k, which starts at `input`.
static void emitChunk(KernelBuilder &b, const Strassen &c, const Share &share,
                      Value input) {
  const StrassenProduct &p = c.product;
  auto forEachPicture = [&](llvm::function_ref<void(Place)> body) {
    b.loop(b.constant(0), share.pictures, 1, [&](Value i) {
      Value picture = b.add(share.firstPicture, i);
      Place place;
      place.x =
          b.at(b.at(p.x, b.mul(picture, p.shape.rows * c.inputs())), input);
      place.y = b.at(p.y, b.mul(picture, p.shape.rows * c.outputs()));
      place.s = b.at(c.s, b.mul(i, 4 * c.plan.rowQuarter));
      body(place);
    });
  };
  forEachPicture([&](const Place &place) { sumRows(b, c, place); });
  EvenBlocks blocks(c.plan.half, b.isa().rows);
  b.loop(share.firstGroup, share.lastGroup, 1, [&](Value group) {
    Value column = b.mul(group, b.isa().columns);
    Value w = b.at(b.at(p.weights, b.mul(column, c.inputs())),
                   b.mul(input, kPanelWidth));
    sumPanels(b, c, w);
    forEachPicture([&](Place place) {
      place.w = w;
      place.y = b.at(place.y, column);
      place.bias = p.bias ? b.at(p.bias, column) : Value();
      blocks.forEach(b, b.constant(0), b.constant(blocks.count()),
                     [&](Value row, int64_t height) {
                       Block(b, c, place, row, height).emit();
                     });
    });
  });
}

Grid emitStrassen(KernelBuilder &b, const StrassenProduct &product) {
  Strassen c{product, StrassenPlan(product.shape, b.isa())};
  const StrassenPlan &plan = c.plan;
  b.describe("a matrix product by Strassen, 7 products of quarters");
  b.setProducts(plan.products);
  int64_t scratch = 0;
  auto take = [&](int64_t elements) {
    return b.at(b.scratch(), std::exchange(scratch, scratch + elements));
  };
  c.t = take(4 * plan.panelQuarter);
  c.kept = take(kKeptBlocks * plan.block);
  c.zeros = take(b.isa().columns);
  c.s = take(plan.pictures * 4 * plan.rowQuarter);
  b.zero(c.zeros, b.isa().columns);
  Share share = findShare(b, plan);
  b.when(b.less(share.firstGroup, share.lastGroup), [&] {
    b.loop(0, plan.chunks, 1, [&](Value chunk) {
      c.chunk = chunk;
      emitChunk(b, c, share, b.mul(chunk, 2 * plan.depth));
    });
  });
  return Grid{0, plan.pictures, plan.parts,
              int64_t(llvm::alignTo(scratch * sizeof(float), 64))};
}

} // namespace tl::cpu
