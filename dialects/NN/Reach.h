// How far convolutions and their gradients read beyond the values that they
// take: the zeros that a halo must hold. Here because the pass that chooses
// layouts and the kernels that rely on them must agree.
#pragma once

#include "dialects/NN/Storage.h"

namespace tl::nn {

/// The zeros around its input that the windows of a convolution reach (less
/// than its pads where a stride leaves some out).
HaloSizes reachOf(Conv2DOp op);
HaloSizes reachOf(Conv2DGradFilterOp op);
/// Its blocks of 4 x 4 outputs are whole, also where the result ends earlier.
HaloSizes reachOf(WinogradConv2DOp op);
/// The zeros around dy: dx[h] reads dy[(h + pad - kh dilation) / stride] for
/// every tap kh where the division leaves no remainder.
HaloSizes reachOf(Conv2DGradInputOp op);

} // namespace tl::nn
