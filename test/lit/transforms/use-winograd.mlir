// RUN: tl-opt %s --tl-use-winograd --split-input-file | FileCheck %s

// A frozen 3x3 convolution with what is fused into it; both parts keep the
// layer's name.
nn.parameter @w : tensor<3x3x64x64xf32> {init = #nn.init<fill, 1.0 : f32, stream 0>}
// CHECK-LABEL: func.func @frozen
// CHECK: %[[W:.*]] = nn.get @w
// CHECK: %[[U:.*]] = nn.winograd_filter %[[W]] {nn.layer = "c"} : (tensor<3x3x64x64xf32>) -> tensor<36x64x64xf32>
// CHECK: %[[Y:.*]] = nn.winograd_conv2d %{{.*}}, %[[U]], %{{.*}} residual %{{.*}} {activation = #nn.act<relu>, nn.layer = "c", pads = array<i64: 1, 1, 1, 1>}
// CHECK: return %[[Y]]
func.func @frozen(%x: tensor<?x16x16x64xf32>, %b: tensor<64xf32>) -> tensor<?x16x16x64xf32> {
  %w = nn.get @w : tensor<3x3x64x64xf32>
  %y = nn.conv2d %x, %w, %b residual %x {pads = array<i64: 1, 1, 1, 1>, activation = #nn.act<relu>, nn.layer = "c"} : (tensor<?x16x16x64xf32>, tensor<3x3x64x64xf32>, tensor<64xf32>, tensor<?x16x16x64xf32>) -> tensor<?x16x16x64xf32>
  return %y : tensor<?x16x16x64xf32>
}

// -----

// A filter that some phase trains, in any entry point: what extraction, step
// and prediction compute has the same bits.
// CHECK-LABEL: func.func @trained_filter
// CHECK: nn.winograd_conv2d
nn.parameter @trained : tensor<3x3x64x64xf32> {init = #nn.init<fill, 1.0 : f32, stream 0>, first_phase = 1 : i64}
func.func @trained_filter(%x: tensor<?x16x16x64xf32>) -> tensor<?x14x14x64xf32> attributes {nn.entry = "predict"} {
  %t = nn.get @trained : tensor<3x3x64x64xf32>
  %0 = nn.conv2d %x, %t : (tensor<?x16x16x64xf32>, tensor<3x3x64x64xf32>) -> tensor<?x14x14x64xf32>
  return %0 : tensor<?x14x14x64xf32>
}

// -----

// The gradient of the input, with the pads that are left of the taps. Its
// filter is read where it was transposed, before its update; another reader of
// the transposed filter keeps it.
// CHECK-LABEL: func.func @gradient
// CHECK: %[[W:.*]] = nn.get @w
// CHECK: %[[U:.*]] = nn.winograd_filter %[[W]] {nn.layer = "c", transposed} : (tensor<3x3x32x64xf32>) -> tensor<36x64x32xf32>
// CHECK-NOT: nn.transpose_filter
// CHECK: nn.update
// CHECK: %[[DX:.*]] = nn.winograd_conv2d %{{.*}}, %[[U]] {nn.layer = "c", pads = array<i64: 2, 1, 0, 2>} : (tensor<?x15x16x64xf32>, tensor<36x64x32xf32>) -> tensor<?x16x16x32xf32>
// CHECK: %[[T:.*]] = nn.transpose_filter
// CHECK: %[[DY:.*]] = nn.winograd_conv2d
// CHECK: nn.conv2d_grad_input %{{.*}}, %[[T]]
nn.parameter @w : tensor<3x3x32x64xf32> {init = #nn.init<fill, 1.0 : f32, stream 0>, first_phase = 0 : i64}
func.func @gradient(%dy: tensor<?x15x16x64xf32>, %g: tensor<3x3x32x64xf32>, %s: tensor<16xi32>) -> (tensor<?x16x16x32xf32>, tensor<?x16x16x32xf32>, tensor<?x31x32x32xf32>) {
  %w = nn.get @w : tensor<3x3x32x64xf32>
  %t = nn.transpose_filter %w {nn.layer = "c"} : (tensor<3x3x32x64xf32>) -> tensor<3x3x64x32xf32>
  %n = nn.update %w slots() by %g at %s {optimizer = #nn.optimizer<sgd, keras, {}>} : (tensor<3x3x32x64xf32>, tensor<3x3x32x64xf32>, tensor<16xi32>) -> tensor<3x3x32x64xf32>
  nn.set @w, %n : tensor<3x3x32x64xf32>
  %0 = nn.conv2d_grad_input %dy, %t {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, pads = array<i64: 0, 1, 2, 0>, nn.layer = "c"} : (tensor<?x15x16x64xf32>, tensor<3x3x64x32xf32>) -> tensor<?x16x16x32xf32>
  %v = nn.get @w : tensor<3x3x32x64xf32>
  %u = nn.transpose_filter %v : (tensor<3x3x32x64xf32>) -> tensor<3x3x64x32xf32>
  %1 = nn.conv2d_grad_input %dy, %u {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, pads = array<i64: 0, 1, 2, 0>} : (tensor<?x15x16x64xf32>, tensor<3x3x64x32xf32>) -> tensor<?x16x16x32xf32>
  %2 = nn.conv2d_grad_input %dy, %u {strides = array<i64: 2, 2>, dilations = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 1>} : (tensor<?x15x16x64xf32>, tensor<3x3x64x32xf32>) -> tensor<?x31x32x32xf32>
  return %0, %1, %2 : tensor<?x16x16x32xf32>, tensor<?x16x16x32xf32>, tensor<?x31x32x32xf32>
}

// -----

// Pads beyond the taps (an input's border that every tap leaves out) stay
// direct.
// CHECK-LABEL: func.func @beyond
// CHECK-NOT: winograd
nn.parameter @w : tensor<3x3x64x64xf32> {init = #nn.init<fill, 1.0 : f32, stream 0>}
func.func @beyond(%dy: tensor<?x18x16x64xf32>) -> tensor<?x15x16x64xf32> {
  %w = nn.get @w : tensor<3x3x64x64xf32>
  %t = nn.transpose_filter %w : (tensor<3x3x64x64xf32>) -> tensor<3x3x64x64xf32>
  %0 = nn.conv2d_grad_input %dy, %t {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, pads = array<i64: 3, 2, 1, 1>} : (tensor<?x18x16x64xf32>, tensor<3x3x64x64xf32>) -> tensor<?x15x16x64xf32>
  return %0 : tensor<?x15x16x64xf32>
}

// -----

// What stays: strides, dilation, other sizes, groups.
// CHECK-LABEL: func.func @others
// CHECK-NOT: winograd
nn.parameter @w : tensor<3x3x64x64xf32> {init = #nn.init<fill, 1.0 : f32, stream 0>}
nn.parameter @one : tensor<1x1x64x64xf32> {init = #nn.init<fill, 1.0 : f32, stream 0>}
nn.parameter @half : tensor<3x3x64x128xf32> {init = #nn.init<fill, 1.0 : f32, stream 0>}
func.func @others(%x: tensor<?x16x16x64xf32>, %z: tensor<?x16x16x128xf32>) -> (tensor<?x7x7x64xf32>, tensor<?x12x12x64xf32>, tensor<?x16x16x64xf32>, tensor<?x14x14x128xf32>) {
  %w = nn.get @w : tensor<3x3x64x64xf32>
  %o = nn.get @one : tensor<1x1x64x64xf32>
  %h = nn.get @half : tensor<3x3x64x128xf32>
  %0 = nn.conv2d %x, %w {strides = array<i64: 2, 2>} : (tensor<?x16x16x64xf32>, tensor<3x3x64x64xf32>) -> tensor<?x7x7x64xf32>
  %1 = nn.conv2d %x, %w {dilations = array<i64: 2, 2>} : (tensor<?x16x16x64xf32>, tensor<3x3x64x64xf32>) -> tensor<?x12x12x64xf32>
  %2 = nn.conv2d %x, %o : (tensor<?x16x16x64xf32>, tensor<1x1x64x64xf32>) -> tensor<?x16x16x64xf32>
  %3 = nn.conv2d %z, %h {groups = 2 : i64} : (tensor<?x16x16x128xf32>, tensor<3x3x64x128xf32>) -> tensor<?x14x14x128xf32>
  return %0, %1, %2, %3 : tensor<?x7x7x64xf32>, tensor<?x12x12x64xf32>, tensor<?x16x16x64xf32>, tensor<?x14x14x128xf32>
}

// -----

// What would be slower stays: few channels, whose blocks are moved for few
// products; a small map, for which reading four times the weights takes longer
// than the products saved.
// CHECK-LABEL: func.func @slower
// CHECK-NOT: winograd
nn.parameter @few : tensor<3x3x3x64xf32> {init = #nn.init<fill, 1.0 : f32, stream 0>}
nn.parameter @large : tensor<3x3x512x512xf32> {init = #nn.init<fill, 1.0 : f32, stream 0>}
func.func @slower(%x: tensor<?x16x16x3xf32>, %z: tensor<?x7x7x512xf32>) -> (tensor<?x14x14x64xf32>, tensor<?x7x7x512xf32>) {
  %f = nn.get @few : tensor<3x3x3x64xf32>
  %l = nn.get @large : tensor<3x3x512x512xf32>
  %0 = nn.conv2d %x, %f : (tensor<?x16x16x3xf32>, tensor<3x3x3x64xf32>) -> tensor<?x14x14x64xf32>
  %1 = nn.conv2d %z, %l {pads = array<i64: 1, 1, 1, 1>} : (tensor<?x7x7x512xf32>, tensor<3x3x512x512xf32>) -> tensor<?x7x7x512xf32>
  return %0, %1 : tensor<?x14x14x64xf32>, tensor<?x7x7x512xf32>
}

// -----

// The same where it trains: a step has more pictures that share the weights.
// CHECK-LABEL: func.func @trained
// CHECK: nn.winograd_conv2d
nn.parameter @large : tensor<3x3x512x512xf32> {init = #nn.init<fill, 1.0 : f32, stream 0>, first_phase = 0 : i64}
func.func @trained(%z: tensor<?x7x7x512xf32>) -> tensor<?x7x7x512xf32> {
  %l = nn.get @large : tensor<3x3x512x512xf32>
  %0 = nn.conv2d %z, %l {pads = array<i64: 1, 1, 1, 1>} : (tensor<?x7x7x512xf32>, tensor<3x3x512x512xf32>) -> tensor<?x7x7x512xf32>
  return %0 : tensor<?x7x7x512xf32>
}

// -----

// The same filter on a map that is large enough.
// CHECK-LABEL: func.func @larger
// CHECK: nn.winograd_conv2d
nn.parameter @large : tensor<3x3x512x512xf32> {init = #nn.init<fill, 1.0 : f32, stream 0>}
func.func @larger(%z: tensor<?x9x9x512xf32>) -> tensor<?x9x9x512xf32> {
  %l = nn.get @large : tensor<3x3x512x512xf32>
  %1 = nn.conv2d %z, %l {pads = array<i64: 1, 1, 1, 1>} : (tensor<?x9x9x512xf32>, tensor<3x3x512x512xf32>) -> tensor<?x9x9x512xf32>
  return %1 : tensor<?x9x9x512xf32>
}
