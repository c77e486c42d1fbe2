// RUN: tl-opt %s --tl-fuse-padding | FileCheck %s

// Pads add up: top, bottom, left, right.
// CHECK-LABEL: func.func @fuses
// CHECK-NOT: nn.pad
// CHECK: nn.conv2d {{.*}}pads = array<i64: 1, 2, 1, 2>
func.func @fuses(%x: tensor<?x5x5x1xf32>, %w: tensor<3x3x1x1xf32>) -> tensor<?x6x6x1xf32> {
  %0 = nn.pad %x {pads = array<i64: 0, 1, 0, 1>} : (tensor<?x5x5x1xf32>) -> tensor<?x6x6x1xf32>
  %1 = nn.conv2d %0, %w {pads = array<i64: 1, 1, 1, 1>} : (tensor<?x6x6x1xf32>, tensor<3x3x1x1xf32>) -> tensor<?x6x6x1xf32>
  return %1 : tensor<?x6x6x1xf32>
}

// A pool does not take part: its padding is not zeros.
// CHECK-LABEL: func.func @pool
// CHECK: nn.pad
func.func @pool(%x: tensor<?x5x5x1xf32>) -> tensor<?x3x3x1xf32> {
  %0 = nn.pad %x {pads = array<i64: 0, 1, 0, 1>} : (tensor<?x5x5x1xf32>) -> tensor<?x6x6x1xf32>
  %1 = nn.max_pool %0 {window = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>} : (tensor<?x6x6x1xf32>) -> tensor<?x3x3x1xf32>
  return %1 : tensor<?x3x3x1xf32>
}
