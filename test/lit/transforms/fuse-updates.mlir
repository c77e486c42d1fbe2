// RUN: tl-opt %s --tl-fuse-updates --split-input-file | FileCheck %s

// The update makes the gradient itself, at its own place: behind the last read
// of the old weight. Slots, rate and the layer's name go with it.
// CHECK-LABEL: func.func @tall
// CHECK-NOT: nn.dense_grad_weight
// CHECK: nn.dense_grad_input
// CHECK: %[[U:.*]]:2 = nn.dense_update %[[P:.*]] slots(%[[M:.*]]) by %[[X:.*]], %[[DY:.*]] at %{{.*}} {nn.layer = "top", optimizer = #nn.optimizer<rmsprop, keras, {}>, rate = 1 : i64}
// CHECK-NEXT: nn.set @w, %[[U]]#0
// CHECK-NEXT: nn.set @w.slot0, %[[U]]#1
nn.parameter @w : tensor<3x2xf32> {init = #nn.init<fill, 1.0 : f32, stream 0>, first_phase = 0 : i64}
nn.parameter @w.slot0 : tensor<3x2xf32> {slot_of = @w}
func.func @tall(%x: tensor<?x3xf32>, %dy: tensor<?x2xf32>, %s: tensor<16xi32>) -> tensor<?x3xf32> {
  %w = nn.get @w : tensor<3x2xf32>
  %m = nn.get @w.slot0 : tensor<3x2xf32>
  %g = nn.dense_grad_weight %x, %dy {nn.layer = "top"} : (tensor<?x3xf32>, tensor<?x2xf32>) -> tensor<3x2xf32>
  %dx = nn.dense_grad_input %dy, %w : (tensor<?x2xf32>, tensor<3x2xf32>) -> tensor<?x3xf32>
  %u:2 = nn.update %w slots(%m) by %g at %s {optimizer = #nn.optimizer<rmsprop, keras, {}>, rate = 1} : (tensor<3x2xf32>, tensor<3x2xf32>, tensor<3x2xf32>, tensor<16xi32>) -> (tensor<3x2xf32>, tensor<3x2xf32>)
  nn.set @w, %u#0 : tensor<3x2xf32>
  nn.set @w.slot0, %u#1 : tensor<3x2xf32>
  return %dx : tensor<?x3xf32>
}

// -----

// A clipped gradient is read twice, and its factor comes late.
// CHECK-LABEL: func.func @clipped
// CHECK: nn.dense_grad_weight
// CHECK: nn.update
func.func @clipped(%w: tensor<3x2xf32>, %x: tensor<?x3xf32>, %dy: tensor<?x2xf32>, %s: tensor<16xi32>) -> tensor<3x2xf32> {
  %g = nn.dense_grad_weight %x, %dy : (tensor<?x3xf32>, tensor<?x2xf32>) -> tensor<3x2xf32>
  %q = nn.sum_squares %g : (tensor<3x2xf32>) -> tensor<1xf32>
  %c = nn.clip_scale %q {max_norm = 1.0} : (tensor<1xf32>) -> tensor<1xf32>
  %u = nn.update %w slots() by %g scaled %c at %s {optimizer = #nn.optimizer<sgd, keras, {}>} : (tensor<3x2xf32>, tensor<3x2xf32>, tensor<1xf32>, tensor<16xi32>) -> tensor<3x2xf32>
  return %u : tensor<3x2xf32>
}

// -----

// A gradient that something else reads too is made once, for both.
// CHECK-LABEL: func.func @read
// CHECK: nn.dense_grad_weight
// CHECK: nn.update
func.func @read(%w: tensor<3x2xf32>, %x: tensor<?x3xf32>, %dy: tensor<?x2xf32>, %s: tensor<16xi32>) -> (tensor<3x2xf32>, tensor<3x2xf32>) {
  %g = nn.dense_grad_weight %x, %dy : (tensor<?x3xf32>, tensor<?x2xf32>) -> tensor<3x2xf32>
  %u = nn.update %w slots() by %g at %s {optimizer = #nn.optimizer<sgd, keras, {}>} : (tensor<3x2xf32>, tensor<3x2xf32>, tensor<16xi32>) -> tensor<3x2xf32>
  return %u, %g : tensor<3x2xf32>, tensor<3x2xf32>
}

// -----

// Sums over tokens stay a product of their own.
// CHECK-LABEL: func.func @tokens
// CHECK: nn.dense_grad_weight
// CHECK: nn.update
func.func @tokens(%w: tensor<3x2xf32>, %x: tensor<?x5x3xf32>, %dy: tensor<?x5x2xf32>, %s: tensor<16xi32>) -> tensor<3x2xf32> {
  %g = nn.dense_grad_weight %x, %dy : (tensor<?x5x3xf32>, tensor<?x5x2xf32>) -> tensor<3x2xf32>
  %u = nn.update %w slots() by %g at %s {optimizer = #nn.optimizer<sgd, keras, {}>} : (tensor<3x2xf32>, tensor<3x2xf32>, tensor<16xi32>) -> tensor<3x2xf32>
  return %u : tensor<3x2xf32>
}
