// nn.conv2d_grad_input: dx[h] is the sum of dy[(h + pad - kh dilation) /
// stride] times tap kh, over the taps where the division leaves no remainder.
// These depend on the residue of h by the stride alone and lie a fixed step
// apart, so that the pixels of each pair of residues are a convolution of dy
// without a stride, whose taps go backwards.
#include "compiler/Conversion/KernelsToCPU/ConvParts.h"
#include "compiler/Conversion/KernelsToCPU/Emitters.h"
#include "dialects/NN/Reach.h"

#include <numeric>
#include <vector>

namespace tl::cpu {

namespace {
/// The pixels r, r + stride, ... of one dimension of dx.
struct Residue {
  int64_t first, size; ///< pixels of dx
  int64_t place = 0;   ///< in dy: what the first tap of the first pixel reads
  Taps taps;           ///< xStep in pixels of dy
};
} // namespace

static llvm::SmallVector<Residue> residues(int64_t size, int64_t kernel,
                                           int64_t stride, int64_t dilation,
                                           int64_t pad) {
  int64_t common = std::gcd(stride, dilation);
  llvm::SmallVector<Residue> all;
  for (int64_t r = 0; r < std::min(stride, size); ++r) {
    Residue residue{r, (size - 1 - r) / stride + 1, 0, {}};
    residue.taps = {0, 0, stride / common, -(dilation / common)};
    for (int64_t k = kernel - 1; k >= 0; --k)
      if ((r + pad - k * dilation) % stride == 0) {
        residue.taps.first = k;
        residue.place = (r + pad - k * dilation) / stride;
        ++residue.taps.count;
      }
    all.push_back(residue);
  }
  return all;
}

llvm::FailureOr<Grid> emitConv2DGradInput(KernelBuilder &b,
                                          mlir::Operation *operation) {
  auto op = mlir::cast<nn::Conv2DGradInputOp>(operation);
  Buffer dy = b.buffer(op.getGradient()), dx = b.buffer(op.getResult());
  Buffer f = b.buffer(op.getFilter());
  if (failed(checkHalo(op, dy, nn::reachOf(op))))
    return mlir::failure();
  int64_t groups = op.getGroups();
  ConvPart part;
  part.weights = f.pointer;
  part.groups = groups;
  part.inChannels = dy.channels() / groups;
  part.outChannels = dx.channels() / groups;
  part.filterHeight = f.type.getDimSize(0);
  part.filterWidth = f.type.getDimSize(1);
  auto along = [&](unsigned d, int64_t size, int64_t kernel) {
    return residues(size, kernel, op.getStrides()[d], op.getDilations()[d],
                    op.getPads()[2 * d]);
  };
  std::vector<ConvPart> parts;
  for (const Residue &h : along(0, dx.height(), part.filterHeight))
    for (const Residue &w : along(1, dx.width(), part.filterWidth)) {
      part.height = h.size;
      part.width = w.size;
      part.x = pixelGrid(dy, h.place, w.place);
      part.y = pixelGrid(dx, h.first, w.first, op.getStrides()[0],
                         op.getStrides()[1]);
      part.tapRows = h.taps;
      part.tapRows.xStep *= dy.rowStride();
      part.tapColumns = w.taps;
      part.tapColumns.xStep *= dy.channels();
      parts.push_back(part);
    }
  return emitParts(b, op, op.getFilter(), parts, dx);
}

} // namespace tl::cpu
