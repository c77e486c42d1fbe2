// Every NN operation is printed as it is read, in the custom and the generic
// form.
// RUN: tl-opt %s | FileCheck %s
// RUN: tl-opt %s | tl-opt | FileCheck %s
// RUN: tl-opt %s --mlir-print-op-generic | tl-opt | FileCheck %s

// Values, an initialiser, a slot; identity attributes survive.
// CHECK: nn.parameter @conv.kernel : tensor<3x3x2x4xf32> {first_phase = 1 : i64, init = #nn.init<uniform, 5.000000e-02 : f32, stream 3>, layer = "conv", role = "kernel"}
nn.parameter @conv.kernel : tensor<3x3x2x4xf32> {init = #nn.init<uniform, 5.0e-2 : f32, stream 3>, layer = "conv", role = "kernel", first_phase = 1 : i64}
// CHECK: nn.parameter @dense.bias : tensor<2xf32> {value = dense<[1.000000e+00, -2.000000e+00]> : tensor<2xf32>}
nn.parameter @dense.bias : tensor<2xf32> {value = dense<[1.0, -2.0]> : tensor<2xf32>}
// CHECK: nn.parameter @dense.bias.m : tensor<2xf32> {init = #nn.init<fill, 0.000000e+00 : f32, stream 0, seed 7 : i64>, slot_of = @dense.bias}
nn.parameter @dense.bias.m : tensor<2xf32> {init = #nn.init<fill, 0.0 : f32, stream 0, seed 7 : i64>, slot_of = @dense.bias}
// The two normal distributions.
// CHECK: #nn.init<normal, 1.000000e+00 : f32, stream 1>
nn.parameter @normal : tensor<2xf32> {init = #nn.init<normal, 1.0 : f32, stream 1>}
// CHECK: #nn.init<truncated_normal, 1.000000e+00 : f32, stream 2>
nn.parameter @truncated : tensor<2xf32> {init = #nn.init<truncated_normal, 1.0 : f32, stream 2>}

// CHECK-LABEL: func.func @parameters
func.func @parameters() {
  // CHECK: %[[B:.*]] = nn.get @dense.bias : tensor<2xf32>
  %b = nn.get @dense.bias : tensor<2xf32>
  // CHECK: nn.set @dense.bias, %[[B]] : tensor<2xf32>
  nn.set @dense.bias, %b : tensor<2xf32>
  return
}

// A convolution without bias, with everything, and with a residual alone; the
// attributes that have their default stay away.
// CHECK-LABEL: func.func @convolutions
func.func @convolutions(%x: tensor<?x8x8x4xf32>, %w: tensor<3x3x2x4xf32>, %b: tensor<4xf32>,
                        %p: tensor<1x1x4x4xf32>) -> tensor<?x8x8x4xf32> {
  // CHECK: nn.conv2d %{{.*}}, %{{.*}} : (tensor<?x8x8x4xf32>, tensor<1x1x4x4xf32>) -> tensor<?x8x8x4xf32>
  %y = nn.conv2d %x, %p : (tensor<?x8x8x4xf32>, tensor<1x1x4x4xf32>) -> tensor<?x8x8x4xf32>
  // CHECK: nn.conv2d %{{.*}}, %{{.*}}, %{{.*}} residual %{{.*}} {activation = #nn.act<relu>, dilations = array<i64: 2, 2>, groups = 2 : i64, nn.layer = "c", pads = array<i64: 2, 2, 2, 2>}
  %z = nn.conv2d %y, %w, %b residual %y {activation = #nn.act<relu>, dilations = array<i64: 2, 2>, groups = 2, nn.layer = "c", pads = array<i64: 2, 2, 2, 2>, strides = array<i64: 1, 1>}
     : (tensor<?x8x8x4xf32>, tensor<3x3x2x4xf32>, tensor<4xf32>, tensor<?x8x8x4xf32>) -> tensor<?x8x8x4xf32>
  // CHECK: nn.conv2d %{{.*}}, %{{.*}} residual %{{[a-z0-9]+}} : (
  %r = nn.conv2d %z, %p residual %y : (tensor<?x8x8x4xf32>, tensor<1x1x4x4xf32>, tensor<?x8x8x4xf32>) -> tensor<?x8x8x4xf32>
  // CHECK: nn.conv2d %{{.*}}, %{{.*}} {strides = array<i64: 2, 1>}
  %s = nn.conv2d %r, %p {strides = array<i64: 2, 1>} : (tensor<?x8x8x4xf32>, tensor<1x1x4x4xf32>) -> tensor<?x4x8x4xf32>
  return %r : tensor<?x8x8x4xf32>
}

// The layers over pictures, with the encodings of the layout phase.
// CHECK-LABEL: func.func @pictures
func.func @pictures(%x: tensor<?x5x5x4xf32, #nn.halo<1, 1, 1, 1>>, %c: tensor<4xf32>) -> tensor<?x8xf32> {
  // CHECK: nn.batch_norm {{.*}} {epsilon = 1.000000e-03 : f64} : (tensor<?x5x5x4xf32, #nn.halo<1, 1, 1, 1>>
  %0 = nn.batch_norm %x, %c, %c, %c, %c {epsilon = 1.0e-3} : (tensor<?x5x5x4xf32, #nn.halo<1, 1, 1, 1>>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<?x5x5x4xf32>
  // CHECK: nn.max_pool %{{.*}} {pads = array<i64: 0, 1, 0, 1>, strides = array<i64: 2, 2>, window = array<i64: 2, 2>}
  %1 = nn.max_pool %0 {window = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 1, 0, 1>} : (tensor<?x5x5x4xf32>) -> tensor<?x3x3x4xf32>
  // CHECK: nn.pad %{{.*}} {pads = array<i64: 1, 0, 0, 2>}
  %2 = nn.pad %1 {pads = array<i64: 1, 0, 0, 2>} : (tensor<?x3x3x4xf32>) -> tensor<?x4x5x4xf32>
  // CHECK: nn.avg_pool %{{.*}} {count_padding, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 2, 1>, window = array<i64: 2, 2>}
  %3 = nn.avg_pool %2 {window = array<i64: 2, 2>, strides = array<i64: 2, 1>, pads = array<i64: 0, 0, 0, 0>, count_padding} : (tensor<?x4x5x4xf32>) -> tensor<?x2x4x4xf32>
  // CHECK: nn.add %{{.*}}, %{{.*}} {activation = #nn.act<relu6>}
  %4 = nn.add %3, %3 {activation = #nn.act<relu6>} : (tensor<?x2x4x4xf32>, tensor<?x2x4x4xf32>) -> tensor<?x2x4x4xf32>
  // CHECK: nn.add %{{[a-z0-9]+}}, %{{[a-z0-9]+}} : (
  %5 = nn.add %4, %3 : (tensor<?x2x4x4xf32>, tensor<?x2x4x4xf32>) -> tensor<?x2x4x4xf32>
  // CHECK: nn.concat %{{.*}}, %{{.*}} : (tensor<?x2x4x4xf32>, tensor<?x2x4x4xf32>) -> tensor<?x2x4x8xf32>
  %6 = nn.concat %4, %5 : (tensor<?x2x4x4xf32>, tensor<?x2x4x4xf32>) -> tensor<?x2x4x8xf32>
  // CHECK: nn.global_avg_pool %{{.*}} : (tensor<?x2x4x8xf32>) -> tensor<?x8xf32>
  %7 = nn.global_avg_pool %6 : (tensor<?x2x4x8xf32>) -> tensor<?x8xf32>
  return %7 : tensor<?x8xf32>
}

// The layers over features; the slope of an activation; dropout in training
// and in inference.
// CHECK-LABEL: func.func @features
func.func @features(%x: tensor<?x2x3x4xf32>, %w: tensor<24x2xf32, #nn.form<rows>>, %v: tensor<2x2xf32>,
                    %b: tensor<2xf32>, %ids: tensor<?xi32>, %step: tensor<16xi32>) -> tensor<?x2xf32> {
  // CHECK: nn.reshape %{{.*}} : (tensor<?x2x3x4xf32>) -> tensor<?x24xf32>
  %0 = nn.reshape %x : (tensor<?x2x3x4xf32>) -> tensor<?x24xf32>
  // CHECK: nn.dense %{{.*}}, %{{.*}}, %{{.*}} {activation = #nn.act<sigmoid>} : (tensor<?x24xf32>, tensor<24x2xf32, #nn.form<rows>>, tensor<2xf32>)
  %1 = nn.dense %0, %w, %b {activation = #nn.act<sigmoid>} : (tensor<?x24xf32>, tensor<24x2xf32, #nn.form<rows>>, tensor<2xf32>) -> tensor<?x2xf32>
  // CHECK: nn.dense %{{[a-z0-9]+}}, %{{[a-z0-9]+}} : (
  %2 = nn.dense %1, %v : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  // CHECK: nn.activation %{{.*}} {activation = #nn.act<leaky_relu, 1.000000e-01 : f64>}
  %3 = nn.activation %2 {activation = #nn.act<leaky_relu, 1.0e-1>} : (tensor<?x2xf32>) -> tensor<?x2xf32>
  // CHECK: nn.dropout %{{.*}} ids %{{.*}} step %{{.*}} {rate = 5.000000e-01 : f64, stream = 3 : i64}
  %4 = nn.dropout %3 ids %ids step %step {rate = 0.5, stream = 3} : (tensor<?x2xf32>, tensor<?xi32>, tensor<16xi32>) -> tensor<?x2xf32>
  // CHECK: nn.dropout %{{[a-z0-9]+}} {rate
  %5 = nn.dropout %4 {rate = 0.5, stream = 3} : (tensor<?x2xf32>) -> tensor<?x2xf32>
  // CHECK: nn.softmax %{{.*}} : (tensor<?x2xf32>) -> tensor<?x2xf32>
  %6 = nn.softmax %5 : (tensor<?x2xf32>) -> tensor<?x2xf32>
  return %6 : tensor<?x2xf32>
}

// Parts of values, and zero channels around them.
// CHECK-LABEL: func.func @parts
func.func @parts(%x: tensor<?x5x5x4xf32, #nn.halo<1, 1, 1, 1>>, %t: tensor<?x7x4xf32>) {
  // CHECK: nn.slice %{{.*}} {offsets = array<i64: 0, 0, 0>, strides = array<i64: 2, 2, 1>} : (tensor<?x5x5x4xf32, #nn.halo<1, 1, 1, 1>>) -> tensor<?x3x3x4xf32>
  %0 = nn.slice %x {offsets = array<i64: 0, 0, 0>, strides = array<i64: 2, 2, 1>} : (tensor<?x5x5x4xf32, #nn.halo<1, 1, 1, 1>>) -> tensor<?x3x3x4xf32>
  // CHECK: nn.pad_channels %{{.*}} {after = 2 : i64, before = 1 : i64} : (tensor<?x3x3x4xf32>) -> tensor<?x3x3x7xf32>
  %1 = nn.pad_channels %0 {before = 1 : i64, after = 2 : i64} : (tensor<?x3x3x4xf32>) -> tensor<?x3x3x7xf32>
  // The first token.
  // CHECK: nn.slice %{{.*}} {offsets = array<i64: 0, 0>, strides = array<i64: 1, 1>} : (tensor<?x7x4xf32>) -> tensor<?x1x4xf32>
  %2 = nn.slice %t {offsets = array<i64: 0, 0>, strides = array<i64: 1, 1>} : (tensor<?x7x4xf32>) -> tensor<?x1x4xf32>
  return
}

// Products with a factor a channel.
// CHECK-LABEL: func.func @factors
func.func @factors(%x: tensor<?x3x2x4xf32>, %g: tensor<?x1x1x4xf32>, %s: tensor<4xf32>) {
  // CHECK: nn.multiply %{{.*}}, %{{.*}} : (tensor<?x3x2x4xf32>, tensor<?x1x1x4xf32>) -> tensor<?x3x2x4xf32>
  %0 = nn.multiply %x, %g : (tensor<?x3x2x4xf32>, tensor<?x1x1x4xf32>) -> tensor<?x3x2x4xf32>
  // CHECK: nn.scale_channels %{{.*}}, %{{.*}} : (tensor<?x3x2x4xf32>, tensor<4xf32>) -> tensor<?x3x2x4xf32>
  %1 = nn.scale_channels %0, %s : (tensor<?x3x2x4xf32>, tensor<4xf32>) -> tensor<?x3x2x4xf32>
  // CHECK: nn.rescale %{{.*}} {offset = array<f32: -1.000000e+00>, scale = array<f32: 5.000000e-01>} : (tensor<?x3x2x4xf32>) -> tensor<?x3x2x4xf32>
  %2 = nn.rescale %1 {scale = array<f32: 0.5>, offset = array<f32: -1.0>} : (tensor<?x3x2x4xf32>) -> tensor<?x3x2x4xf32>
  // CHECK: nn.standardize %{{.*}}, %{{.*}} mean %{{.*}} : (tensor<?x3x2x4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<?x3x2x4xf32>
  %3 = nn.standardize %2, %s mean %s : (tensor<?x3x2x4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<?x3x2x4xf32>
  // CHECK: nn.dropout %{{.*}} {per_picture, rate = 5.000000e-01 : f64, stream = 1 : i64}
  %4 = nn.dropout %3 {rate = 0.5, stream = 1 : i64, per_picture} : (tensor<?x3x2x4xf32>) -> tensor<?x3x2x4xf32>
  // CHECK: nn.activation %{{.*}} {activation = #nn.act<gelu_tanh>}
  %5 = nn.activation %4 {activation = #nn.act<gelu_tanh>} : (tensor<?x3x2x4xf32>) -> tensor<?x3x2x4xf32>
  return
}

// The layers over tokens; a dense layer takes each token as a row.
// CHECK-LABEL: func.func @tokens
func.func @tokens(%x: tensor<?x6x4xf32>, %c: tensor<4xf32>, %p: tensor<7x4xf32>, %w: tensor<4x24xf32>) {
  // CHECK: nn.prepend_token %{{.*}}, %{{.*}} : (tensor<?x6x4xf32>, tensor<4xf32>) -> tensor<?x7x4xf32>
  %0 = nn.prepend_token %x, %c : (tensor<?x6x4xf32>, tensor<4xf32>) -> tensor<?x7x4xf32>
  // CHECK: nn.add_position %{{.*}}, %{{.*}} : (tensor<?x7x4xf32>, tensor<7x4xf32>) -> tensor<?x7x4xf32>
  %1 = nn.add_position %0, %p : (tensor<?x7x4xf32>, tensor<7x4xf32>) -> tensor<?x7x4xf32>
  // CHECK: nn.layer_norm %{{.*}}, %{{.*}}, %{{.*}} {epsilon = 2.500000e-01 : f64} : (tensor<?x7x4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<?x7x4xf32>
  %2 = nn.layer_norm %1, %c, %c {epsilon = 0.25} : (tensor<?x7x4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<?x7x4xf32>
  // CHECK: nn.dense %{{.*}}, %{{.*}} : (tensor<?x7x4xf32>, tensor<4x24xf32>) -> tensor<?x7x24xf32>
  %3 = nn.dense %2, %w : (tensor<?x7x4xf32>, tensor<4x24xf32>) -> tensor<?x7x24xf32>
  // CHECK: nn.attention %{{.*}} {heads = 2 : i64, scale = 5.000000e-01 : f64} : (tensor<?x7x24xf32>) -> tensor<?x7x8xf32>
  %4 = nn.attention %3 {heads = 2 : i64, scale = 0.5} : (tensor<?x7x24xf32>) -> tensor<?x7x8xf32>
  return
}

// The losses and their gradients.
// CHECK-LABEL: func.func @losses
func.func @losses(%z: tensor<?x3xf32>, %s: tensor<?x1xf32>, %t: tensor<?xi32>) {
  // CHECK: nn.softmax_cross_entropy %{{.*}}, %{{.*}} {label_smoothing = 1.000000e-01 : f64} : (tensor<?x3xf32>, tensor<?xi32>) -> tensor<?xf32>
  %0 = nn.softmax_cross_entropy %z, %t {label_smoothing = 0.1} : (tensor<?x3xf32>, tensor<?xi32>) -> tensor<?xf32>
  // CHECK: nn.softmax_cross_entropy_grad %{{[a-z0-9]+}}, %{{[a-z0-9]+}} : (
  %1 = nn.softmax_cross_entropy_grad %z, %t : (tensor<?x3xf32>, tensor<?xi32>) -> tensor<?x3xf32>
  // CHECK: nn.sigmoid_cross_entropy %{{.*}} : (tensor<?x1xf32>, tensor<?xi32>) -> tensor<?xf32>
  %2 = nn.sigmoid_cross_entropy %s, %t : (tensor<?x1xf32>, tensor<?xi32>) -> tensor<?xf32>
  // CHECK: nn.sigmoid_cross_entropy_grad %{{.*}} : (tensor<?x1xf32>, tensor<?xi32>) -> tensor<?x1xf32>
  %3 = nn.sigmoid_cross_entropy_grad %s, %t : (tensor<?x1xf32>, tensor<?xi32>) -> tensor<?x1xf32>
  return
}

// The gradients.
// CHECK-LABEL: func.func @gradients
func.func @gradients(%x: tensor<?x3xf32>, %dy: tensor<?x2xf32>, %w: tensor<3x2xf32>) {
  // CHECK: nn.dense_grad_input %{{.*}}, %{{.*}} : (tensor<?x2xf32>, tensor<3x2xf32>) -> tensor<?x3xf32>
  %0 = nn.dense_grad_input %dy, %w : (tensor<?x2xf32>, tensor<3x2xf32>) -> tensor<?x3xf32>
  // CHECK: nn.dense_grad_weight %{{.*}}, %{{.*}} : (tensor<?x3xf32>, tensor<?x2xf32>) -> tensor<3x2xf32>
  %1 = nn.dense_grad_weight %x, %dy : (tensor<?x3xf32>, tensor<?x2xf32>) -> tensor<3x2xf32>
  // CHECK: nn.bias_grad %{{.*}} : (tensor<?x2xf32>) -> tensor<2xf32>
  %2 = nn.bias_grad %dy : (tensor<?x2xf32>) -> tensor<2xf32>
  // CHECK: nn.activation_grad %{{.*}}, %{{.*}} {activation = #nn.act<elu, 1.000000e+00 : f64>}
  %3 = nn.activation_grad %dy, %dy {activation = #nn.act<elu, 1.0>} : (tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<?x2xf32>
  // CHECK: nn.global_avg_pool_grad %{{.*}} : (tensor<?x2xf32>) -> tensor<?x4x5x2xf32>
  %4 = nn.global_avg_pool_grad %dy : (tensor<?x2xf32>) -> tensor<?x4x5x2xf32>
  // CHECK: nn.softmax_grad %{{.*}}, %{{.*}} : (tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<?x2xf32>
  %5 = nn.softmax_grad %dy, %dy : (tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<?x2xf32>
  return
}

// The gradients of convolutions: of the filter, and of the input from the
// filter transposed.
// CHECK-LABEL: func.func @convolution_gradients
func.func @convolution_gradients(%x: tensor<?x8x8x4xf32>, %dy: tensor<?x4x4x6xf32>, %w: tensor<3x3x2x6xf32>) {
  // CHECK: nn.transpose_filter %{{.*}} {groups = 2 : i64} : (tensor<3x3x2x6xf32>) -> tensor<3x3x3x4xf32>
  %0 = nn.transpose_filter %w {groups = 2 : i64} : (tensor<3x3x2x6xf32>) -> tensor<3x3x3x4xf32>
  // CHECK: nn.conv2d_grad_input %{{.*}}, %{{.*}} {dilations = array<i64: 1, 1>, groups = 2 : i64, pads = array<i64: 1, 1, 1, 1>, strides = array<i64: 2, 2>} : (tensor<?x4x4x6xf32>, tensor<3x3x3x4xf32>) -> tensor<?x8x8x4xf32>
  %1 = nn.conv2d_grad_input %dy, %0 {strides = array<i64: 2, 2>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, groups = 2 : i64} : (tensor<?x4x4x6xf32>, tensor<3x3x3x4xf32>) -> tensor<?x8x8x4xf32>
  // CHECK: nn.conv2d_grad_filter %{{.*}}, %{{.*}} {dilations = array<i64: 1, 1>, groups = 2 : i64, pads = array<i64: 1, 1, 1, 1>, strides = array<i64: 2, 2>} : (tensor<?x8x8x4xf32>, tensor<?x4x4x6xf32>) -> tensor<3x3x2x6xf32>
  %2 = nn.conv2d_grad_filter %x, %dy {strides = array<i64: 2, 2>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, groups = 2 : i64} : (tensor<?x8x8x4xf32>, tensor<?x4x4x6xf32>) -> tensor<3x3x2x6xf32>
  return
}

// The gradients of pools and slices.
// CHECK-LABEL: func.func @picture_gradients
func.func @picture_gradients(%x: tensor<?x5x5x4xf32>, %dy: tensor<?x3x3x4xf32, #nn.halo<1, 1, 1, 1>>) {
  // CHECK: nn.max_pool_grad %{{.*}}, %{{.*}} {pads = array<i64: 0, 1, 0, 1>, strides = array<i64: 2, 2>, window = array<i64: 2, 2>} : (tensor<?x3x3x4xf32, #nn.halo<1, 1, 1, 1>>, tensor<?x5x5x4xf32>) -> tensor<?x5x5x4xf32>
  %0 = nn.max_pool_grad %dy, %x {window = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 1, 0, 1>} : (tensor<?x3x3x4xf32, #nn.halo<1, 1, 1, 1>>, tensor<?x5x5x4xf32>) -> tensor<?x5x5x4xf32>
  // CHECK: nn.adaptive_avg_pool_grad %{{.*}} : (tensor<?x3x3x4xf32, #nn.halo<1, 1, 1, 1>>) -> tensor<?x5x4x4xf32>
  %a = nn.adaptive_avg_pool_grad %dy : (tensor<?x3x3x4xf32, #nn.halo<1, 1, 1, 1>>) -> tensor<?x5x4x4xf32>
  // CHECK: nn.adaptive_avg_pool %{{.*}} : (tensor<?x5x4x4xf32>) -> tensor<?x7x3x4xf32>
  %b = nn.adaptive_avg_pool %a : (tensor<?x5x4x4xf32>) -> tensor<?x7x3x4xf32>
  // CHECK: nn.avg_pool_grad %{{.*}} {count_padding, pads = array<i64: 0, 1, 0, 1>, strides = array<i64: 2, 2>, window = array<i64: 2, 2>}
  %1 = nn.avg_pool_grad %dy {window = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 1, 0, 1>, count_padding} : (tensor<?x3x3x4xf32, #nn.halo<1, 1, 1, 1>>) -> tensor<?x5x5x4xf32>
  // CHECK: nn.slice_grad %{{.*}} {offsets = array<i64: 0, 0, 0>, strides = array<i64: 2, 2, 1>}
  %2 = nn.slice_grad %dy {offsets = array<i64: 0, 0, 0>, strides = array<i64: 2, 2, 1>} : (tensor<?x3x3x4xf32, #nn.halo<1, 1, 1, 1>>) -> tensor<?x5x5x4xf32>
  return
}

// The gradients of the layers over tokens.
// CHECK-LABEL: func.func @token_gradients
func.func @token_gradients(%x: tensor<?x7x4xf32>, %c: tensor<4xf32>, %qkv: tensor<?x7x12xf32>) {
  // CHECK: nn.layer_norm_grad_input %{{.*}}, %{{.*}}, %{{.*}} {epsilon = 5.000000e-01 : f64} : (tensor<?x7x4xf32>, tensor<?x7x4xf32>, tensor<4xf32>) -> tensor<?x7x4xf32>
  %0 = nn.layer_norm_grad_input %x, %x, %c {epsilon = 0.5} : (tensor<?x7x4xf32>, tensor<?x7x4xf32>, tensor<4xf32>) -> tensor<?x7x4xf32>
  // CHECK: nn.layer_norm_grad_affine %{{.*}}, %{{.*}} {epsilon = 5.000000e-01 : f64} : (tensor<?x7x4xf32>, tensor<?x7x4xf32>) -> (tensor<4xf32>, tensor<4xf32>)
  %1:2 = nn.layer_norm_grad_affine %x, %x {epsilon = 0.5} : (tensor<?x7x4xf32>, tensor<?x7x4xf32>) -> (tensor<4xf32>, tensor<4xf32>)
  // CHECK: nn.attention_grad %{{.*}}, %{{.*}} {heads = 2 : i64, scale = 5.000000e-01 : f64} : (tensor<?x7x4xf32>, tensor<?x7x12xf32>) -> tensor<?x7x12xf32>
  %2 = nn.attention_grad %x, %qkv {heads = 2 : i64, scale = 0.5} : (tensor<?x7x4xf32>, tensor<?x7x12xf32>) -> tensor<?x7x12xf32>
  // CHECK: nn.batch_sum %{{.*}} : (tensor<?x7x4xf32>) -> tensor<7x4xf32>
  %3 = nn.batch_sum %x : (tensor<?x7x4xf32>) -> tensor<7x4xf32>
  return
}

// One update without slots, one with two.
// CHECK-LABEL: func.func @updates
func.func @updates(%p: tensor<3xf32>, %m: tensor<3xf32>, %v: tensor<3xf32>, %g: tensor<3xf32>, %step: tensor<16xi32>) {
  // CHECK: nn.update %{{.*}} slots() by %{{.*}} at %{{.*}} {optimizer = #nn.optimizer<sgd, torch, {}>} : (tensor<3xf32>, tensor<3xf32>, tensor<16xi32>) -> tensor<3xf32>
  %0 = nn.update %p slots() by %g at %step {optimizer = #nn.optimizer<sgd, torch, {}>} : (tensor<3xf32>, tensor<3xf32>, tensor<16xi32>) -> tensor<3xf32>
  // CHECK: nn.update %{{.*}} slots(%{{.*}}, %{{.*}}) by %{{.*}} at %{{.*}} {optimizer = #nn.optimizer<adam, keras, {beta1 = 9.000000e-01 : f64}>}
  %1:3 = nn.update %0 slots(%m, %v) by %g at %step {optimizer = #nn.optimizer<adam, keras, {beta1 = 0.9}>} : (tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<16xi32>) -> (tensor<3xf32>, tensor<3xf32>, tensor<3xf32>)
  return
}

// The 36 points of a filter and the convolution that reads them.
// CHECK-LABEL: func.func @winograd
func.func @winograd(%x: tensor<?x8x8x4xf32>, %w: tensor<3x3x4x6xf32>, %b: tensor<6xf32>, %r: tensor<?x8x8x6xf32>) {
  // CHECK: nn.winograd_filter %{{.*}} : (tensor<3x3x4x6xf32>) -> tensor<36x4x6xf32>
  %u = nn.winograd_filter %w : (tensor<3x3x4x6xf32>) -> tensor<36x4x6xf32>
  // CHECK: nn.winograd_filter %{{.*}} {transposed} : (tensor<3x3x4x6xf32>) -> tensor<36x6x4xf32>
  %t = nn.winograd_filter %w {transposed} : (tensor<3x3x4x6xf32>) -> tensor<36x6x4xf32>
  // CHECK: nn.winograd_conv2d %{{.*}}, %{{.*}}, %{{.*}} residual %{{.*}} {activation = #nn.act<relu>, pads = array<i64: 1, 1, 1, 1>} : (tensor<?x8x8x4xf32>, tensor<36x4x6xf32>, tensor<6xf32>, tensor<?x8x8x6xf32>) -> tensor<?x8x8x6xf32>
  %y = nn.winograd_conv2d %x, %u, %b residual %r {pads = array<i64: 1, 1, 1, 1>, activation = #nn.act<relu>} : (tensor<?x8x8x4xf32>, tensor<36x4x6xf32>, tensor<6xf32>, tensor<?x8x8x6xf32>) -> tensor<?x8x8x6xf32>
  // CHECK: nn.winograd_conv2d %{{.*}}, %{{.*}} {pooled} : (tensor<?x8x8x4xf32>, tensor<36x4x6xf32>) -> tensor<?x3x3x6xf32>
  %p = nn.winograd_conv2d %x, %u {pooled} : (tensor<?x8x8x4xf32>, tensor<36x4x6xf32>) -> tensor<?x3x3x6xf32>
  return
}
