// What fine-tuning adds to a step: statistics, clipping, averages, rates.
// RUN: tl-opt %s --tl-differentiate --split-input-file | FileCheck %s

// The stored statistics of a batch norm in training mode follow those of the
// batch; no gradient reaches them, though they change in this phase. They are
// written behind the loss. Keras: momentum 0.99, the biased variance.
// CHECK-LABEL: func.func @keras_statistics
// CHECK: %[[X:.*]] = nn.dense
// CHECK: %[[M:.*]], %[[V:.*]] = nn.batch_stats %[[X]] :
// CHECK: nn.softmax_cross_entropy %
// CHECK: %[[OLD:.*]] = nn.get @bn.moving_mean
// CHECK: %[[NEW:.*]] = nn.moving_average %[[OLD]] by %[[M]] of %[[X]] {momentum = 0.98{{9*}} : f64} :
// CHECK: nn.set @bn.moving_mean, %[[NEW]]
// CHECK: nn.get @bn.moving_variance
// CHECK: nn.moving_average %{{.*}} by %[[V]] of %[[X]] {momentum = 0.98{{9*}} : f64} :
// CHECK: nn.set @bn.moving_variance
// CHECK: nn.softmax_cross_entropy_grad
// CHECK-NOT: batch_norm_grad
// CHECK: nn.set @top.kernel
// CHECK-NOT: nn.set
nn.parameter @w : tensor<3x4xf32> {init = #nn.init<fill, 1.0 : f32, stream 0>}
nn.parameter @one : tensor<4xf32> {value = dense<1.0> : tensor<4xf32>}
nn.parameter @bn.moving_mean : tensor<4xf32> {role = "moving_mean", init = #nn.init<fill, 0.0 : f32, stream 1>, first_phase = 0 : i64}
nn.parameter @bn.moving_variance : tensor<4xf32> {role = "moving_variance", init = #nn.init<fill, 1.0 : f32, stream 2>, first_phase = 0 : i64}
nn.parameter @top.kernel : tensor<4x2xf32> {init = #nn.init<fill, 1.0 : f32, stream 3>, first_phase = 0 : i64}
func.func @keras_statistics(%x: tensor<?x3xf32>, %t: tensor<?xi32>, %s: tensor<16xi32> {nn.name = "step"}) -> tensor<?xf32>
    attributes {nn.entry = "train_step", nn.phase = 0 : i64, nn.optimizer = #nn.optimizer<sgd, keras, {}>} {
  %w = nn.get @w : tensor<3x4xf32>
  %one = nn.get @one : tensor<4xf32>
  %u = nn.get @top.kernel : tensor<4x2xf32>
  %0 = nn.dense %x, %w : (tensor<?x3xf32>, tensor<3x4xf32>) -> tensor<?x4xf32>
  %m, %v = nn.batch_stats %0 {nn.statistics = [@bn.moving_mean, @bn.moving_variance]} : (tensor<?x4xf32>) -> (tensor<4xf32>, tensor<4xf32>)
  %1 = nn.batch_norm %0, %one, %one, %m, %v {batch_statistics, epsilon = 1.0e-3 : f64} : (tensor<?x4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %2 = nn.dense %1, %u : (tensor<?x4xf32>, tensor<4x2xf32>) -> tensor<?x2xf32>
  %3 = nn.softmax_cross_entropy %2, %t : (tensor<?x2xf32>, tensor<?xi32>) -> tensor<?xf32>
  return %3 : tensor<?xf32>
}

// -----

// Torch: momentum 0.9, the unbiased variance.
// CHECK-LABEL: func.func @torch_statistics
// CHECK: nn.moving_average {{.*}} {momentum = {{9.000000e-01|0.9[0-9]*}} : f64} :
// CHECK: nn.moving_average {{.*}} {momentum = {{9.000000e-01|0.9[0-9]*}} : f64, unbiased} :
nn.parameter @one : tensor<4xf32> {value = dense<1.0> : tensor<4xf32>}
nn.parameter @bn.moving_mean : tensor<4xf32> {role = "moving_mean", init = #nn.init<fill, 0.0 : f32, stream 1>, first_phase = 0 : i64}
nn.parameter @bn.moving_variance : tensor<4xf32> {role = "moving_variance", init = #nn.init<fill, 1.0 : f32, stream 2>, first_phase = 0 : i64}
nn.parameter @top.kernel : tensor<4x2xf32> {init = #nn.init<fill, 1.0 : f32, stream 3>, first_phase = 0 : i64}
func.func @torch_statistics(%x: tensor<?x4xf32>, %t: tensor<?xi32>, %s: tensor<16xi32> {nn.name = "step"}) -> tensor<?xf32>
    attributes {nn.entry = "train_step", nn.phase = 0 : i64, nn.optimizer = #nn.optimizer<sgd, torch, {}>} {
  %one = nn.get @one : tensor<4xf32>
  %u = nn.get @top.kernel : tensor<4x2xf32>
  %m, %v = nn.batch_stats %x {nn.statistics = [@bn.moving_mean, @bn.moving_variance]} : (tensor<?x4xf32>) -> (tensor<4xf32>, tensor<4xf32>)
  %1 = nn.batch_norm %x, %one, %one, %m, %v {batch_statistics, epsilon = 1.0e-3 : f64} : (tensor<?x4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %2 = nn.dense %1, %u : (tensor<?x4xf32>, tensor<4x2xf32>) -> tensor<?x2xf32>
  %3 = nn.softmax_cross_entropy %2, %t : (tensor<?x2xf32>, tensor<?xi32>) -> tensor<?xf32>
  return %3 : tensor<?xf32>
}

// -----

// A batch norm that was in training mode in an earlier phase and is frozen
// again reads its stored statistics: no update, and no gradient for them.
// CHECK-LABEL: func.func @frozen_again
// CHECK-NOT: nn.set @bn
// CHECK: nn.set @top.kernel
// CHECK-NOT: nn.set @bn
// CHECK: return
nn.parameter @one : tensor<4xf32> {value = dense<1.0> : tensor<4xf32>}
nn.parameter @bn.moving_mean : tensor<4xf32> {role = "moving_mean", init = #nn.init<fill, 0.0 : f32, stream 1>, first_phase = 0 : i64}
nn.parameter @bn.moving_variance : tensor<4xf32> {role = "moving_variance", init = #nn.init<fill, 1.0 : f32, stream 2>, first_phase = 0 : i64}
nn.parameter @top.kernel : tensor<4x2xf32> {init = #nn.init<fill, 1.0 : f32, stream 3>, first_phase = 0 : i64}
func.func @frozen_again(%x: tensor<?x4xf32>, %t: tensor<?xi32>, %s: tensor<16xi32> {nn.name = "step"}) -> tensor<?xf32>
    attributes {nn.entry = "train_step", nn.phase = 1 : i64, nn.optimizer = #nn.optimizer<sgd, keras, {}>} {
  %one = nn.get @one : tensor<4xf32>
  %m = nn.get @bn.moving_mean : tensor<4xf32>
  %v = nn.get @bn.moving_variance : tensor<4xf32>
  %u = nn.get @top.kernel : tensor<4x2xf32>
  %1 = nn.batch_norm %x, %one, %one, %m, %v {epsilon = 1.0e-3 : f64} : (tensor<?x4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %2 = nn.dense %1, %u : (tensor<?x4xf32>, tensor<4x2xf32>) -> tensor<?x2xf32>
  %3 = nn.softmax_cross_entropy %2, %t : (tensor<?x2xf32>, tensor<?xi32>) -> tensor<?xf32>
  return %3 : tensor<?xf32>
}

// -----

// Clipping scales all gradients by one factor, of what this phase trains alone;
// the backbone's parameters take its rate; the moving average is the last slot.
// CHECK: nn.parameter @base.kernel.average : tensor<300x300xf32> {nn.average, slot_of = @base.kernel}
// CHECK: nn.parameter @base.kernel.slot0 : tensor<300x300xf32> {slot_of = @base.kernel}
// CHECK-LABEL: func.func @clipped
// CHECK: %[[DB:.*]] = nn.dense_grad_weight %{{.*}}, %{{.*}} -> tensor<300x300xf32>
// 90000 elements are two chunks.
// CHECK: %[[SB:.*]] = nn.sum_squares %[[DB]] : (tensor<300x300xf32>) -> tensor<2xf32>
// CHECK: %[[ST:.*]] = nn.sum_squares %[[DT:.*]] : (tensor<300x2xf32>) -> tensor<1xf32>
// CHECK: %[[SCALE:.*]] = nn.clip_scale %[[SB]], %[[ST]] {max_norm = 2.000000e+00 : f64} :
// CHECK: %[[S:.*]] = nn.get @base.kernel.slot0
// CHECK: %[[A:.*]] = nn.get @base.kernel.average
// CHECK: %[[U:.*]]:3 = nn.update %{{.*}} slots(%[[S]], %[[A]]) by %[[DB]] scaled %[[SCALE]] at %{{.*}} {{{.*}}rate = 1 : i64}
// CHECK: nn.set @base.kernel, %[[U]]#0
// CHECK: nn.set @base.kernel.slot0, %[[U]]#1
// CHECK: nn.set @base.kernel.average, %[[U]]#2
// CHECK: nn.update %{{.*}} by %[[DT]] scaled %[[SCALE]]
// CHECK-NOT: rate
// CHECK: nn.set @top.kernel
nn.parameter @base.kernel : tensor<300x300xf32> {init = #nn.init<fill, 1.0 : f32, stream 0>, first_phase = 0 : i64, nn.backbone}
nn.parameter @top.kernel : tensor<300x2xf32> {init = #nn.init<fill, 1.0 : f32, stream 1>, first_phase = 0 : i64}
func.func @clipped(%x: tensor<?x300xf32>, %t: tensor<?xi32>, %s: tensor<16xi32> {nn.name = "step"}) -> tensor<?xf32>
    attributes {nn.entry = "train_step", nn.phase = 0 : i64, nn.clip_norm = 2.0 : f64, nn.optimizer = #nn.optimizer<sgd, keras, {momentum = 9.0e-1 : f64, ema = 9.9e-1 : f64}>} {
  %w0 = nn.get @base.kernel : tensor<300x300xf32>
  %w1 = nn.get @top.kernel : tensor<300x2xf32>
  %0 = nn.dense %x, %w0 : (tensor<?x300xf32>, tensor<300x300xf32>) -> tensor<?x300xf32>
  %1 = nn.dense %0, %w1 : (tensor<?x300xf32>, tensor<300x2xf32>) -> tensor<?x2xf32>
  %2 = nn.softmax_cross_entropy %1, %t : (tensor<?x2xf32>, tensor<?xi32>) -> tensor<?xf32>
  return %2 : tensor<?xf32>
}

// -----

// Phases with different optimizers share the slots that both have.
// CHECK-COUNT-2: nn.parameter @w.slot
// CHECK-NOT: nn.parameter
// CHECK-LABEL: func.func @first
// CHECK: nn.update %{{.*}} slots(%{{[^,]*}}) by
// CHECK-LABEL: func.func @second
// CHECK: nn.get @w.slot0
// CHECK: nn.get @w.slot1
// CHECK: nn.update %{{.*}} slots(%{{.*}}, %{{.*}}) by
nn.parameter @w : tensor<3x2xf32> {init = #nn.init<fill, 1.0 : f32, stream 0>, first_phase = 0 : i64}
func.func @first(%x: tensor<?x3xf32>, %t: tensor<?xi32>, %s: tensor<16xi32> {nn.name = "step"}) -> tensor<?xf32>
    attributes {nn.entry = "train_step", nn.phase = 0 : i64, nn.optimizer = #nn.optimizer<rmsprop, keras, {}>} {
  %w = nn.get @w : tensor<3x2xf32>
  %0 = nn.dense %x, %w : (tensor<?x3xf32>, tensor<3x2xf32>) -> tensor<?x2xf32>
  %1 = nn.softmax_cross_entropy %0, %t : (tensor<?x2xf32>, tensor<?xi32>) -> tensor<?xf32>
  return %1 : tensor<?xf32>
}
func.func @second(%x: tensor<?x3xf32>, %t: tensor<?xi32>, %s: tensor<16xi32> {nn.name = "step"}) -> tensor<?xf32>
    attributes {nn.entry = "train_step", nn.phase = 1 : i64, nn.optimizer = #nn.optimizer<adam, keras, {}>} {
  %w = nn.get @w : tensor<3x2xf32>
  %0 = nn.dense %x, %w : (tensor<?x3xf32>, tensor<3x2xf32>) -> tensor<?x2xf32>
  %1 = nn.softmax_cross_entropy %0, %t : (tensor<?x2xf32>, tensor<?xi32>) -> tensor<?xf32>
  return %1 : tensor<?xf32>
}

// -----

// Class weights and mixup reach the gradient of the loss.
// CHECK-LABEL: func.func @weighted(
// CHECK-SAME: %{{[^,]*}}, %[[T:[^:]*]]: tensor<?xi32>, %[[W:[^:]*]]: tensor<?xf32>, %[[O:[^:]*]]: tensor<?xi32>, %[[M:[^:]*]]: tensor<?xf32>
// CHECK: nn.sigmoid_cross_entropy_grad %{{.*}}, %[[T]] weights %[[W]] mix %[[O]] by %[[M]]
nn.parameter @w : tensor<3x1xf32> {init = #nn.init<fill, 1.0 : f32, stream 0>, first_phase = 0 : i64}
func.func @weighted(%x: tensor<?x3xf32>, %t: tensor<?xi32>, %weights: tensor<?xf32>, %others: tensor<?xi32>, %mix: tensor<?xf32>, %s: tensor<16xi32> {nn.name = "step"}) -> tensor<?xf32>
    attributes {nn.entry = "train_step", nn.phase = 0 : i64, nn.optimizer = #nn.optimizer<sgd, keras, {}>} {
  %w = nn.get @w : tensor<3x1xf32>
  %0 = nn.dense %x, %w : (tensor<?x3xf32>, tensor<3x1xf32>) -> tensor<?x1xf32>
  %1 = nn.sigmoid_cross_entropy %0, %t weights %weights mix %others by %mix : (tensor<?x1xf32>, tensor<?xi32>, tensor<?xf32>, tensor<?xi32>, tensor<?xf32>) -> tensor<?xf32>
  return %1 : tensor<?xf32>
}
