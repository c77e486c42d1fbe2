// RUN: tl-opt %s --tl-fold-dropout | FileCheck %s

// Without a step block there is no training: dropout does nothing.
// CHECK-LABEL: func.func @inference
// CHECK-SAME: (%[[X:.*]]: tensor
// CHECK-NEXT: return %[[X]]
func.func @inference(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %0 = nn.dropout %x {rate = 5.0e-1 : f64, stream = 1 : i64} : (tensor<?x4xf32>) -> tensor<?x4xf32>
  return %0 : tensor<?x4xf32>
}

// In a training step it stays.
// CHECK-LABEL: func.func @training
// CHECK: nn.dropout
func.func @training(%x: tensor<?x4xf32>, %ids: tensor<?xi32>, %step: tensor<16xi32>) -> tensor<?x4xf32> {
  %0 = nn.dropout %x ids %ids step %step {rate = 5.0e-1 : f64, stream = 1 : i64} : (tensor<?x4xf32>, tensor<?xi32>, tensor<16xi32>) -> tensor<?x4xf32>
  return %0 : tensor<?x4xf32>
}
