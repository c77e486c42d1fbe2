// Chooses Winograd's F(4x4, 3x3) for convolutions and for gradients of their
// inputs, where the cost model expects it to be faster. A gradient is the
// convolution of dy with the transposed filter, whose points are made of the
// filter itself.
#include "compiler/Conversion/KernelsToCPU/CostModel.h"
#include "compiler/Transforms/Passes.h"
#include "dialects/NN/Marks.h"
#include "dialects/NN/Winograd.h"

using namespace mlir;

namespace tl {
#define GEN_PASS_DEF_USEWINOGRAD
#include "compiler/Transforms/Passes.h.inc"

namespace {

using nn::winograd::kPlanes, nn::winograd::kTaps;

/// Whether the operation walks all places of a map, 3 x 3 at a time.
template <typename Op> bool isPlain(Op op) {
  auto ones = [](ArrayRef<int64_t> values) {
    return llvm::all_of(values, [](int64_t value) { return value == 1; });
  };
  auto filter = cast<RankedTensorType>(op.getFilter().getType());
  return filter.getDimSize(0) == kTaps && filter.getDimSize(1) == kTaps &&
         op.getGroups() == 1 && ones(op.getStrides()) &&
         ones(op.getDilations());
}

struct UseWinograd : impl::UseWinogradBase<UseWinograd> {
  void runOnOperation() override {
    SymbolTable symbols(getOperation());
    SmallVector<nn::Conv2DOp> convolutions;
    SmallVector<nn::Conv2DGradInputOp> gradients;
    getOperation().walk([&](Operation *op) {
      if (auto conv = dyn_cast<nn::Conv2DOp>(op)) {
        if (isPlain(conv) &&
            pays(conv.getInput(), conv.getResult(), conv.getFilter(), symbols))
          convolutions.push_back(conv);
      } else if (auto gradient = dyn_cast<nn::Conv2DGradInputOp>(op)) {
        auto transpose =
            gradient.getFilter().getDefiningOp<nn::TransposeFilterOp>();
        if (transpose && isPlain(gradient) &&
            llvm::all_of(gradient.getPads(),
                         [](int64_t pad) { return pad < kTaps; }) &&
            pays(gradient.getGradient(), gradient.getResult(),
                 transpose.getFilter(), symbols))
          gradients.push_back(gradient);
      }
    });
    for (nn::Conv2DOp conv : convolutions)
      replace(conv);
    for (nn::Conv2DGradInputOp gradient : gradients)
      replace(gradient);
  }

  /// Whether the convolution of `x` to `y` with a filter read from a parameter
  /// pays. Does not ask for the entry point.
  static bool pays(Value x, Value y, Value filter, SymbolTable &symbols) {
    auto get = filter.getDefiningOp<nn::GetOp>();
    if (!get)
      return false;
    auto parameter = symbols.lookup<nn::ParameterOp>(get.getParameter());
    auto in = cast<RankedTensorType>(x.getType());
    auto out = cast<RankedTensorType>(y.getType());
    return cpu::winogradPays(out.getDimSize(1), out.getDimSize(2),
                             in.getDimSize(3), out.getDimSize(3),
                             parameter.getFirstPhase().has_value());
  }

  /// The points of `filter` for `op`, made where the builder stands.
  static Value pointsOf(Value filter, bool transposed, Operation *op,
                        OpBuilder &b) {
    auto type = cast<RankedTensorType>(filter.getType());
    int64_t inputs = type.getDimSize(2), outputs = type.getDimSize(3);
    if (transposed)
      std::swap(inputs, outputs);
    auto points = nn::WinogradFilterOp::create(
        b, op->getLoc(), type.clone({kPlanes, inputs, outputs}), filter,
        transposed);
    copyLayer(op, points);
    return points;
  }

  static void copyLayer(Operation *from, Operation *to) {
    if (Attribute layer = from->getAttr(nn::kLayerAttr))
      to->setAttr(nn::kLayerAttr, layer);
  }

  static void replace(nn::Conv2DOp conv) {
    OpBuilder b(conv);
    auto winograd = nn::WinogradConv2DOp::create(
        b, conv.getLoc(), conv.getType(), conv.getInput(),
        pointsOf(conv.getFilter(), /*transposed=*/false, conv, b),
        conv.getBias(), conv.getResidual(), conv.getPadsAttr(),
        conv.getActivationAttr());
    copyLayer(conv, winograd);
    conv.replaceAllUsesWith(winograd.getResult());
    conv.erase();
  }

  /// The filter is read where it was transposed: the gradient itself may stand
  /// behind the filter's update.
  static void replace(nn::Conv2DGradInputOp gradient) {
    auto transpose =
        gradient.getFilter().getDefiningOp<nn::TransposeFilterOp>();
    OpBuilder b(transpose);
    Value points =
        pointsOf(transpose.getFilter(), /*transposed=*/true, transpose, b);
    SmallVector<int64_t> pads;
    for (int64_t pad : gradient.getPads())
      pads.push_back(kTaps - 1 - pad);
    b.setInsertionPoint(gradient);
    auto winograd = nn::WinogradConv2DOp::create(
        b, gradient.getLoc(), gradient.getType(), gradient.getGradient(),
        points, /*bias=*/Value(), /*residual=*/Value(),
        b.getDenseI64ArrayAttr(pads), /*activation=*/nn::ActivationAttr());
    copyLayer(gradient, winograd);
    gradient.replaceAllUsesWith(winograd.getResult());
    gradient.erase();
    if (transpose.use_empty())
      transpose.erase();
  }
};
} // namespace
} // namespace tl
