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

// The gradients of a padded convolution need no padded value either: that of
// the filter reads the input as it is, that of the input is cut by its pads.
// CHECK-LABEL: func.func @gradients
// CHECK-NOT: nn.pad
// CHECK-NOT: nn.slice
// CHECK: nn.conv2d_grad_filter %{{.*}}pads = array<i64: 0, 1, 1, 2>{{.*}}(tensor<?x4x5x1xf32>, tensor<?x3x6x1xf32>) -> tensor<3x3x1x1xf32>
// CHECK: nn.conv2d_grad_input %{{.*}}pads = array<i64: 0, 1, 1, 2>{{.*}}-> tensor<?x4x5x1xf32>
func.func @gradients(%x: tensor<?x4x5x1xf32>, %dy: tensor<?x3x6x1xf32>, %w: tensor<3x3x1x1xf32>) -> (tensor<3x3x1x1xf32>, tensor<?x4x5x1xf32>) {
  %0 = nn.pad %x {pads = array<i64: 0, 1, 1, 2>} : (tensor<?x4x5x1xf32>) -> tensor<?x5x8x1xf32>
  %1 = nn.conv2d_grad_filter %0, %dy {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<?x5x8x1xf32>, tensor<?x3x6x1xf32>) -> tensor<3x3x1x1xf32>
  %2 = nn.conv2d_grad_input %dy, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<?x3x6x1xf32>, tensor<3x3x1x1xf32>) -> tensor<?x5x8x1xf32>
  %3 = nn.slice %2 {offsets = array<i64: 0, 1, 0>, strides = array<i64: 1, 1, 1>} : (tensor<?x5x8x1xf32>) -> tensor<?x4x5x1xf32>
  return %1, %3 : tensor<3x3x1x1xf32>, tensor<?x4x5x1xf32>
}

// A slice that takes every second element, or is not the only reader, stays.
// CHECK-LABEL: func.func @slices
// CHECK-COUNT-2: nn.slice
func.func @slices(%dy: tensor<?x4x4x2xf32>, %w: tensor<1x1x2x2xf32>) -> (tensor<?x2x2x2xf32>, tensor<?x3x4x2xf32>, tensor<?x4x4x2xf32>) {
  %0 = nn.conv2d_grad_input %dy, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<?x4x4x2xf32>, tensor<1x1x2x2xf32>) -> tensor<?x4x4x2xf32>
  %1 = nn.slice %0 {offsets = array<i64: 0, 0, 0>, strides = array<i64: 2, 2, 1>} : (tensor<?x4x4x2xf32>) -> tensor<?x2x2x2xf32>
  %2 = nn.conv2d_grad_input %dy, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<?x4x4x2xf32>, tensor<1x1x2x2xf32>) -> tensor<?x4x4x2xf32>
  %3 = nn.slice %2 {offsets = array<i64: 1, 0, 0>, strides = array<i64: 1, 1, 1>} : (tensor<?x4x4x2xf32>) -> tensor<?x3x4x2xf32>
  return %1, %3, %2 : tensor<?x2x2x2xf32>, tensor<?x3x4x2xf32>, tensor<?x4x4x2xf32>
}
