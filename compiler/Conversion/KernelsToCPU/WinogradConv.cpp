// nn.winograd_conv2d in three steps (WinogradPlan.h): blocks of inputs to the
// 36 points, products on the micro-tile, and back with bias, residual and
// activation, perhaps to the maxima of 2 x 2 results. Each result is a sum over
// input channels in their order for each point, whichever tile and row of the
// micro-tile it falls in.
#include "compiler/Conversion/KernelsToCPU/ConvParts.h"
#include "compiler/Conversion/KernelsToCPU/Emitters.h"
#include "compiler/Conversion/KernelsToCPU/MicroTile.h"
#include "compiler/Conversion/KernelsToCPU/VectorMath.h"
#include "compiler/Conversion/KernelsToCPU/WinogradPlan.h"
#include "dialects/NN/Reach.h"
#include "dialects/NN/Winograd.h"
#include "runtime/schema/WeightForm.h"

#include <cmath>

namespace tl::cpu {

using namespace nn::winograd;
using schema::kPanelWidth;

namespace {
struct Conv {
  llvm::ArrayRef<int64_t> pads;
  nn::ActivationAttr activation;
  bool pooled;
  Buffer x, u, bias, residual, y;
  WinogradPlan plan;
  Value v = {}, m = {}; ///< scratch
  // This tile's share: its first picture and block (counted over pictures,
  // then rows, then columns), how many blocks, and its first output channel.
  Value firstPicture = {}, firstBlock = {}, blocks = {}, firstOutput = {};

