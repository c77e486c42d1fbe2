// RUN: tl-opt %s --tl-assign-layouts --split-input-file | FileCheck %s

// The largest padding of all readers becomes the halo; convolutions and wide
// dense layers read panels, narrow ones rows, depthwise ones as they are.
// CHECK-DAG: nn.parameter @conv : tensor<3x3x4x4xf32, #nn.form<panels>>
// CHECK-DAG: nn.parameter @depthwise : tensor<5x5x1x4xf32>
// CHECK-DAG: nn.parameter @wide : tensor<4x16xf32, #nn.form<panels>>
// CHECK-DAG: nn.parameter @narrow : tensor<16x15xf32, #nn.form<rows>>
nn.parameter @conv : tensor<3x3x4x4xf32> {init = #nn.init<fill, 1.0 : f32, stream 0>}
nn.parameter @depthwise : tensor<5x5x1x4xf32> {init = #nn.init<fill, 1.0 : f32, stream 0>}
nn.parameter @wide : tensor<4x16xf32> {init = #nn.init<fill, 1.0 : f32, stream 0>}
nn.parameter @narrow : tensor<16x15xf32> {init = #nn.init<fill, 1.0 : f32, stream 0>}
// CHECK-LABEL: func.func @halo
// CHECK-SAME: %{{.*}}: tensor<?x6x6x4xf32, #nn.halo<2, 2, 2, 2>>
func.func @halo(%x: tensor<?x6x6x4xf32>) -> (tensor<?x6x6x4xf32>, tensor<?x6x6x4xf32>, tensor<?x15xf32>) {
  %w = nn.get @conv : tensor<3x3x4x4xf32>
  %d = nn.get @depthwise : tensor<5x5x1x4xf32>
  %a = nn.get @wide : tensor<4x16xf32>
  %b = nn.get @narrow : tensor<16x15xf32>
  %0 = nn.conv2d %x, %w {pads = array<i64: 1, 1, 1, 1>} : (tensor<?x6x6x4xf32>, tensor<3x3x4x4xf32>) -> tensor<?x6x6x4xf32>
  %1 = nn.conv2d %x, %d {pads = array<i64: 2, 2, 2, 2>, groups = 4 : i64} : (tensor<?x6x6x4xf32>, tensor<5x5x1x4xf32>) -> tensor<?x6x6x4xf32>
  %2 = nn.global_avg_pool %x : (tensor<?x6x6x4xf32>) -> tensor<?x4xf32>
  %3 = nn.dense %2, %a : (tensor<?x4xf32>, tensor<4x16xf32>) -> tensor<?x16xf32>
  %4 = nn.dense %3, %b : (tensor<?x16xf32>, tensor<16x15xf32>) -> tensor<?x15xf32>
  return %0, %1, %4 : tensor<?x6x6x4xf32>, tensor<?x6x6x4xf32>, tensor<?x15xf32>
}

// A gradient takes its parameter's form, and its partial sums of squares with
// it: 5000 rows of 17 elements are two chunks, 5000 of 32 are three.
nn.parameter @trained : tensor<5000x17xf32> {init = #nn.init<fill, 1.0 : f32, stream 1>, first_phase = 0 : i64}
// CHECK-LABEL: func.func @clipped
// CHECK: %[[G:.*]] = nn.dense_grad_weight {{.*}} -> tensor<5000x17xf32, #nn.form<panels>>
// CHECK: %[[S:.*]] = nn.sum_squares %[[G]] : (tensor<5000x17xf32, #nn.form<panels>>) -> tensor<3xf32>
// CHECK: nn.clip_scale %[[S]] {{.*}} : (tensor<3xf32>) -> tensor<1xf32>
func.func @clipped(%x: tensor<?x5000xf32>, %step: tensor<16xi32>) {
  %p = nn.get @trained : tensor<5000x17xf32>
  %y = nn.dense %x, %p : (tensor<?x5000xf32>, tensor<5000x17xf32>) -> tensor<?x17xf32>
  %g = nn.dense_grad_weight %x, %y : (tensor<?x5000xf32>, tensor<?x17xf32>) -> tensor<5000x17xf32>
  %s = nn.sum_squares %g : (tensor<5000x17xf32>) -> tensor<2xf32>
  %c = nn.clip_scale %s {max_norm = 1.0} : (tensor<2xf32>) -> tensor<1xf32>
  %u = nn.update %p slots() by %g scaled %c at %step {optimizer = #nn.optimizer<sgd, keras, {}>} : (tensor<5000x17xf32>, tensor<5000x17xf32>, tensor<1xf32>, tensor<16xi32>) -> tensor<5000x17xf32>
  nn.set @trained, %u : tensor<5000x17xf32>
  return
}

// A fused update gives its parameter and slots in the parameter's form.
nn.parameter @fused : tensor<5x17xf32> {init = #nn.init<fill, 1.0 : f32, stream 2>, first_phase = 0 : i64}
nn.parameter @fused.slot0 : tensor<5x17xf32> {slot_of = @fused}
// CHECK-LABEL: func.func @fused_update
// CHECK: nn.dense_update {{.*}} -> (tensor<5x17xf32, #nn.form<panels>>, tensor<5x17xf32, #nn.form<panels>>)
func.func @fused_update(%x: tensor<?x5xf32>, %step: tensor<16xi32>) {
  %p = nn.get @fused : tensor<5x17xf32>
  %m = nn.get @fused.slot0 : tensor<5x17xf32>
  %y = nn.dense %x, %p : (tensor<?x5xf32>, tensor<5x17xf32>) -> tensor<?x17xf32>
  %u:2 = nn.dense_update %p slots(%m) by %x, %y at %step {optimizer = #nn.optimizer<rmsprop, keras, {}>} : (tensor<5x17xf32>, tensor<5x17xf32>, tensor<?x5xf32>, tensor<?x17xf32>, tensor<16xi32>) -> (tensor<5x17xf32>, tensor<5x17xf32>)
  nn.set @fused, %u#0 : tensor<5x17xf32>
  nn.set @fused.slot0, %u#1 : tensor<5x17xf32>
  return
}

// -----

// The gradients of convolutions. dy gets the zeros that the taps reach from the
// border of dx: all of the filter less the pads. A stride of 2 with pads 0 and
// 1 reaches one row above and one column to the left, none below. The
// transposed filter has the form of the weight that it is made from: panels,
// or canonical for groups. The gradient of the filter reads x with the halo of
// the convolution and has the form of its parameter.
// CHECK-DAG: nn.parameter @plain : tensor<3x2x4x5xf32, #nn.form<panels>>
// CHECK-DAG: nn.parameter @grouped : tensor<3x3x2x6xf32>
nn.parameter @plain : tensor<3x2x4x5xf32> {init = #nn.init<fill, 1.0 : f32, stream 0>, first_phase = 0 : i64}
nn.parameter @grouped : tensor<3x3x2x6xf32> {init = #nn.init<fill, 1.0 : f32, stream 0>, first_phase = 0 : i64}
// CHECK-LABEL: func.func @gradients
// CHECK-SAME: %[[DY:.*]]: tensor<?x6x5x5xf32, #nn.halo<1, 1, 1, 1>>, %[[X:.*]]: tensor<?x6x6x4xf32, #nn.halo<1, 1, 0, 0>>, %[[DZ:.*]]: tensor<?x3x3x6xf32, #nn.halo<1, 0, 1, 0>>
// CHECK: nn.transpose_filter {{.*}} -> tensor<3x2x5x4xf32, #nn.form<panels>>
// CHECK: nn.conv2d_grad_input %[[DY]]
// CHECK: nn.transpose_filter {{.*}} -> tensor<3x3x3x4xf32>
// CHECK: nn.conv2d_grad_input %[[DZ]]
// CHECK: %[[DW:.*]] = nn.conv2d_grad_filter %[[X]], %[[DY]] {{.*}} -> tensor<3x2x4x5xf32, #nn.form<panels>>
// CHECK: nn.update {{.*}} by %[[DW]]
func.func @gradients(%dy: tensor<?x6x5x5xf32>, %x: tensor<?x6x6x4xf32>, %dz: tensor<?x3x3x6xf32>, %s: tensor<16xi32>) -> (tensor<?x6x6x4xf32>, tensor<?x6x6x4xf32>) {
  %w = nn.get @plain : tensor<3x2x4x5xf32>
  %g = nn.get @grouped : tensor<3x3x2x6xf32>
  %0 = nn.transpose_filter %w : (tensor<3x2x4x5xf32>) -> tensor<3x2x5x4xf32>
  %1 = nn.conv2d_grad_input %dy, %0 {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<?x6x5x5xf32>, tensor<3x2x5x4xf32>) -> tensor<?x6x6x4xf32>
  %2 = nn.transpose_filter %g {groups = 2 : i64} : (tensor<3x3x2x6xf32>) -> tensor<3x3x3x4xf32>
  %3 = nn.conv2d_grad_input %dz, %2 {strides = array<i64: 2, 2>, pads = array<i64: 0, 1, 0, 1>, dilations = array<i64: 1, 1>, groups = 2 : i64} : (tensor<?x3x3x6xf32>, tensor<3x3x3x4xf32>) -> tensor<?x6x6x4xf32>
  %4 = nn.conv2d_grad_filter %x, %dy {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<?x6x6x4xf32>, tensor<?x6x5x5xf32>) -> tensor<3x2x4x5xf32>
  %5 = nn.update %w slots() by %4 at %s {optimizer = #nn.optimizer<sgd, keras, {}>} : (tensor<3x2x4x5xf32>, tensor<3x2x4x5xf32>, tensor<16xi32>) -> tensor<3x2x4x5xf32>
  nn.set @plain, %5 : tensor<3x2x4x5xf32>
  return %1, %3 : tensor<?x6x6x4xf32>, tensor<?x6x6x4xf32>
}

// -----

// One filter a channel is read as it is, by both passes.
// CHECK: nn.parameter @depthwise : tensor<3x3x1x2xf32> {
nn.parameter @depthwise : tensor<3x3x1x2xf32> {init = #nn.init<fill, 1.0 : f32, stream 0>, first_phase = 0 : i64}
// CHECK-LABEL: func.func @depthwise_gradient
// CHECK-SAME: tensor<?x4x4x2xf32, #nn.halo<1, 1, 1, 1>>
func.func @depthwise_gradient(%dy: tensor<?x4x4x2xf32>) -> tensor<?x4x4x2xf32> {
  %w = nn.get @depthwise : tensor<3x3x1x2xf32>
  %0 = nn.conv2d_grad_input %dy, %w {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, groups = 2 : i64} : (tensor<?x4x4x2xf32>, tensor<3x3x1x2xf32>) -> tensor<?x4x4x2xf32>
  return %0 : tensor<?x4x4x2xf32>
}

// -----

// Dense layers on tokens read the same forms; tokens and positions stay as they
// are, and so does what trains them.
// CHECK-DAG: nn.parameter @tokens : tensor<4x16xf32, #nn.form<panels>>
// CHECK-DAG: nn.parameter @position : tensor<9x16xf32> {
nn.parameter @tokens : tensor<4x16xf32> {init = #nn.init<fill, 1.0 : f32, stream 0>}
nn.parameter @position : tensor<9x16xf32> {init = #nn.init<fill, 1.0 : f32, stream 0>}
// CHECK-LABEL: func.func @on_tokens
func.func @on_tokens(%x: tensor<?x9x4xf32>, %dy: tensor<?x9x16xf32>, %step: tensor<16xi32>) -> tensor<?x9x16xf32> {
  %w = nn.get @tokens : tensor<4x16xf32>
  %p = nn.get @position : tensor<9x16xf32>
  %0 = nn.dense %x, %w : (tensor<?x9x4xf32>, tensor<4x16xf32>) -> tensor<?x9x16xf32>
  %1 = nn.add_position %0, %p : (tensor<?x9x16xf32>, tensor<9x16xf32>) -> tensor<?x9x16xf32>
  // CHECK: nn.dense_grad_weight {{.*}} -> tensor<4x16xf32, #nn.form<panels>>
  %dw = nn.dense_grad_weight %x, %dy : (tensor<?x9x4xf32>, tensor<?x9x16xf32>) -> tensor<4x16xf32>
  // CHECK: nn.batch_sum {{.*}} -> tensor<9x16xf32>
  %dp = nn.batch_sum %dy : (tensor<?x9x16xf32>) -> tensor<9x16xf32>
  %v = nn.update %w slots() by %dw at %step {optimizer = #nn.optimizer<sgd, keras, {}>} : (tensor<4x16xf32>, tensor<4x16xf32>, tensor<16xi32>) -> tensor<4x16xf32>
  %q = nn.update %p slots() by %dp at %step {optimizer = #nn.optimizer<sgd, keras, {}>} : (tensor<9x16xf32>, tensor<9x16xf32>, tensor<16xi32>) -> tensor<9x16xf32>
  nn.set @tokens, %v : tensor<4x16xf32>
  nn.set @position, %q : tensor<9x16xf32>
  return %1 : tensor<?x9x16xf32>
}

// -----

// Winograd's blocks of 4 are whole: a map of 5 needs 8 rows of results, hence
// 3 zeros more than its pad. Filter and points are in panels.
// CHECK: nn.parameter @frozen : tensor<3x3x4x6xf32, #nn.form<panels>>
nn.parameter @frozen : tensor<3x3x4x6xf32> {init = #nn.init<fill, 1.0 : f32, stream 0>}
// CHECK-LABEL: func.func @winograd
// CHECK-SAME: %{{.*}}: tensor<?x5x8x4xf32, #nn.halo<1, 4, 0, 2>>
// CHECK: nn.winograd_filter {{.*}} -> tensor<36x4x6xf32, #nn.form<panels>>
func.func @winograd(%x: tensor<?x5x8x4xf32>) -> tensor<?x5x7x6xf32> {
  %w = nn.get @frozen : tensor<3x3x4x6xf32>
  %u = nn.winograd_filter %w : (tensor<3x3x4x6xf32>) -> tensor<36x4x6xf32>
  %y = nn.winograd_conv2d %x, %u {pads = array<i64: 1, 1, 0, 1>} : (tensor<?x5x8x4xf32>, tensor<36x4x6xf32>) -> tensor<?x5x7x6xf32>
  return %y : tensor<?x5x7x6xf32>
}

// -----

// Pooled, the blocks of the last row and column are left out: of a map of 9
// only 8 are computed, which reach no zeros behind it.
nn.parameter @frozen : tensor<3x3x4x6xf32> {init = #nn.init<fill, 1.0 : f32, stream 0>}
// CHECK-LABEL: func.func @pooled
// CHECK-SAME: %{{.*}}: tensor<?x9x9x4xf32, #nn.halo<1, 0, 1, 0>>
func.func @pooled(%x: tensor<?x9x9x4xf32>) -> tensor<?x4x4x6xf32> {
  %w = nn.get @frozen : tensor<3x3x4x6xf32>
  %u = nn.winograd_filter %w : (tensor<3x3x4x6xf32>) -> tensor<36x4x6xf32>
  %y = nn.winograd_conv2d %x, %u {pads = array<i64: 1, 1, 1, 1>, pooled} : (tensor<?x9x9x4xf32>, tensor<36x4x6xf32>) -> tensor<?x4x4x6xf32>
  return %y : tensor<?x4x4x6xf32>
}
