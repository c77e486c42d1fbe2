// RUN: tl-opt %s --tl-differentiate --split-input-file | FileCheck %s

// Gradients stop at the lowest trained parameter: nothing is computed for the
// frozen layer below it, and no optimizer state is declared for it.
// CHECK-NOT: @frozen.kernel.slot
// CHECK: nn.parameter @top.kernel.slot0 : tensor<4x2xf32> {slot_of = @top.kernel}
// CHECK-NOT: @frozen.kernel.slot
// CHECK-LABEL: func.func @step
// CHECK: nn.softmax_cross_entropy %[[Z:.*]], %[[T:.*]] :
// CHECK: %[[DZ:.*]] = nn.softmax_cross_entropy_grad %[[Z]], %[[T]]
// CHECK-NOT: nn.dense_grad_input
// CHECK: %[[DW:.*]] = nn.dense_grad_weight %{{.*}}, %[[DZ]]
// CHECK: %[[S:.*]] = nn.get @top.kernel.slot0
// CHECK: %[[U:.*]]:2 = nn.update %{{.*}} slots(%[[S]]) by %[[DW]]
// CHECK: nn.set @top.kernel, %[[U]]#0
// CHECK: nn.set @top.kernel.slot0, %[[U]]#1
// CHECK-NOT: nn.set @frozen.kernel
// CHECK: return
nn.parameter @frozen.kernel : tensor<3x4xf32> {init = #nn.init<fill, 1.0 : f32, stream 0>}
nn.parameter @top.kernel : tensor<4x2xf32> {init = #nn.init<fill, 1.0 : f32, stream 1>, first_phase = 0 : i64}
func.func @step(%x: tensor<?x3xf32> {nn.name = "frontier"}, %t: tensor<?xi32> {nn.name = "labels"}, %s: tensor<16xi32> {nn.name = "step"}) -> tensor<?xf32>
    attributes {nn.entry = "train_step", nn.phase = 0 : i64, nn.optimizer = #nn.optimizer<sgd, keras, {momentum = 9.0e-1 : f64}>} {
  %w0 = nn.get @frozen.kernel : tensor<3x4xf32>
  %w1 = nn.get @top.kernel : tensor<4x2xf32>
  %0 = nn.dense %x, %w0 : (tensor<?x3xf32>, tensor<3x4xf32>) -> tensor<?x4xf32>
  %1 = nn.dense %0, %w1 : (tensor<?x4xf32>, tensor<4x2xf32>) -> tensor<?x2xf32>
  %2 = nn.softmax_cross_entropy %1, %t : (tensor<?x2xf32>, tensor<?xi32>) -> tensor<?xf32>
  return %2 : tensor<?xf32>
}

// -----

// A parameter that a later phase trains is frozen in this one; a frozen layer
// above a trained one passes the gradient through.
// CHECK-LABEL: func.func @through
// CHECK: %[[DX:.*]] = nn.dense_grad_input
// CHECK: nn.dense_grad_weight %{{.*}}, %[[DX]]
// CHECK: nn.set @below
// CHECK-NOT: nn.set @above
nn.parameter @below : tensor<3x4xf32> {init = #nn.init<fill, 1.0 : f32, stream 0>, first_phase = 0 : i64}
nn.parameter @above : tensor<4x2xf32> {init = #nn.init<fill, 1.0 : f32, stream 1>, first_phase = 1 : i64}
func.func @through(%x: tensor<?x3xf32>, %t: tensor<?xi32>, %s: tensor<16xi32> {nn.name = "step"}) -> tensor<?xf32>
    attributes {nn.entry = "train_step", nn.phase = 0 : i64, nn.optimizer = #nn.optimizer<sgd, keras, {}>} {
  %w0 = nn.get @below : tensor<3x4xf32>
  %w1 = nn.get @above : tensor<4x2xf32>
  %0 = nn.dense %x, %w0 : (tensor<?x3xf32>, tensor<3x4xf32>) -> tensor<?x4xf32>
  %1 = nn.dense %0, %w1 : (tensor<?x4xf32>, tensor<4x2xf32>) -> tensor<?x2xf32>
  %2 = nn.softmax_cross_entropy %1, %t : (tensor<?x2xf32>, tensor<?xi32>) -> tensor<?xf32>
  return %2 : tensor<?xf32>
}

// -----

// A value that is read twice gets the sum of both gradients.
// CHECK-LABEL: func.func @twice
// CHECK: %[[A:.*]] = nn.activation_grad
// CHECK: %[[B:.*]] = nn.activation_grad
// CHECK: nn.add %{{.*}}, %{{.*}}
// CHECK: nn.dense_grad_weight
nn.parameter @w : tensor<3x2xf32> {init = #nn.init<fill, 1.0 : f32, stream 0>, first_phase = 0 : i64}
func.func @twice(%x: tensor<?x3xf32>, %t: tensor<?xi32>, %s: tensor<16xi32> {nn.name = "step"}) -> tensor<?xf32>
    attributes {nn.entry = "train_step", nn.phase = 0 : i64, nn.optimizer = #nn.optimizer<sgd, keras, {}>} {
  %w = nn.get @w : tensor<3x2xf32>
  %0 = nn.dense %x, %w : (tensor<?x3xf32>, tensor<3x2xf32>) -> tensor<?x2xf32>
  %1 = nn.activation %0 {activation = #nn.act<relu>} : (tensor<?x2xf32>) -> tensor<?x2xf32>
  %2 = nn.activation %0 {activation = #nn.act<tanh>} : (tensor<?x2xf32>) -> tensor<?x2xf32>
  %3 = nn.add %1, %2 : (tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<?x2xf32>
  %4 = nn.softmax_cross_entropy %3, %t : (tensor<?x2xf32>, tensor<?xi32>) -> tensor<?xf32>
  return %4 : tensor<?xf32>
}

// -----

// A convolution's gradients: the filter is transposed, once, for that of its
// input, but for one filter a channel, which is its own transpose. All belong
// to the layer. The lowest convolution needs no gradient of its input.
// CHECK-LABEL: func.func @convolutions
// CHECK-DAG: %[[D:.*]] = nn.get @depthwise
// CHECK-DAG: %[[W:.*]] = nn.get @pointwise
// CHECK: %[[T:.*]] = nn.transpose_filter %[[W]] {nn.layer = "pw"}
// CHECK: %[[DX:.*]] = nn.conv2d_grad_input %{{.*}}, %[[T]] {{.*}}nn.layer = "pw"
// CHECK: nn.conv2d_grad_filter {{.*}}nn.layer = "pw"
// CHECK: %[[DX2:.*]] = nn.conv2d_grad_input %[[DX]], %[[D]] {{.*}}nn.layer = "dw"
// CHECK: nn.conv2d_grad_filter %{{.*}}, %[[DX]] {{.*}}nn.layer = "dw"
// CHECK-NOT: nn.conv2d_grad_input
// CHECK: nn.conv2d_grad_filter %{{.*}}, %[[DX2]] {{.*}}nn.layer = "first"
// CHECK: nn.bias_grad %[[DX2]]
nn.parameter @first : tensor<1x1x1x2xf32> {init = #nn.init<fill, 1.0 : f32, stream 0>, first_phase = 0 : i64}
nn.parameter @bias : tensor<2xf32> {init = #nn.init<fill, 1.0 : f32, stream 0>, first_phase = 0 : i64}
nn.parameter @depthwise : tensor<3x3x1x2xf32> {init = #nn.init<fill, 1.0 : f32, stream 0>, first_phase = 0 : i64}
nn.parameter @pointwise : tensor<1x1x2x3xf32> {init = #nn.init<fill, 1.0 : f32, stream 0>, first_phase = 0 : i64}
func.func @convolutions(%x: tensor<?x3x3x1xf32>, %t: tensor<?xi32>, %s: tensor<16xi32> {nn.name = "step"}) -> tensor<?xf32>
    attributes {nn.entry = "train_step", nn.phase = 0 : i64, nn.optimizer = #nn.optimizer<sgd, keras, {}>} {
  %f = nn.get @first : tensor<1x1x1x2xf32>
  %b = nn.get @bias : tensor<2xf32>
  %d = nn.get @depthwise : tensor<3x3x1x2xf32>
  %w = nn.get @pointwise : tensor<1x1x2x3xf32>
  %0 = nn.conv2d %x, %f, %b {nn.layer = "first"} : (tensor<?x3x3x1xf32>, tensor<1x1x1x2xf32>, tensor<2xf32>) -> tensor<?x3x3x2xf32>
  %1 = nn.conv2d %0, %d {groups = 2 : i64, nn.layer = "dw"} : (tensor<?x3x3x2xf32>, tensor<3x3x1x2xf32>) -> tensor<?x1x1x2xf32>
  %2 = nn.conv2d %1, %w {nn.layer = "pw"} : (tensor<?x1x1x2xf32>, tensor<1x1x2x3xf32>) -> tensor<?x1x1x3xf32>
  %3 = nn.reshape %2 : (tensor<?x1x1x3xf32>) -> tensor<?x3xf32>
  %4 = nn.softmax_cross_entropy %3, %t : (tensor<?x3xf32>, tensor<?xi32>) -> tensor<?xf32>
  return %4 : tensor<?xf32>
}
