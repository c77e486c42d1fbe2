// RUN: tl-opt %s --tl-rematerialise | FileCheck %s

// x is kept for the gradient of the batch norm; relu(bn(x)) is then computed
// again for the gradient of the next layer's weight, from the same values.
// CHECK-LABEL: func.func @train_step.chain
// CHECK: %[[X:.*]] = nn.dense
// CHECK: %[[B:.*]] = nn.batch_norm %[[X]]
// CHECK: %[[R:.*]] = nn.activation %[[B]]
// CHECK: nn.dense %[[R]]
// CHECK: nn.softmax_cross_entropy_grad
// CHECK: %[[B2:.*]] = nn.batch_norm %[[X]]
// CHECK-NEXT: %[[R2:.*]] = nn.activation %[[B2]]
// CHECK-NEXT: nn.dense_grad_weight %[[R2]]
// CHECK: nn.activation_grad %{{.*}}, %[[R2]]
// CHECK-NOT: nn.activation %
// CHECK: nn.batch_norm_grad_affine %{{.*}}, %[[X]]
func.func @train_step.chain(%f: tensor<?x8xf32> {nn.name = "frontier"}, %labels: tensor<?xi32> {nn.name = "labels"}) -> (tensor<?xf32>, tensor<8x64xf32>, tensor<64x2xf32>, tensor<64xf32>, tensor<64xf32>) attributes {nn.entry = "train_step", nn.phase = 0 : i64} {
  %w = nn.get @w : tensor<8x64xf32>
  %g = nn.get @g : tensor<64xf32>
  %b = nn.get @b : tensor<64xf32>
  %m = nn.get @m : tensor<64xf32>
  %v = nn.get @v : tensor<64xf32>
  %u = nn.get @u : tensor<64x2xf32>
  %0 = nn.dense %f, %w : (tensor<?x8xf32>, tensor<8x64xf32>) -> tensor<?x64xf32>
  %1 = nn.batch_norm %0, %g, %b, %m, %v {epsilon = 1.0e-3 : f64} : (tensor<?x64xf32>, tensor<64xf32>, tensor<64xf32>, tensor<64xf32>, tensor<64xf32>) -> tensor<?x64xf32>
  %2 = nn.activation %1 {activation = #nn.act<relu>} : (tensor<?x64xf32>) -> tensor<?x64xf32>
  %3 = nn.dense %2, %u : (tensor<?x64xf32>, tensor<64x2xf32>) -> tensor<?x2xf32>
  %4 = nn.softmax_cross_entropy %3, %labels : (tensor<?x2xf32>, tensor<?xi32>) -> tensor<?xf32>
  %5 = nn.softmax_cross_entropy_grad %3, %labels : (tensor<?x2xf32>, tensor<?xi32>) -> tensor<?x2xf32>
  %6 = nn.dense_grad_weight %2, %5 : (tensor<?x64xf32>, tensor<?x2xf32>) -> tensor<64x2xf32>
  %7 = nn.dense_grad_input %5, %u : (tensor<?x2xf32>, tensor<64x2xf32>) -> tensor<?x64xf32>
  %8 = nn.activation_grad %7, %2 {activation = #nn.act<relu>} : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32>
  %9, %10 = nn.batch_norm_grad_affine %8, %0, %m, %v {epsilon = 1.0e-3 : f64} : (tensor<?x64xf32>, tensor<?x64xf32>, tensor<64xf32>, tensor<64xf32>) -> (tensor<64xf32>, tensor<64xf32>)
  %11 = nn.batch_norm_grad_input %8, %g, %v {epsilon = 1.0e-3 : f64} : (tensor<?x64xf32>, tensor<64xf32>, tensor<64xf32>) -> tensor<?x64xf32>
  %12 = nn.dense_grad_weight %f, %11 : (tensor<?x8xf32>, tensor<?x64xf32>) -> tensor<8x64xf32>
  return %4, %12, %6, %9, %10 : tensor<?xf32>, tensor<8x64xf32>, tensor<64x2xf32>, tensor<64xf32>, tensor<64xf32>
}
