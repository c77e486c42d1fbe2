// RUN: tl-opt %s --tl-differentiate --tl-advance-updates --split-input-file | FileCheck %s

// Each update follows its gradient and the last read of its parameter, here by
// the gradient of the layer's input, with its slot and what it stores; so the
// upper layer's gradient is dead before that of the lower one is made.
// CHECK-LABEL: func.func @step
// CHECK: nn.softmax_cross_entropy_grad
// CHECK-DAG: nn.dense_grad_input %{{.*}}, %[[TOP:.*]] :
// CHECK-DAG: %[[DTOP:.*]] = nn.dense_grad_weight {{.*}} -> tensor<4x2xf32>
// CHECK-NEXT: %[[SLOT:.*]] = nn.get @top.slot0
// CHECK-NEXT: %[[NEW:.*]]:2 = nn.update %[[TOP]] slots(%[[SLOT]]) by %[[DTOP]]
// CHECK-DAG: nn.set @top, %[[NEW]]#0
// CHECK-DAG: nn.set @top.slot0, %[[NEW]]#1
// CHECK: %[[DBELOW:.*]] = nn.dense_grad_weight {{.*}} -> tensor<3x4xf32>
// CHECK: nn.update %{{.*}} by %[[DBELOW]]
// CHECK: return
nn.parameter @below : tensor<3x4xf32> {init = #nn.init<fill, 1.0 : f32, stream 0>, first_phase = 0 : i64}
nn.parameter @top : tensor<4x2xf32> {init = #nn.init<fill, 1.0 : f32, stream 1>, first_phase = 0 : i64}
func.func @step(%x: tensor<?x3xf32>, %t: tensor<?xi32>, %s: tensor<16xi32> {nn.name = "step"}) -> tensor<?xf32>
    attributes {nn.entry = "train_step", nn.phase = 0 : i64, nn.optimizer = #nn.optimizer<sgd, keras, {momentum = 9.0e-1 : f64}>} {
  %w0 = nn.get @below : tensor<3x4xf32>
  %w1 = nn.get @top : tensor<4x2xf32>
  %0 = nn.dense %x, %w0 : (tensor<?x3xf32>, tensor<3x4xf32>) -> tensor<?x4xf32>
  %1 = nn.dense %0, %w1 : (tensor<?x4xf32>, tensor<4x2xf32>) -> tensor<?x2xf32>
  %2 = nn.softmax_cross_entropy %1, %t : (tensor<?x2xf32>, tensor<?xi32>) -> tensor<?xf32>
  return %2 : tensor<?xf32>
}

// -----

// With clipping each update waits for the norm of all gradients.
// CHECK-LABEL: func.func @clipped
// CHECK-NOT: nn.update
// CHECK: %[[SCALE:.*]] = nn.clip_scale
// CHECK: nn.update {{.*}} scaled %[[SCALE]]
// CHECK: nn.update {{.*}} scaled %[[SCALE]]
nn.parameter @below : tensor<3x4xf32> {init = #nn.init<fill, 1.0 : f32, stream 0>, first_phase = 0 : i64}
nn.parameter @top : tensor<4x2xf32> {init = #nn.init<fill, 1.0 : f32, stream 1>, first_phase = 0 : i64}
func.func @clipped(%x: tensor<?x3xf32>, %t: tensor<?xi32>, %s: tensor<16xi32> {nn.name = "step"}) -> tensor<?xf32>
    attributes {nn.entry = "train_step", nn.phase = 0 : i64, nn.clip_norm = 1.0 : f64, nn.optimizer = #nn.optimizer<sgd, keras, {}>} {
  %w0 = nn.get @below : tensor<3x4xf32>
  %w1 = nn.get @top : tensor<4x2xf32>
  %0 = nn.dense %x, %w0 : (tensor<?x3xf32>, tensor<3x4xf32>) -> tensor<?x4xf32>
  %1 = nn.dense %0, %w1 : (tensor<?x4xf32>, tensor<4x2xf32>) -> tensor<?x2xf32>
  %2 = nn.softmax_cross_entropy %1, %t : (tensor<?x2xf32>, tensor<?xi32>) -> tensor<?xf32>
  return %2 : tensor<?xf32>
}

// -----

// A value that is computed again for the backward pass reads its weight there:
// the update waits for that too, also where a get of its own gives it.
// CHECK-LABEL: func.func @again
// CHECK: nn.dense_grad_weight
// CHECK: nn.dense {{.*}}nn.layer = "again"
// CHECK-NEXT: nn.update
// CHECK: nn.softmax
nn.parameter @w : tensor<3x2xf32> {init = #nn.init<fill, 1.0 : f32, stream 0>, first_phase = 0 : i64}
func.func @again(%x: tensor<?x3xf32>, %t: tensor<?xi32>, %g: tensor<?x2xf32>, %s: tensor<16xi32> {nn.name = "step"}) -> tensor<?x2xf32>
    attributes {nn.entry = "predict"} {
  %w = nn.get @w : tensor<3x2xf32>
  %v = nn.get @w : tensor<3x2xf32>
  %0 = nn.dense_grad_weight %x, %g : (tensor<?x3xf32>, tensor<?x2xf32>) -> tensor<3x2xf32>
  %1 = nn.dense %x, %v {nn.layer = "again"} : (tensor<?x3xf32>, tensor<3x2xf32>) -> tensor<?x2xf32>
  %2 = nn.softmax %1 : (tensor<?x2xf32>) -> tensor<?x2xf32>
  %u = nn.update %w slots() by %0 at %s {optimizer = #nn.optimizer<sgd, keras, {}>} : (tensor<3x2xf32>, tensor<3x2xf32>, tensor<16xi32>) -> tensor<3x2xf32>
  nn.set @w, %u : tensor<3x2xf32>
  return %2 : tensor<?x2xf32>
}
