// Operations of fine-tuning are printed as they are read, in the custom and the
// generic form: batch normalisation in training, weighted and mixed losses,
// clipping, updates with all their operands.
// RUN: tl-opt %s | FileCheck %s
// RUN: tl-opt %s | tl-opt | FileCheck %s
// RUN: tl-opt %s --mlir-print-op-generic | tl-opt | FileCheck %s

// Statistics of a batch, the running ones of both frameworks, and the
// normalisation that uses the former.
// CHECK-LABEL: func.func @statistics
func.func @statistics(%x: tensor<?x5x5x4xf32, #nn.halo<1, 1, 1, 1>>, %c: tensor<4xf32>) {
  // CHECK: %[[S:.*]], %[[V:.*]] = nn.batch_stats %{{.*}} : (tensor<?x5x5x4xf32, #nn.halo<1, 1, 1, 1>>) -> (tensor<4xf32>, tensor<4xf32>)
  %m, %v = nn.batch_stats %x : (tensor<?x5x5x4xf32, #nn.halo<1, 1, 1, 1>>) -> (tensor<4xf32>, tensor<4xf32>)
  // CHECK: nn.moving_average %{{.*}} by %[[S]] of %{{.*}} {momentum = 7.500000e-01 : f64} : (tensor<4xf32>, tensor<4xf32>, tensor<?x5x5x4xf32, #nn.halo<1, 1, 1, 1>>) -> tensor<4xf32>
  %0 = nn.moving_average %c by %m of %x {momentum = 0.75} : (tensor<4xf32>, tensor<4xf32>, tensor<?x5x5x4xf32, #nn.halo<1, 1, 1, 1>>) -> tensor<4xf32>
  // CHECK: nn.moving_average %{{.*}} by %[[V]] of %{{.*}} {momentum = 9.000000e-01 : f64, unbiased}
  %1 = nn.moving_average %c by %v of %x {momentum = 0.9, unbiased} : (tensor<4xf32>, tensor<4xf32>, tensor<?x5x5x4xf32, #nn.halo<1, 1, 1, 1>>) -> tensor<4xf32>
  // CHECK: nn.batch_norm %{{.*}}, %{{.*}}, %{{.*}}, %[[S]], %[[V]] {batch_statistics, epsilon = 1.000000e-03 : f64}
  %2 = nn.batch_norm %x, %c, %c, %m, %v {epsilon = 1.0e-3, batch_statistics} : (tensor<?x5x5x4xf32, #nn.halo<1, 1, 1, 1>>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<?x5x5x4xf32>
  return
}

// The gradients of a batch norm, of features too, through its statistics and
// past them.
// CHECK-LABEL: func.func @norm_gradients
func.func @norm_gradients(%dy: tensor<?x4xf32>, %x: tensor<?x4xf32>, %c: tensor<4xf32>) {
  // CHECK: %[[G:.*]], %[[B:.*]] = nn.batch_norm_grad_affine %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} {epsilon = 1.000000e-03 : f64} : (tensor<?x4xf32>, tensor<?x4xf32>, tensor<4xf32>, tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>)
  %g, %b = nn.batch_norm_grad_affine %dy, %x, %c, %c {epsilon = 1.0e-3} : (tensor<?x4xf32>, tensor<?x4xf32>, tensor<4xf32>, tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>)
  // CHECK: nn.batch_norm_grad_input %{{[a-z0-9]+}}, %{{[a-z0-9]+}}, %{{[a-z0-9]+}} {epsilon = 1.000000e-03 : f64} : (tensor<?x4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %0 = nn.batch_norm_grad_input %dy, %c, %c {epsilon = 1.0e-3} : (tensor<?x4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  // CHECK: nn.batch_norm_grad_input %{{.*}}, %{{.*}}, %{{.*}} through %{{.*}}, %{{.*}}, %[[G]], %[[B]] {epsilon = 1.000000e-03 : f64}
  %1 = nn.batch_norm_grad_input %dy, %c, %c through %x, %c, %g, %b {epsilon = 1.0e-3} : (tensor<?x4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<?x4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  return
}

// A loss with weights, with two labels, with both; a gradient likewise.
// CHECK-LABEL: func.func @losses
func.func @losses(%z: tensor<?x3xf32>, %s: tensor<?x1xf32>, %t: tensor<?xi32>, %w: tensor<?xf32>) {
  // CHECK: nn.softmax_cross_entropy %{{[a-z0-9]+}}, %{{[a-z0-9]+}} weights %{{[a-z0-9]+}} : (tensor<?x3xf32>, tensor<?xi32>, tensor<?xf32>) -> tensor<?xf32>
  %0 = nn.softmax_cross_entropy %z, %t weights %w : (tensor<?x3xf32>, tensor<?xi32>, tensor<?xf32>) -> tensor<?xf32>
  // CHECK: nn.softmax_cross_entropy_grad %{{[a-z0-9]+}}, %{{[a-z0-9]+}} mix %{{[a-z0-9]+}} by %{{[a-z0-9]+}} {label_smoothing = 1.000000e-01 : f64}
  %1 = nn.softmax_cross_entropy_grad %z, %t mix %t by %w {label_smoothing = 0.1} : (tensor<?x3xf32>, tensor<?xi32>, tensor<?xi32>, tensor<?xf32>) -> tensor<?x3xf32>
  // CHECK: nn.sigmoid_cross_entropy %{{[a-z0-9]+}}, %{{[a-z0-9]+}} weights %{{[a-z0-9]+}} mix %{{[a-z0-9]+}} by %{{[a-z0-9]+}} :
  %2 = nn.sigmoid_cross_entropy %s, %t weights %w mix %t by %w : (tensor<?x1xf32>, tensor<?xi32>, tensor<?xf32>, tensor<?xi32>, tensor<?xf32>) -> tensor<?xf32>
  // CHECK: nn.sigmoid_cross_entropy_grad %{{[a-z0-9]+}}, %{{[a-z0-9]+}} weights %{{[a-z0-9]+}} :
  %3 = nn.sigmoid_cross_entropy_grad %s, %t weights %w : (tensor<?x1xf32>, tensor<?xi32>, tensor<?xf32>) -> tensor<?x1xf32>
  return
}

// Partial sums count stored elements: panels of 5 x 17 weights hold 160, 65536
// elements are one chunk and one more are two. The norm of two gradients, by
// both rules.
// CHECK-LABEL: func.func @clipping
func.func @clipping(%a: tensor<5x17xf32, #nn.form<panels>>, %b: tensor<65537xf32>) {
  // CHECK: %[[A:.*]] = nn.sum_squares %{{.*}} : (tensor<5x17xf32, #nn.form<panels>>) -> tensor<1xf32>
  %0 = nn.sum_squares %a : (tensor<5x17xf32, #nn.form<panels>>) -> tensor<1xf32>
  // CHECK: %[[B:.*]] = nn.sum_squares %{{.*}} : (tensor<65537xf32>) -> tensor<2xf32>
  %1 = nn.sum_squares %b : (tensor<65537xf32>) -> tensor<2xf32>
  // CHECK: nn.clip_scale %[[A]], %[[B]] {max_norm = 1.000000e+00 : f64} : (tensor<1xf32>, tensor<2xf32>) -> tensor<1xf32>
  %2 = nn.clip_scale %0, %1 {max_norm = 1.0} : (tensor<1xf32>, tensor<2xf32>) -> tensor<1xf32>
  // CHECK: nn.clip_scale %[[A]] {max_norm = 5.000000e-01 : f64, torch}
  %3 = nn.clip_scale %0 {max_norm = 0.5, torch} : (tensor<1xf32>) -> tensor<1xf32>
  return
}

// An update by a clipped gradient at the backbone's rate; decay; an average in
// a slot after the rule's own.
// CHECK-LABEL: func.func @updates
func.func @updates(%p: tensor<3xf32>, %m: tensor<3xf32>, %a: tensor<3xf32>, %g: tensor<3xf32>, %c: tensor<1xf32>, %step: tensor<16xi32>) {
  // CHECK: nn.update %{{.*}} slots(%{{[a-z0-9]+}}) by %{{[a-z0-9]+}} scaled %{{[a-z0-9]+}} at %{{[a-z0-9]+}} {optimizer = #nn.optimizer<sgd, torch, {momentum = 9.000000e-01 : f64, weight_decay = 1.000000e-02 : f64}>, rate = 1 : i64}
  %0:2 = nn.update %p slots(%m) by %g scaled %c at %step {optimizer = #nn.optimizer<sgd, torch, {momentum = 0.9, weight_decay = 0.01}>, rate = 1} : (tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<1xf32>, tensor<16xi32>) -> (tensor<3xf32>, tensor<3xf32>)
  // CHECK: nn.update %{{.*}} slots(%{{[a-z0-9]+}}, %{{[a-z0-9]+}}) by %{{[a-z0-9]+}} at %{{[a-z0-9]+}} {optimizer = #nn.optimizer<rmsprop, keras, {ema = 7.500000e-01 : f64}>}
  %1:3 = nn.update %p slots(%m, %a) by %g at %step {optimizer = #nn.optimizer<rmsprop, keras, {ema = 0.75}>} : (tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<16xi32>) -> (tensor<3xf32>, tensor<3xf32>, tensor<3xf32>)
  return
}

// An update that makes a dense layer's gradient itself.
// CHECK-LABEL: func.func @dense_update
func.func @dense_update(%p: tensor<3x2xf32>, %m: tensor<3x2xf32>, %x: tensor<?x3xf32>, %dy: tensor<?x2xf32>, %step: tensor<16xi32>) {
  // CHECK: nn.dense_update %{{.*}} slots(%{{[a-z0-9]+}}) by %{{[a-z0-9]+}}, %{{[a-z0-9]+}} at %{{[a-z0-9]+}} {optimizer = #nn.optimizer<rmsprop, keras, {}>, rate = 1 : i64}
  %0:2 = nn.dense_update %p slots(%m) by %x, %dy at %step {optimizer = #nn.optimizer<rmsprop, keras, {}>, rate = 1} : (tensor<3x2xf32>, tensor<3x2xf32>, tensor<?x3xf32>, tensor<?x2xf32>, tensor<16xi32>) -> (tensor<3x2xf32>, tensor<3x2xf32>)
  return
}
