// RUN: tl-opt %s --tl-fuse-pools --split-input-file | FileCheck %s

// A 2x2 pool of an odd map joins the convolution with what comes before it.
// CHECK-LABEL: func.func @joins
// CHECK: %[[Y:.*]] = nn.winograd_conv2d %{{.*}}, %{{.*}} residual %{{.*}} {activation = #nn.act<relu>, nn.layer = "c", pads = array<i64: 1, 1, 1, 1>, pooled} : {{.*}} -> tensor<?x4x4x6xf32>
// CHECK-NEXT: return %[[Y]]
func.func @joins(%x: tensor<?x9x8x6xf32>, %u: tensor<36x6x6xf32>, %r: tensor<?x9x8x6xf32>) -> tensor<?x4x4x6xf32> {
  %0 = nn.winograd_conv2d %x, %u residual %r {pads = array<i64: 1, 1, 1, 1>, activation = #nn.act<relu>, nn.layer = "c"} : (tensor<?x9x8x6xf32>, tensor<36x6x6xf32>, tensor<?x9x8x6xf32>) -> tensor<?x9x8x6xf32>
  %1 = nn.max_pool %0 {window = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, nn.layer = "p"} : (tensor<?x9x8x6xf32>) -> tensor<?x4x4x6xf32>
  return %1 : tensor<?x4x4x6xf32>
}

// -----

// What a gradient reads, too, is written.
// CHECK-LABEL: func.func @trains
// CHECK: nn.winograd_conv2d
// CHECK-SAME: tensor<?x6x6x6xf32>
// CHECK: nn.max_pool
func.func @trains(%x: tensor<?x8x8x4xf32>, %u: tensor<36x4x6xf32>, %dy: tensor<?x3x3x6xf32>) -> (tensor<?x3x3x6xf32>, tensor<?x6x6x6xf32>) {
  %0 = nn.winograd_conv2d %x, %u : (tensor<?x8x8x4xf32>, tensor<36x4x6xf32>) -> tensor<?x6x6x6xf32>
  %1 = nn.max_pool %0 {window = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>} : (tensor<?x6x6x6xf32>) -> tensor<?x3x3x6xf32>
  %2 = nn.max_pool_grad %dy, %0 {window = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>} : (tensor<?x3x3x6xf32>, tensor<?x6x6x6xf32>) -> tensor<?x6x6x6xf32>
  return %1, %2 : tensor<?x3x3x6xf32>, tensor<?x6x6x6xf32>
}

// -----

// Windows over two blocks, or that reach past the map; a second pool of what is
// pooled already.
// CHECK-LABEL: func.func @others
// CHECK-COUNT-4: nn.max_pool
// CHECK-NOT: nn.max_pool
func.func @others(%x: tensor<?x9x9x4xf32>, %u: tensor<36x4x6xf32>) -> (tensor<?x3x3x6xf32>, tensor<?x6x6x6xf32>, tensor<?x4x4x6xf32>, tensor<?x1x1x6xf32>) {
  %0 = nn.winograd_conv2d %x, %u : (tensor<?x9x9x4xf32>, tensor<36x4x6xf32>) -> tensor<?x7x7x6xf32>
  %1 = nn.max_pool %0 {window = array<i64: 3, 3>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>} : (tensor<?x7x7x6xf32>) -> tensor<?x3x3x6xf32>
  %2 = nn.winograd_conv2d %x, %u : (tensor<?x9x9x4xf32>, tensor<36x4x6xf32>) -> tensor<?x7x7x6xf32>
  %3 = nn.max_pool %2 {window = array<i64: 2, 2>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>} : (tensor<?x7x7x6xf32>) -> tensor<?x6x6x6xf32>
  %4 = nn.winograd_conv2d %x, %u : (tensor<?x9x9x4xf32>, tensor<36x4x6xf32>) -> tensor<?x7x7x6xf32>
  %5 = nn.max_pool %4 {window = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 1, 0, 1>} : (tensor<?x7x7x6xf32>) -> tensor<?x4x4x6xf32>
  %6 = nn.winograd_conv2d %x, %u {pooled} : (tensor<?x9x9x4xf32>, tensor<36x4x6xf32>) -> tensor<?x3x3x6xf32>
  %7 = nn.max_pool %6 {window = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>} : (tensor<?x3x3x6xf32>) -> tensor<?x1x1x6xf32>
  return %1, %3, %5, %7 : tensor<?x3x3x6xf32>, tensor<?x6x6x6xf32>, tensor<?x4x4x6xf32>, tensor<?x1x1x6xf32>
}
