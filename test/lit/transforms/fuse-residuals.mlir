// RUN: tl-opt %s --tl-fuse-residuals | FileCheck %s

// A convolution takes what is added to it, on either side, with the add's
// activation and name; it moves behind what it adds.
// CHECK-LABEL: func.func @fuses
// CHECK-SAME: (%[[X:.*]]: tensor<?x4x4x2xf32>, %[[W:.*]]: tensor<1x1x2x2xf32>)
// CHECK-NEXT: %[[A:.*]] = nn.conv2d %[[X]], %[[W]] residual %[[X]] {activation = #nn.act<relu>, nn.layer = "add"}
// CHECK-NEXT: %[[T:.*]] = nn.activation %[[A]]
// CHECK-NEXT: %[[B:.*]] = nn.conv2d %[[A]], %[[W]] residual %[[T]] :
// CHECK-NEXT: return %[[B]]
func.func @fuses(%x: tensor<?x4x4x2xf32>, %w: tensor<1x1x2x2xf32>) -> tensor<?x4x4x2xf32> {
  %0 = nn.conv2d %x, %w {nn.layer = "conv"} : (tensor<?x4x4x2xf32>, tensor<1x1x2x2xf32>) -> tensor<?x4x4x2xf32>
  %1 = nn.add %0, %x {activation = #nn.act<relu>, nn.layer = "add"} : (tensor<?x4x4x2xf32>, tensor<?x4x4x2xf32>) -> tensor<?x4x4x2xf32>
  %2 = nn.conv2d %1, %w : (tensor<?x4x4x2xf32>, tensor<1x1x2x2xf32>) -> tensor<?x4x4x2xf32>
  %3 = nn.activation %1 {activation = #nn.act<tanh>} : (tensor<?x4x4x2xf32>) -> tensor<?x4x4x2xf32>
  %4 = nn.add %3, %2 : (tensor<?x4x4x2xf32>, tensor<?x4x4x2xf32>) -> tensor<?x4x4x2xf32>
  return %4 : tensor<?x4x4x2xf32>
}

// Of two convolutions the second takes the first (a shortcut with weights).
// CHECK-LABEL: func.func @second
// CHECK-NEXT: %[[A:.*]] = nn.conv2d %{{[^ ]*}}, %{{[^ ]*}} :
// CHECK-NEXT: nn.conv2d %{{.*}} residual %[[A]]
// CHECK-NEXT: return
func.func @second(%x: tensor<?x4x4x2xf32>, %w: tensor<1x1x2x2xf32>, %v: tensor<1x1x2x2xf32>) -> tensor<?x4x4x2xf32> {
  %0 = nn.conv2d %x, %w : (tensor<?x4x4x2xf32>, tensor<1x1x2x2xf32>) -> tensor<?x4x4x2xf32>
  %1 = nn.conv2d %x, %v : (tensor<?x4x4x2xf32>, tensor<1x1x2x2xf32>) -> tensor<?x4x4x2xf32>
  %2 = nn.add %0, %1 : (tensor<?x4x4x2xf32>, tensor<?x4x4x2xf32>) -> tensor<?x4x4x2xf32>
  return %2 : tensor<?x4x4x2xf32>
}

// Not where the convolution has another reader, an activation of its own, or a
// residual already: the add's activation comes last.
// CHECK-LABEL: func.func @keeps
// CHECK-COUNT-3: nn.add
func.func @keeps(%x: tensor<?x4x4x2xf32>, %w: tensor<1x1x2x2xf32>) -> (tensor<?x4x4x2xf32>, tensor<?x4x4x2xf32>, tensor<?x4x4x2xf32>, tensor<?x4x4x2xf32>) {
  %0 = nn.conv2d %x, %w : (tensor<?x4x4x2xf32>, tensor<1x1x2x2xf32>) -> tensor<?x4x4x2xf32>
  %1 = nn.add %0, %x : (tensor<?x4x4x2xf32>, tensor<?x4x4x2xf32>) -> tensor<?x4x4x2xf32>
  %2 = nn.conv2d %x, %w {activation = #nn.act<relu>} : (tensor<?x4x4x2xf32>, tensor<1x1x2x2xf32>) -> tensor<?x4x4x2xf32>
  %3 = nn.add %2, %x : (tensor<?x4x4x2xf32>, tensor<?x4x4x2xf32>) -> tensor<?x4x4x2xf32>
  %4 = nn.conv2d %x, %w residual %x : (tensor<?x4x4x2xf32>, tensor<1x1x2x2xf32>, tensor<?x4x4x2xf32>) -> tensor<?x4x4x2xf32>
  %5 = nn.add %4, %x : (tensor<?x4x4x2xf32>, tensor<?x4x4x2xf32>) -> tensor<?x4x4x2xf32>
  return %0, %1, %3, %5 : tensor<?x4x4x2xf32>, tensor<?x4x4x2xf32>, tensor<?x4x4x2xf32>, tensor<?x4x4x2xf32>
}
