// nn.conv2d with one group: a direct convolution of NHWC pictures. The
// micro-tile's rows are pixels side by side in a row of the picture, its
// columns output channels; the input's halo provides the border. Figures and
// the reasons for the loop order: README.md.
#include "compiler/Conversion/KernelsToCPU/Emitters.h"
#include "compiler/Conversion/KernelsToCPU/MicroTile.h"
#include "compiler/Conversion/KernelsToCPU/VectorMath.h"
#include "runtime/schema/WeightForm.h"
#include "llvm/Support/MathExtras.h"

namespace tl::cpu {

namespace {
/// A convolution as its code sees it: possibly with several rows of the
/// picture seen as one (1x1 convolutions).
struct Conv {
  Buffer x, y, residual;
  Value weights, bias;
  nn::ActivationAttr activation;
  int64_t height, width; ///< of the result
  int64_t inChannels, outChannels;
  int64_t kernelHeight, kernelWidth;
  int64_t strideH, strideW, dilationH, dilationW;
  int64_t xRow, yRow, residualRow; ///< elements from one row to the next
  int64_t xStart;                  ///< of the first window's first element

  int64_t depth() const { return kernelHeight * kernelWidth * inChannels; }
  int64_t groups(const Isa &isa) const {
    return llvm::divideCeil(outChannels, isa.columns);
  }
};

/// How the work is cut: a tile computes `rows` rows of one picture for
/// `groups` groups of columns.
struct Cut {
  int64_t rows, rowBlocks, groups, groupBlocks;
};
} // namespace

mlir::LogicalResult checkConvHalo(nn::Conv2DOp op, const Buffer &x,
                                  const Buffer &y) {
  auto w = mlir::cast<mlir::RankedTensorType>(op.getFilter().getType());
  int64_t have[] = {x.halo.top, x.halo.bottom, x.halo.left, x.halo.right};
  int64_t in[] = {x.height(), x.width()}, out[] = {y.height(), y.width()};
  llvm::StringRef sides[] = {"top", "bottom", "left", "right"};
  for (int d : {0, 1}) {
    int64_t before = op.getPads()[2 * d];
    int64_t last = (out[d] - 1) * op.getStrides()[d] - before +
                   (w.getDimSize(d) - 1) * op.getDilations()[d];
    int64_t needed[] = {before, std::max<int64_t>(0, last - (in[d] - 1))};
    for (int side : {0, 1})
      if (have[2 * d + side] < needed[side])
        return op.emitOpError() << "needs an input with " << needed[side]
                                << " zeros at the " << sides[2 * d + side]
                                << " (#nn.halo), found " << have[2 * d + side];
  }
  return mlir::success();
}

static Conv describe(KernelBuilder &b, nn::Conv2DOp op) {
  Conv c;
  c.x = b.buffer(op.getInput());
  c.y = b.buffer(op.getResult());
  c.residual = b.bufferOrNone(op.getResidual());
  c.weights = b.buffer(op.getFilter()).pointer;
  c.bias = b.bufferOrNone(op.getBias()).pointer;
  c.activation = op.getActivationAttr();
  auto w = mlir::cast<mlir::RankedTensorType>(op.getFilter().getType());
  c.height = c.y.height();
  c.width = c.y.width();
  c.inChannels = c.x.channels();
  c.outChannels = c.y.channels();
  c.kernelHeight = w.getDimSize(0);
  c.kernelWidth = w.getDimSize(1);
  c.strideH = op.getStrides()[0];
  c.strideW = op.getStrides()[1];
  c.dilationH = op.getDilations()[0];
  c.dilationW = op.getDilations()[1];
  c.xRow = c.x.rowStride();
  c.yRow = c.y.rowStride();
  c.residualRow = c.residual.pointer ? c.residual.rowStride() : 0;
  c.xStart = c.x.offset(-op.getPads()[0], -op.getPads()[2]);
  return c;
}

/// Sees several rows of a 1x1 convolution as one where that gives fewer, fuller
/// blocks: pixels of a map without halo are one after the other.
static void mergeRows(Conv &c, int64_t rows) {
  bool plain = c.kernelHeight * c.kernelWidth == 1 && c.strideH == 1 &&
               c.strideW == 1 && !c.x.halo.any() && !c.y.halo.any() &&
               !(c.residual.pointer && c.residual.halo.any()) &&
               c.x.width() == c.width;
  if (!plain)
    return;
  int64_t best = 1, fewest = c.height * llvm::divideCeil(c.width, rows);
  for (int64_t f = 2; f <= c.height; ++f) {
    if (c.height % f || (f != c.height && f * c.width > 256))
      continue;
    int64_t blocks = c.height / f * llvm::divideCeil(f * c.width, rows);
    if (blocks < fewest) {
      fewest = blocks;
      best = f;
    }
  }
  c.height /= best;
  c.width *= best;
  c.xRow *= best;
  c.yRow *= best;
  c.residualRow *= best;
}

/// Tiles of about 8 million multiplications (100-200 microseconds), at least
/// 8 tiles a picture where there is enough work. Weights that fit in the
/// nearer caches are used whole in each tile; larger ones a group of columns at
/// a time, which then stays in the second-level cache for all rows.
static Cut cutWork(const Conv &c, const Isa &isa) {
  int64_t groups = c.groups(isa);
  int64_t rowWork = c.width * c.depth() * isa.columns; // of one group
  int64_t total = rowWork * groups * c.height;
  int64_t target = std::clamp<int64_t>(total / 8, 500'000, 8'000'000);
  Cut cut;
  bool whole = c.depth() * c.outChannels * 4 <= 512 * 1024;
  cut.groups = whole ? groups : 1;
  if (rowWork * cut.groups > target)
    cut.groups = std::clamp<int64_t>(target / rowWork, 1, groups);
  cut.rows = std::clamp<int64_t>(target / (rowWork * cut.groups), 1, c.height);
  if (cut.rows == c.height) // room for more groups
    cut.groups =
        std::clamp<int64_t>(target / (rowWork * cut.rows), cut.groups, groups);
  cut.rowBlocks = llvm::divideCeil(c.height, cut.rows);
  cut.rows = llvm::divideCeil(c.height, cut.rowBlocks);
  cut.rowBlocks = llvm::divideCeil(c.height, cut.rows);
  cut.groupBlocks = llvm::divideCeil(groups, cut.groups);
  return cut;
}

namespace {
/// Pointers of the block at hand, each to its first pixel's first channel of
/// the group.
struct Block {
  Value x, y, residual, weights, bias;
};
} // namespace

/// `rows` pixels of one group of columns.
static void emitBlock(KernelBuilder &b, const Conv &c, const Block &p,
                      int64_t rows, llvm::ArrayRef<Column> columns) {
  MicroTile tile(b, rows, c.strideW * c.inChannels, columns,
                 /*maskWeights=*/false, /*weightAlignment=*/b.lanes() * 4);
  int64_t pixel = c.inChannels * schema::kPanelWidth;
  Values acc = tile.add(
      tile.start(p.bias), p.x, p.weights,
      {{c.kernelHeight, c.dilationH * c.x.rowStride(), c.kernelWidth * pixel},
       {c.kernelWidth, c.dilationW * c.inChannels, pixel},
       {c.inChannels, 1, schema::kPanelWidth}});
  tile.finish(acc, [&](int64_t r, const Column &column, Value sum) {
    int64_t offset = r * c.outChannels + column.output;
    if (p.residual)
      sum = b.addF(
          sum, b.loadPart(b.at(p.residual, offset), b.lanes(), column.active));
    b.storePart(activate(b, c.activation, sum), b.at(p.y, offset),
                column.active);
  });
}

/// Rows [begin, end) of a picture for the group whose pointers are in `p`
/// (rows and pixels not yet added).
static void emitGroup(KernelBuilder &b, const Conv &c, const Block &p,
                      Value begin, Value end, llvm::ArrayRef<Column> columns) {
  auto runs = splitRows(c.width, blockRows(b.isa(), columns.size()));
  b.loop(begin, end, 1, [&](Value h) {
    Block row = p;
    row.x = b.at(p.x, b.mul(h, c.strideH * c.xRow));
    row.y = b.at(p.y, b.mul(h, c.yRow));
    if (p.residual)
      row.residual = b.at(p.residual, b.mul(h, c.residualRow));
    for (const RowRun &run : runs)
      b.loop(run.start, run.start + run.rows * run.count, run.rows,
             [&](Value w) {
               Block block = row;
               block.x = b.at(row.x, b.mul(w, c.strideW * c.inChannels));
               block.y = b.at(row.y, b.mul(w, c.outChannels));
               if (p.residual)
                 block.residual = b.at(row.residual, b.mul(w, c.outChannels));
               emitBlock(b, c, block, run.rows, columns);
             });
  });
}

/// Whole groups in [first, last), then the narrower one at the end if the tile
/// has it.
static void emitGroups(KernelBuilder &b, const Conv &c, const Block &picture,
                       Value first, Value last, Value begin, Value end) {
  int64_t panel = c.depth() * schema::kPanelWidth;
  int64_t width = b.isa().columns, whole = c.outChannels / width;
  auto group = [&](Value g, int64_t remaining) {
    Block p = picture;
    Value column = b.mul(g, width);
    p.weights =
        b.at(picture.weights, b.mul(g, width / schema::kPanelWidth * panel));
    p.y = b.at(picture.y, column);
    if (p.bias)
      p.bias = b.at(picture.bias, column);
    if (p.residual)
      p.residual = b.at(picture.residual, column);
    emitGroup(b, c, p, begin, end, panelColumns(b.isa(), remaining, panel));
  };
  if (whole)
    b.loop(first, b.min(last, b.constant(whole)), 1,
           [&](Value g) { group(g, width); });
  if (int64_t rest = c.outChannels - whole * width)
    b.when(b.less(b.constant(whole), last),
           [&] { group(b.constant(whole), rest); });
}

llvm::FailureOr<Grid> emitConv2D(KernelBuilder &b, mlir::Operation *op) {
  auto conv = mlir::cast<nn::Conv2DOp>(op);
  auto filter = mlir::cast<mlir::RankedTensorType>(conv.getFilter().getType());
  bool oneAChannel = int64_t(conv.getGroups()) == filter.getDimSize(3) &&
                     filter.getDimSize(2) == 1;
  if (oneAChannel && nn::formOf(filter) == nn::WeightForm::Canonical)
    return emitDepthwiseConv(b, op);
  if (conv.getGroups() != 1)
    return conv.emitOpError() << "not supported yet: " << conv.getGroups()
                              << " groups (1, or one a channel)";
  if (nn::formOf(filter) != nn::WeightForm::Panels)
    return conv.emitOpError("needs its filter as #nn.form<panels>");
  Conv c = describe(b, conv);
  if (failed(checkConvHalo(conv, c.x, c.y)))
    return mlir::failure();
  mergeRows(c,
            blockRows(b.isa(), panelColumns(b.isa(), c.outChannels, 0).size()));
  Cut cut = cutWork(c, b.isa());

  int64_t tiles = cut.rowBlocks * cut.groupBlocks;
  Value picture = b.div(b.tile(), tiles), inside = b.rem(b.tile(), tiles);
  Value rowBlock = b.rem(inside, cut.rowBlocks);
  Value groupBlock = b.div(inside, cut.rowBlocks);
  Value begin = b.mul(rowBlock, cut.rows);
  Value end = b.min(b.add(begin, cut.rows), b.constant(c.height));
  Value first = b.mul(groupBlock, cut.groups);
  Value last = b.min(b.add(first, cut.groups), b.constant(c.groups(b.isa())));

  Block p;
  p.x = b.at(c.x.pointer, b.add(b.mul(picture, c.x.pictureStride()), c.xStart));
  p.y = b.at(c.y.pointer,
             b.add(b.mul(picture, c.y.pictureStride()), c.y.offset(0, 0)));
  if (c.residual.pointer)
    p.residual = b.at(c.residual.pointer,
                      b.add(b.mul(picture, c.residual.pictureStride()),
                            c.residual.offset(0, 0)));
  p.weights = c.weights;
  p.bias = c.bias;
  emitGroups(b, c, p, first, last, begin, end);
  if (c.y.halo.any())
    b.when(b.equal(groupBlock, 0),
           [&] { b.zeroHalo(c.y, picture, begin, end); });
  return Grid{0, 1, tiles, 0};
}

} // namespace tl::cpu
