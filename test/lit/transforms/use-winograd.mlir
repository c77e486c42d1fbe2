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

// What stays: trained filters (in entry points that do not train them, too),
// strides, dilation, other sizes, groups.
// CHECK-LABEL: func.func @others
// CHECK-NOT: winograd
nn.parameter @trained : tensor<3x3x64x64xf32> {init = #nn.init<fill, 1.0 : f32, stream 0>, first_phase = 1 : i64}
nn.parameter @w : tensor<3x3x64x64xf32> {init = #nn.init<fill, 1.0 : f32, stream 0>}
nn.parameter @one : tensor<1x1x64x64xf32> {init = #nn.init<fill, 1.0 : f32, stream 0>}
nn.parameter @half : tensor<3x3x64x128xf32> {init = #nn.init<fill, 1.0 : f32, stream 0>}
func.func @others(%x: tensor<?x16x16x64xf32>, %z: tensor<?x16x16x128xf32>) -> (tensor<?x14x14x64xf32>, tensor<?x7x7x64xf32>, tensor<?x12x12x64xf32>, tensor<?x16x16x64xf32>, tensor<?x14x14x128xf32>) {
  %t = nn.get @trained : tensor<3x3x64x64xf32>
  %w = nn.get @w : tensor<3x3x64x64xf32>
  %o = nn.get @one : tensor<1x1x64x64xf32>
  %h = nn.get @half : tensor<3x3x64x128xf32>
  %0 = nn.conv2d %x, %t : (tensor<?x16x16x64xf32>, tensor<3x3x64x64xf32>) -> tensor<?x14x14x64xf32>
  %1 = nn.conv2d %x, %w {strides = array<i64: 2, 2>} : (tensor<?x16x16x64xf32>, tensor<3x3x64x64xf32>) -> tensor<?x7x7x64xf32>
  %2 = nn.conv2d %x, %w {dilations = array<i64: 2, 2>} : (tensor<?x16x16x64xf32>, tensor<3x3x64x64xf32>) -> tensor<?x12x12x64xf32>
  %3 = nn.conv2d %x, %o : (tensor<?x16x16x64xf32>, tensor<1x1x64x64xf32>) -> tensor<?x16x16x64xf32>
  %4 = nn.conv2d %z, %h {groups = 2 : i64} : (tensor<?x16x16x128xf32>, tensor<3x3x64x128xf32>) -> tensor<?x14x14x128xf32>
  return %0, %1, %2, %3, %4 : tensor<?x14x14x64xf32>, tensor<?x7x7x64xf32>, tensor<?x12x12x64xf32>, tensor<?x16x16x64xf32>, tensor<?x14x14x128xf32>
}

// -----

// What would be slower stays: few channels, whose blocks are moved for few
// products; a small map, for which reading four times the weights takes longer
// than the products saved.
// CHECK-LABEL: func.func @slower
// CHECK-NOT: winograd
nn.parameter @few : tensor<3x3x3x64xf32> {init = #nn.init<fill, 1.0 : f32, stream 0>}
nn.parameter @large : tensor<3x3x512x512xf32> {init = #nn.init<fill, 1.0 : f32, stream 0>}
func.func @slower(%x: tensor<?x16x16x3xf32>, %z: tensor<?x3x3x512xf32>) -> (tensor<?x14x14x64xf32>, tensor<?x3x3x512xf32>) {
  %f = nn.get @few : tensor<3x3x3x64xf32>
  %l = nn.get @large : tensor<3x3x512x512xf32>
  %0 = nn.conv2d %x, %f : (tensor<?x16x16x3xf32>, tensor<3x3x3x64xf32>) -> tensor<?x14x14x64xf32>
  %1 = nn.conv2d %z, %l {pads = array<i64: 1, 1, 1, 1>} : (tensor<?x3x3x512xf32>, tensor<3x3x512x512xf32>) -> tensor<?x3x3x512xf32>
  return %0, %1 : tensor<?x14x14x64xf32>, tensor<?x3x3x512xf32>
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