  int64_t inputs() const { return x.channels(); }
};

/// One block of outputs: its place, and its row in V and M.
struct Block {
  Value picture, row, column, index;
};
} // namespace

static void forEachBlock(KernelBuilder &b, const Conv &c,
                         llvm::function_ref<void(const Block &)> body) {
  const WinogradPlan &plan = c.plan;
  b.loop(b.constant(0), c.blocks, 1, [&](Value index) {
    Value block = b.add(c.firstBlock, index);
    Value inside = b.rem(block, plan.map());
    body({b.add(c.firstPicture, b.div(block, plan.map())),
          b.div(inside, plan.blockColumns), b.rem(inside, plan.blockColumns),
          index});
  });
}

/// B^T x. Rows of a pair of points p, -p share the even and the odd part:
///   x4 - q^2 x2 +- p (x3 - q^2 x1),   q the other pair.
static Values multiplyByInputMatrix(KernelBuilder &b, llvm::ArrayRef<Value> x) {
  auto times = [&](double factor, Value value, Value sum) {
    return b.fma(b.number(factor, value), value, sum);
  };
  constexpr double near = kNear * kNear, far = kFar * kFar;
  Values result = {times(near * far, x[0], times(-near - far, x[2], x[4]))};
  for (auto [point, other] : {std::pair(kNear, far), {kFar, near}}) {
    Value even = times(-other, x[2], x[4]), odd = times(-other, x[1], x[3]);
    result.push_back(times(point, odd, even));
    result.push_back(times(-point, odd, even));
  }
  result.push_back(times(near * far, x[1], times(-near - far, x[3], x[5])));
  return result;
}

/// A^T m, where pairs of points again share sums and differences.
static Values multiplyByOutputMatrix(KernelBuilder &b,
                                     llvm::ArrayRef<Value> m) {
  Value nearSum = b.addF(m[1], m[2]), nearDifference = b.subF(m[1], m[2]);
  Value farSum = b.addF(m[3], m[4]), farDifference = b.subF(m[3], m[4]);
  auto combine = [&](int power, Value nearPart, Value farPart, Value start) {
    auto raised = [&](double point) {
      return b.number(std::pow(point, power), nearPart);
    };
    Value sum = start ? b.fma(raised(kNear), nearPart, start)
                      : b.mulF(raised(kNear), nearPart);
    return b.fma(raised(kFar), farPart, sum);
  };
  return {b.addF(b.addF(m[0], nearSum), farSum),
          combine(1, nearDifference, farDifference, nullptr),
          combine(2, nearSum, farSum, nullptr),
          combine(3, nearDifference, farDifference, m[5])};
}

using Transform = Values (*)(KernelBuilder &, llvm::ArrayRef<Value>);

/// `transform` of the columns of a 6 x 6 block, then of the rows of that:
/// element (i, j) of the result at i * its width + j.
static Values transformBlock(KernelBuilder &b, Transform transform,
                             llvm::function_ref<Value(int64_t, int64_t)> load) {
  Values columns[kInputs];
  for (int64_t j = 0; j < kInputs; ++j) {
    Values column;
    for (int64_t i = 0; i < kInputs; ++i)
      column.push_back(load(i, j));
    columns[j] = transform(b, column);
  }
  Values result;
  for (size_t i = 0; i < columns[0].size(); ++i) {
    Values row;
    for (const Values &column : columns)
      row.push_back(column[i]);
    llvm::append_range(result, transform(b, row));
  }
  return result;
}

static void emitInputs(KernelBuilder &b, const Conv &c, const Block &block) {
  Value h = b.mul(block.row, kOutputs), w = b.mul(block.column, kOutputs);
  int64_t before = c.pads[0] * c.x.rowStride() + c.pads[2] * c.x.channels();
  Value from = b.at(c.x.pointer, b.sub(b.pixel(c.x, block.picture, h, w),
                                       b.constant(before)));
  Value to = b.at(c.v, b.mul(block.index, c.plan.vRow));
  b.forEachVector(c.inputs(), [&](Value channel, int64_t lanes) {
    Value start = b.at(from, channel), target = b.at(to, channel);
    Values points =
        transformBlock(b, multiplyByInputMatrix, [&](int64_t i, int64_t j) {
          return b.load(b.at(start, i * c.x.rowStride() + j * c.x.channels()),
                        lanes);
        });
    for (int64_t p = 0; p < kPlanes; ++p)
      b.store(points[p], b.at(target, p * c.plan.vPlane));
  });
}

/// Products for one group of columns; the pointers are to its first column.
/// Rows past the last block hold what scratch held, and are never read.
static void emitProducts(KernelBuilder &b, const Conv &c, Value v, Value u,
                         Value m, int64_t remaining) {
  int64_t rows = c.plan.microRows;
  auto columns =
      panelColumns(b.isa(), remaining, kPlanes * c.inputs() * kPanelWidth);
  b.loop(b.constant(0), c.blocks, rows, [&](Value start) {
    MicroTile tile(b, rows, c.plan.vRow, columns, /*maskWeights=*/false,
                   /*weightAlignment=*/b.lanes() * 4);
    Values sums =
        tile.add(tile.start(nullptr), b.at(v, b.mul(start, c.plan.vRow)), u,
                 {{c.inputs(), 1, kPanelWidth}});
    Value to = b.at(m, b.mul(start, c.plan.mRow));
    tile.finish(sums, [&](int64_t r, const Column &column, Value sum) {
      b.store(sum, b.at(to, r * c.plan.mRow + column.output));
    });
  });
}

static void emitPoints(KernelBuilder &b, const Conv &c) {
  int64_t width = b.isa().columns, plane = c.inputs() * kPanelWidth;
  int64_t whole = c.plan.outputs / width, rest = c.plan.outputs % width;
  Value firstGroup = b.div(c.firstOutput, width);
  b.loop(0, kPlanes, 1, [&](Value p) {
    Value v = b.at(c.v, b.mul(p, c.plan.vPlane));
    Value u = b.at(c.u.pointer, b.mul(p, plane));
    Value m = b.at(c.m, b.mul(p, c.plan.mPlane));
    auto emit = [&](Value group, int64_t remaining) {
      Value weights = b.mul(b.add(firstGroup, group),
                            width / kPanelWidth * kPlanes * plane);
      emitProducts(b, c, v, b.at(u, weights), b.at(m, b.mul(group, width)),
                   remaining);
    };
    if (whole)
      b.loop(0, whole, 1, [&](Value group) { emit(group, width); });
    if (rest)
      emit(b.constant(whole), rest);
  });
}

/// Where block `block` begins in a value that has `side` rows and columns of
/// each block, at this tile's first channel.
static Value placeOf(KernelBuilder &b, const Conv &c, const Block &block,
                     const Buffer &buffer, int64_t side) {
  Value pixel = b.pixel(buffer, block.picture, b.mul(block.row, side),
                        b.mul(block.column, side));
  return b.at(buffer.pointer, b.add(pixel, c.firstOutput));
}

/// Result (i, j) of a block, of its `sums` or of the maximum of four: bias,
/// residual and activation come first. `residual` is the block's place.
static Value finishResult(KernelBuilder &b, const Conv &c, const Values &sums,
                          Value bias, Value residual, int64_t i, int64_t j) {
  auto finish = [&](int64_t h, int64_t w) {
    Value sum = sums[h * kOutputs + w];
    if (bias)
      sum = b.addF(sum, bias);
    if (residual) {
      Value place = b.at(residual, h * c.residual.rowStride() +
                                       w * c.residual.channels());
      auto type = mlir::cast<mlir::VectorType>(sum.getType());
      sum = b.addF(sum, b.load(place, type.getDimSize(0)));
    }
    return activate(b, c.activation, sum);
  };
  if (!c.pooled)
    return finish(i, j);
  Value most;
  for (int64_t h = i * kPool; h < (i + 1) * kPool; ++h)
    for (int64_t w = j * kPool; w < (j + 1) * kPool; ++w) {
      Value next = finish(h, w);
      most = most ? largerOrNaN(b, most, next) : next;
    }
  return most;
}

/// Where the result's last block reaches past its end, what lies outside is
/// not stored.
static void emitOutputs(KernelBuilder &b, const Conv &c, const Block &block) {
  const WinogradPlan &plan = c.plan;
  int64_t side = c.pooled ? kOutputs / kPool : kOutputs;
  int64_t lastHeight = c.y.height() - (plan.blockRows - 1) * side;
  int64_t lastWidth = c.y.width() - (plan.blockColumns - 1) * side;
  Value whole = b.less(block.row, b.constant(plan.blockRows - 1));
  Value wide = b.less(block.column, b.constant(plan.blockColumns - 1));
  Value both = mlir::arith::AndIOp::create(b, whole, wide);
  Value to = placeOf(b, c, block, c.y, side);
  Value from = b.at(c.m, b.mul(block.index, plan.mRow));
  Value residual =
      c.residual.pointer ? placeOf(b, c, block, c.residual, kOutputs) : Value();
  Value bias = c.bias.pointer ? b.at(c.bias.pointer, c.firstOutput) : Value();
  b.forEachVector(plan.outputs, [&](Value channel, int64_t lanes) {
    Value start = b.at(from, channel);
    Values sums =
        transformBlock(b, multiplyByOutputMatrix, [&](int64_t i, int64_t j) {
          return b.load(b.at(start, (i * kInputs + j) * plan.mPlane), lanes);
        });
    Value constant = bias ? b.load(b.at(bias, channel), lanes) : Value();
    Value added = residual ? b.at(residual, channel) : Value();
    Value target = b.at(to, channel);
    auto store = [&](int64_t i0, int64_t i1, int64_t j0, int64_t j1) {
      for (int64_t i = i0; i < i1; ++i)
        for (int64_t j = j0; j < j1; ++j)
          b.store(finishResult(b, c, sums, constant, added, i, j),
                  b.at(target, i * c.y.rowStride() + j * c.y.channels()));
    };
    store(0, lastHeight, 0, lastWidth);
    if (lastWidth < side)
      b.when(wide, [&] { store(0, lastHeight, lastWidth, side); });
    if (lastHeight < side)
      b.when(whole, [&] { store(lastHeight, side, 0, lastWidth); });
    if (lastHeight < side && lastWidth < side)
      b.when(both, [&] { store(lastHeight, side, lastWidth, side); });
  });
}

/// What this call's tile covers.
static void findShare(KernelBuilder &b, Conv &c) {
  const WinogradPlan &plan = c.plan;
  Value inside = b.rem(b.tile(), plan.tiles());
  c.firstPicture = b.mul(b.div(b.tile(), plan.tiles()), plan.pictures);
  Value pictures =
      b.min(b.constant(plan.pictures), b.sub(b.batch(), c.firstPicture));
  c.firstBlock = b.mul(b.rem(inside, plan.blockParts), plan.blocks);
  c.blocks = b.min(b.constant(plan.blocks),
                   b.sub(b.mul(pictures, plan.map()), c.firstBlock));
  c.firstOutput = b.mul(b.div(inside, plan.blockParts), plan.outputs);
  c.v = b.scratch();
  c.m = b.at(c.v, kPlanes * plan.vPlane);
}

/// The tile with a picture's first block zeroes its halo.
static void zeroHalo(KernelBuilder &b, const Conv &c) {
  forEachBlock(b, c, [&](const Block &block) {
    Value first = b.add(b.add(block.row, block.column), c.firstOutput);
    b.when(b.equal(first, 0), [&] {
      b.zeroHalo(c.y, block.picture, b.constant(0), b.constant(c.y.height()));
    });
  });
}

llvm::FailureOr<Grid> emitWinogradConv2D(KernelBuilder &b,
                                         mlir::Operation *operation) {
  auto op = mlir::cast<nn::WinogradConv2DOp>(operation);
  Buffer x = b.buffer(op.getInput()), y = b.buffer(op.getResult());
  Buffer u = b.buffer(op.getFilter());
  if (nn::formOf(u.type) != nn::WeightForm::Panels)
    return op.emitOpError("needs its filter as #nn.form<panels>");
  if (failed(checkHalo(op, x, nn::reachOf(op))))
    return mlir::failure();
  WinogradShape shape{op.getUsedSize(0), op.getUsedSize(1), x.channels(),
                      y.channels()};
  Conv c{op.getPads(),
         op.getActivationAttr(),
         op.getPooled(),
         x,
         u,
         b.bufferOrNone(op.getBias()),
         b.bufferOrNone(op.getResidual()),
         y,
         WinogradPlan(shape, b.isa())};
  b.describe("Winograd F(4x4, 3x3), " + llvm::Twine(c.plan.blocks) +
             " blocks a tile" + (c.pooled ? ", maxima of 2x2" : ""));
  b.setProducts(double(kPlanes * c.plan.map()) /
                double(kTaps * kTaps * op.getMapSize(0) * op.getMapSize(1)));
  findShare(b, c);
  forEachBlock(b, c, [&](const Block &block) { emitInputs(b, c, block); });
  emitPoints(b, c);
  forEachBlock(b, c, [&](const Block &block) { emitOutputs(b, c, block); });
  if (y.halo.any())
    zeroHalo(b, c);
  return Grid{0, c.plan.pictures, c.plan.tiles(), c.plan.scratchBytes()};
}

} // namespace tl::cpu
