// nn.conv2d as a part of its own (ConvParts.h): pixels side by side read pixels
// that lie `stride` apart, and the input's halo provides the border.
#include "compiler/Conversion/KernelsToCPU/ConvParts.h"
#include "compiler/Conversion/KernelsToCPU/Emitters.h"
#include "dialects/NN/Reach.h"

namespace tl::cpu {

llvm::FailureOr<Grid> emitConv2D(KernelBuilder &b, mlir::Operation *operation) {
  auto op = mlir::cast<nn::Conv2DOp>(operation);
  Buffer x = b.buffer(op.getInput()), y = b.buffer(op.getResult());
  Buffer w = b.buffer(op.getFilter());
  if (failed(checkHalo(op, x, nn::reachOf(op))))
    return mlir::failure();
  auto strides = op.getStrides(), dilations = op.getDilations();
  int64_t groups = op.getGroups();
  ConvPart part;
  part.x =
      pixelGrid(x, -op.getPads()[0], -op.getPads()[2], strides[0], strides[1]);
  part.y = pixelGrid(y);
  part.residual = pixelGrid(b.bufferOrNone(op.getResidual()));
  part.weights = w.pointer;
  part.bias = b.bufferOrNone(op.getBias()).pointer;
  part.activation = op.getActivationAttr();
  part.height = y.height();
  part.width = y.width();
  part.groups = groups;
  part.inChannels = x.channels() / groups;
  part.outChannels = y.channels() / groups;
  part.filterHeight = w.type.getDimSize(0);
  part.filterWidth = w.type.getDimSize(1);
  part.tapRows = {0, part.filterHeight, 1, dilations[0] * x.rowStride()};
  part.tapColumns = {0, part.filterWidth, 1, dilations[1] * x.channels()};
  return emitParts(b, op, op.getFilter(), part, y);
}

} // namespace tl::cpu
