// RUN: tl-opt %s --tl-assign-layouts | FileCheck %s

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
