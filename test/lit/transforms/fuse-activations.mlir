// RUN: tl-opt %s --tl-fuse-activations | FileCheck %s

// The activation moves into the layer that makes its input; the result goes by
// the activation's name.
// CHECK-LABEL: func.func @fuses
// CHECK-NEXT: nn.dense %{{.*}} {activation = #nn.act<relu>, nn.layer = "relu"}
// CHECK-NEXT: return
func.func @fuses(%x: tensor<?x4xf32>, %w: tensor<4x2xf32>) -> tensor<?x2xf32> {
  %0 = nn.dense %x, %w {nn.layer = "dense"} : (tensor<?x4xf32>, tensor<4x2xf32>) -> tensor<?x2xf32>
  %1 = nn.activation %0 {activation = #nn.act<relu>, nn.layer = "relu"} : (tensor<?x2xf32>) -> tensor<?x2xf32>
  return %1 : tensor<?x2xf32>
}

// A gradient that needs the value before the activation keeps them apart.
// CHECK-LABEL: func.func @keeps
// CHECK: nn.dense
// CHECK-NOT: activation =
// CHECK: nn.activation
func.func @keeps(%x: tensor<?x4xf32>, %w: tensor<4x2xf32>, %dy: tensor<?x2xf32>) -> (tensor<?x2xf32>, tensor<?x2xf32>) {
  %0 = nn.dense %x, %w : (tensor<?x4xf32>, tensor<4x2xf32>) -> tensor<?x2xf32>
  %1 = nn.activation %0 {activation = #nn.act<silu>} : (tensor<?x2xf32>) -> tensor<?x2xf32>
  %2 = nn.activation_grad %dy, %0 {activation = #nn.act<silu>} : (tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<?x2xf32>
  return %1, %2 : tensor<?x2xf32>, tensor<?x2xf32>
}

// One operation holds one activation.
// CHECK-LABEL: func.func @once
// CHECK: nn.dense {{.*}}activation = #nn.act<relu>
// CHECK: nn.activation {{.*}}#nn.act<tanh>
func.func @once(%x: tensor<?x4xf32>, %w: tensor<4x2xf32>) -> tensor<?x2xf32> {
  %0 = nn.dense %x, %w : (tensor<?x4xf32>, tensor<4x2xf32>) -> tensor<?x2xf32>
  %1 = nn.activation %0 {activation = #nn.act<relu>} : (tensor<?x2xf32>) -> tensor<?x2xf32>
  %2 = nn.activation %1 {activation = #nn.act<tanh>} : (tensor<?x2xf32>) -> tensor<?x2xf32>
  return %2 : tensor<?x2xf32>
}
